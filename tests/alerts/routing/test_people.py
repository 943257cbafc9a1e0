"""Subscribing, silencing and acknowledging, from the command line and over HTTP: no secret is ever shown."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.main import app
from services.alerts.app import DOORS
from services.alerts.destinations import built_in, channels_of
from services.alerts.log import Log
from services.alerts.routing.api import routes
from services.alerts.routing.store import Store
from services.alerts.settings import AlertsSettings
from services.platform import problems
from services.platform.access.access import Access, this_machine
from services.platform.access.audit import Audit
from services.platform.access.gate import Gate
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan
from services.platform.settings import Common
from tests.alerts.routing.timeline import alert, change

ROBOT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=5ec2e700-0000-4000-8000-000000000000"
SECRET = "5ec2e700"
TOKEN = "only-for-this-test"
HERE = "http://127.0.0.1:8102"


@pytest.fixture
def alerts(settings: Common) -> AlertsSettings:
    return AlertsSettings(
        clickhouse_port=settings.clickhouse_port,
        clickhouse_database=settings.clickhouse_database,
        smtp_host="127.0.0.1",
        mail_from="minmai@county.example",
        mail_to="office@county.example",
        webhook_url="https://hook.example/path?token=5ec2e700",
    )


@pytest.fixture
def store(settings: Common) -> Store:
    store = Store(ClickHouse(settings))
    Log(ClickHouse(settings)).write([change("a", "firing", 1), change("b", "firing", 2)])
    return store


@pytest.fixture
def minmai(alerts: AlertsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds these settings."""
    for name, value in alerts.model_dump(exclude_unset=True).items():
        monkeypatch.setenv(f"MINMAI_{name.upper()}", str(value))


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["alerts", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("minmai")
def test_a_subscription_is_made_changed_listed_and_ended(store: Store) -> None:
    said = run(
        *(
            "subscribe",
            "duty",
            "--name",
            "值班室",
            "--to",
            "mail:duty@county.example",
            "--to",
            f"wecom:{ROBOT}",
        ),
        *("--severity", "critical", "--severity", "warning", "--division", "532622101", "--theme", "health"),
        *("--quiet", "22:00-07:00", "--repeat", "12h", "--escalate-to", "mail", "--escalate-after", "30m"),
    )
    assert SECRET not in said
    one = store.subscriber("duty")
    assert [address.channel for address in one.channels] == ["mail", "wecom"]
    assert (one.repeat_interval, one.escalate_after, one.quiet is None) == (43_200, 1_800, False)
    run("subscribe", "duty", "--quiet", "none", "--mode", "digest", "--digest-at", "08:30")
    changed = store.subscriber("duty")
    assert (changed.quiet, changed.mode, changed.severities) == (None, "digest", ["critical", "warning"])
    assert changed.created_at == one.created_at
    listed = run("list")
    assert SECRET not in listed
    for expected in ("topic", "office@county.example", "https://hook.example", "duty", "值班室", "532622101"):
        assert expected in listed
    run("unsubscribe", "duty")
    assert "duty" not in run("list")


@pytest.mark.usefixtures("minmai", "store")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["subscribe", "x", "--to", "mail:nobody"], "mail"),
        (["subscribe", "x", "--to", "pigeon:home"], "pigeon"),
        (["subscribe", "x"], "channels"),
        (["subscribe", "X Y", "--to", "mail:x@county.example"], "id"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--repeat", "soon"], "repeat_interval"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--zone", "Mars"], "Mars"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--escalate-to", "nobody"], "nobody"),
        (["subscribe", "mail", "--to", "mail:x@county.example"], "settings"),
        (["unsubscribe", "x"], "x"),
        (["silence", "--reason", "works", "--for", "2h"], "--everything"),
        (["silence", "--reason", "works", "--rule", "a"], "--until"),
        (["silence", "--reason", "works", "--for", "2h", "--rule", "lags"], "lags"),
        (["silence", "--reason", "works", "--for", "2h", "--alert", "ffff"], "没有 ffff · there is no ffff"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--indicator", "beds"], "indicators"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--rule-kind", "values"], "did you mean value?"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--division", "110000"], "110000"),
        (["subscribe", "x", "--to", "mail:x@county.example", "--quiet", "22:00"], "--quiet 22:00"),
        (["notices", "--state", "deliverd"], "did you mean delivered?"),
        (["ack", "ffff"], "ffff"),
        (["silences", "--end", "ffff"], "ffff"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["alerts", *words])
    assert isinstance(done.exception, MinmaiError)
    assert said in str(done.exception)


@pytest.mark.usefixtures("minmai")
def test_silences_and_acknowledgements_are_said_listed_and_taken_back(store: Store) -> None:
    assert str(alert("a")) in run("firing")
    run("silence", "--alert", str(alert("a"))[:8], "--for", "2h", "--reason", "works", "--by", "li")
    [one] = store.silences()
    assert (one.alerts, one.author) == ([alert("a")], "li")
    assert (one.ends - one.begins).total_seconds() == 7_200
    assert "生效 holds" in run("silences")
    run("silences", "--end", str(one.id)[:8])
    assert "已过 over" in run("silences")
    run("ack", str(alert("a"))[:8], "--note", "on it", "--by", "li")
    [taken] = store.acknowledgements()
    assert (taken.alert_id, taken.author, taken.note) == (alert("a"), "li", "on it")
    run("ack", str(alert("a")), "--undo")
    assert store.acknowledgements() == []


@pytest.fixture
def http(store: Store, alerts: AlertsSettings) -> Iterator[TestClient]:
    site = gated(store, alerts, TOKEN)
    with TestClient(site, HERE, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def gated(store: Store, alerts: AlertsSettings, token: str) -> FastAPI:
    """The API behind its gate."""
    site = FastAPI()
    access = Access(alerts, without=this_machine("viewer"), token=SecretStr(token))
    audit = Audit(ClickHouse(alerts), "alerts")
    site.add_middleware(Gate, access=access, doors=DOORS, audit=audit)
    problems.install(site)
    site.include_router(routes(store, channels_of(alerts), built_in(alerts), load_plan(alerts.plan)))
    return site


def test_the_same_over_http(http: TestClient, store: Store) -> None:
    wanted = {"name": "值班室", "channels": [{"channel": "wecom", "address": ROBOT}], "language": "zh"}
    made = http.put("/v1/alerts/subscribers/duty", json=wanted)
    assert made.status_code == 200, made.text
    listed = http.get("/v1/alerts/subscribers")
    assert SECRET not in made.text + listed.text
    assert [one["subscriber"]["id"] for one in listed.json()["subscribers"]] == [
        "topic",
        "webhook",
        "mail",
        "duty",
    ]
    assert http.delete("/v1/alerts/subscribers/duty").status_code == 204
    assert http.delete("/v1/alerts/subscribers/duty").status_code == 404
    assert http.delete("/v1/alerts/subscribers/mail").status_code == 409

    span = {"begins": "2026-01-01T00:00:00Z", "ends": "2099-01-01T00:00:00Z"}
    silence = http.post(
        "/v1/alerts/silences", json={"author": "li", "reason": "works", "rules": ["childcare_full"], **span}
    )
    assert silence.status_code == 201, silence.text
    [one] = http.get("/v1/alerts/silences").json()["silences"]
    assert http.delete(f"/v1/alerts/silences/{one['id']}").status_code == 200
    assert http.delete(f"/v1/alerts/silences/{one['id']}").status_code == 404

    path = f"/v1/alerts/{alert('a')}/acknowledgement"
    assert http.put(path, json={"author": "li"}).status_code == 204
    assert [taken.author for taken in store.acknowledgements()] == ["li"]
    assert http.request("DELETE", path, json={"author": "li"}).status_code == 204
    assert http.put(f"/v1/alerts/{uuid4()}/acknowledgement", json={"author": "li"}).status_code == 404


def test_what_is_wrong_is_said_without_the_secret(http: TestClient) -> None:
    wrong = {"name": "x", "channels": [{"channel": "wecom", "address": ROBOT, "more": 1}]}
    answer = http.put("/v1/alerts/subscribers/duty", json=wrong)
    assert answer.status_code == 422
    assert "channels.0.more" in answer.json()["detail"]
    no_robot = {"name": "x", "channels": [{"channel": "wecom", "address": f"{SECRET}-is-no-url"}]}
    refused = http.put("/v1/alerts/subscribers/duty", json=no_robot)
    assert refused.status_code == 422
    assert SECRET not in answer.text + refused.text


def test_what_the_plan_does_not_have_is_refused_over_http_too(http: TestClient, store: Store) -> None:
    channels = [{"channel": "mail", "address": "x@county.example"}]
    wanted = {"name": "x", "channels": channels, "indicators": ["childcare_place"]}
    lasting = {
        "author": "li",
        "reason": "x",
        "begins": "2026-01-01T00:00:00Z",
        "ends": "2026-01-02T00:00:00Z",
    }
    answers = [
        http.put("/v1/alerts/subscribers/x", json=wanted),
        http.post("/v1/alerts/silences", json={**lasting, "rules": ["childcare_ful"]}),
        http.delete("/v1/alerts/silences/no-id"),
    ]
    told = ("there is no indicator", "did you mean childcare_full?", "id:")
    for answer, said in zip(answers, told, strict=True):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in answer.json()["detail"]
    assert store.subscribers() == []
    assert store.silences() == []


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"{TOKEN}"])
def test_who_has_no_token_changes_nothing(http: TestClient, store: Store, header: str) -> None:
    http.headers["Authorization"] = header
    wanted = {"name": "x", "channels": [{"channel": "mail", "address": "x@county.example"}]}
    tries = [
        http.put("/v1/alerts/subscribers/x", json=wanted),
        http.get("/v1/alerts/subscribers"),
        http.post("/v1/alerts/silences", json={}),
        http.put(f"/v1/alerts/{alert('a')}/acknowledgement", json={"author": "li"}),
    ]
    assert {one.status_code for one in tries} == {403}
    assert store.subscribers() == []
    assert http.get("/v1/alerts/silences").status_code == 200


def test_without_a_token_in_the_settings_the_api_says_what_to_do(
    store: Store, alerts: AlertsSettings
) -> None:
    client = TestClient(gated(store, alerts, ""), HERE, headers={"Authorization": "Bearer "})
    answers = [client.get("/v1/alerts/subscribers"), client.post("/v1/alerts/silences", json={})]
    assert {one.status_code for one in answers} == {403}
    assert "MINMAI_ALERTS_OPERATOR_TOKEN" in answers[1].json()["detail"]
