"""Publishing to Grafana: what is there afterwards, what is left alone, what is said when it cannot be."""

import copy
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.board.grafana.client import Grafana, GrafanaError
from services.board.grafana.declared import Declared, declare
from services.board.grafana.publish import Step, steps
from services.board.grafana.settings import GrafanaSettings
from services.platform.errors import SettingsError
from services.platform.settings import load
from tests.board.county import PLAN, plan
from tests.board.grafana_server import GrafanaServer
from tests.board.test_grafana_queries import RULES, with_rules
from tests.support.ports import free_port

WECOM = "https://qyapi.example/robot?key=top-secret"


@pytest.fixture
def server() -> Iterator[GrafanaServer]:
    made = GrafanaServer()
    yield made
    made.close()


def settings(server: GrafanaServer, **more: Any) -> GrafanaSettings:
    given = {"grafana_token": server.token, "grafana_mail_to": "duty@example.org", **more}
    return GrafanaSettings(grafana_url=server.url, **given)


def declared(server: GrafanaServer, **more: Any) -> Declared:
    return declare(with_rules(*RULES), settings(server, **more), 1)


def publish(server: GrafanaServer, wanted: Declared, **more: Any) -> list[Step]:
    """Publish, and return what had to be done."""
    found = steps(Grafana(settings(server, **more)), wanted)
    for step in found:
        step.run()
    return found


def done(found: list[Step]) -> list[tuple[str, str]]:
    return [(step.action, step.kind) for step in found]


def state(server: GrafanaServer) -> Any:
    held = (server.folders, server.sources, server.rules, server.contacts, server.policies, server.intervals)
    held = (*held, server.dashboards)
    return copy.deepcopy(held)


def test_everything_is_made_and_a_second_time_nothing_changes(server: GrafanaServer) -> None:
    wanted = declared(server)
    first = publish(server, wanted)
    assert {action for action, _kind in done(first)} == {"create"}
    assert set(server.rules) == {rule["uid"] for rule in wanted.rules}
    assert len(server.rules) == len(wanted.rules) == 25 + 1 + 1 + 10
    assert all(not rule["provenance"] for rule in server.rules.values()), "people may edit them"
    [ours, *_others] = server.policies["routes"]
    assert ours["receiver"] == "民脉 砚山县"
    before = state(server)
    server.calls.clear()
    assert publish(server, wanted) == []
    assert server.writes == []
    assert state(server) == before


def test_a_dry_run_only_reads(server: GrafanaServer) -> None:
    before = state(server)
    assert steps(Grafana(settings(server)), declared(server))
    assert server.writes == []
    assert state(server) == before


def test_what_is_no_longer_declared_is_deleted_and_others_stay(server: GrafanaServer) -> None:
    publish(server, declared(server, grafana_webhook_url="http://hook.example/"))
    theirs = {**next(iter(server.rules.values())), "uid": "made-by-hand", "title": "made by hand"}
    server.rules["made-by-hand"] = theirs
    server.policies["routes"].append(
        {"receiver": "grafana-default-email", "object_matchers": [["a", "=", "b"]]}
    )
    fewer = declare(with_rules(*RULES[1:3]), settings(server, grafana_mail_to=""), 1)
    found = publish(server, fewer)
    # The dashboards stay, and no longer name the rules that have gone.
    assert {(step.action, step.kind) for step in found if step.action != "delete"} == {
        ("update", "dashboard")
    }
    assert set(server.rules) == {rule["uid"] for rule in fewer.rules} | {"made-by-hand"}
    assert list(server.contacts) == ["default"]
    assert [route["object_matchers"] for route in server.policies["routes"]] == [[["a", "=", "b"]]]
    assert publish(server, fewer) == []


def test_the_policies_of_others_keep_their_place(server: GrafanaServer) -> None:
    other = {"receiver": "grafana-default-email", "object_matchers": [["team", "=", "net"]]}
    last = {"receiver": "grafana-default-email", "object_matchers": [["team", "=~", ".*"]]}
    server.policies["routes"] = [other, last]
    publish(server, declared(server))
    routes = server.policies["routes"]
    assert routes[1:] == [other, last], "ours goes before whatever takes everything"
    server.policies["routes"] = [other, routes[0], last]
    routes[0]["repeat_interval"] = "5m"
    [step] = publish(server, declared(server))
    assert (step.action, step.kind, step.why) == (
        *("update", "notification policy"),
        ["[0].repeat_interval: 5m → 1d"],
    )
    assert [route["object_matchers"] for route in server.policies["routes"]] == [
        other["object_matchers"],
        [["minmai", "=", "532622"]],
        last["object_matchers"],
    ]


def test_what_people_changed_is_set_right_and_told(server: GrafanaServer) -> None:
    wanted = declared(server)
    publish(server, wanted)
    rule = next(one for one in server.rules.values() if one["labels"]["minmai_rule"] == "value")
    rule["isPaused"] = True
    rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"] = [4.0]
    server.intervals[rule["ruleGroup"]] = 3600
    server.folders[wanted.folder["uid"]]["title"] = "renamed"
    found = publish(server, wanted)
    assert done(found) == [("update", "folder"), ("update", "alert rule"), ("update", "rule group")]
    assert found[1].why == [
        "data[1].model.conditions[0].evaluator.params[0]: 4.0 → 4.5",
        "isPaused: True → False",
    ]
    assert found[2].why == ["interval: 3600 s → 60 s"]
    assert publish(server, wanted) == []
    assert len(server.rules) == len(wanted.rules), "setting a group's interval loses none of its rules"


def test_dashboards_are_set_right_and_those_of_others_stay(server: GrafanaServer) -> None:
    wanted = declared(server)
    publish(server, wanted)
    assert set(server.dashboards) == {one["uid"] for one in wanted.dashboards}
    held = server.dashboards[f"{wanted.prefix}county"]
    assert held["meta"]["folderUid"] == wanted.folder["uid"]
    held["meta"]["folderUid"] = "elsewhere"
    held["dashboard"]["refresh"] = "1d"
    theirs = {"dashboard": {"uid": "theirs", "title": "theirs"}, "meta": {"folderUid": wanted.folder["uid"]}}
    gone = {"dashboard": {"uid": f"{wanted.prefix}gone", "title": "gone"}, "meta": {}}
    server.dashboards |= {"theirs": theirs, f"{wanted.prefix}gone": gone}
    found = publish(server, wanted)
    assert done(found) == [("update", "dashboard"), ("delete", "dashboard")]
    assert found[0].why == ["refresh: 1d → 30s", "folder: elsewhere → minmai-532622-folder"]
    assert set(server.dashboards) == {one["uid"] for one in wanted.dashboards} | {"theirs"}
    assert publish(server, wanted) == []


def test_every_page_of_dashboards_is_looked_at(
    server: GrafanaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.board.grafana.publish._PAGE", 3)
    wanted = declared(server)
    publish(server, wanted)
    server.dashboards[f"{wanted.prefix}zzz"] = {"dashboard": {"title": "the last"}, "meta": {}}
    assert done(publish(server, wanted)) == [("delete", "dashboard")]


def test_a_dashboard_from_a_file_is_told(server: GrafanaServer) -> None:
    server.provisioned = {"minmai-532622-county"}
    assert "provisioned" in refusal(server)


def test_secrets_are_written_each_time_and_never_told(server: GrafanaServer) -> None:
    more = {"grafana_wecom_url": WECOM, "clickhouse_password": "hidden-too"}
    wanted = declared(server, **more)
    publish(server, wanted, **more)
    again = publish(server, wanted, **more)
    assert done(again) == [("rewrite", "data source"), ("rewrite", "contact point")]
    server.hides_secrets = False  # as some versions do not
    changed = {**more, "grafana_wecom_url": WECOM + "-new"}
    later = publish(server, declared(server, **changed), **changed)
    assert done(later) == [("rewrite", "data source"), ("update", "contact point")]
    assert later[1].why == ["settings.url: …"]
    assert server.contacts["minmai-532622-wecom"]["settings"]["url"] == WECOM + "-new"
    told = repr([(step.name, step.why) for step in (*again, *later)])
    assert "top-secret" not in told
    assert "hidden-too" not in told


def test_a_duration_is_the_same_however_it_is_written(server: GrafanaServer) -> None:
    long = RULES[0].model_copy(update={"for_": 7 * RULES[5].window * 24, "keep_firing": RULES[5].window * 36})
    wanted = declare(with_rules(long), settings(server), 1)
    publish(server, wanted)
    kept = next(one for one in server.rules.values() if one["labels"]["minmai_rule"] == "value")
    assert (kept["for"], kept["keep_firing_for"]) == ("1w", "1d12h")
    assert publish(server, wanted) == []


def test_rules_of_one_name_have_titles_of_their_own(server: GrafanaServer) -> None:
    twins = [RULES[2], RULES[2].model_copy(update={"id": "twin"})]
    wanted = declare(with_rules(*twins), settings(server), 1)
    publish(server, wanted)
    assert sum("[twin]" in rule["title"] for rule in server.rules.values()) == 1


def test_the_rules_of_the_plan_itself(server: GrafanaServer) -> None:
    wanted = declare(plan(), settings(server), 1)
    publish(server, wanted)
    assert publish(server, wanted) == []
    titles = [rule["title"] for rule in wanted.rules]
    assert len(set(titles)) == len(titles)
    for rule in wanted.rules:
        words = f"{rule['title']} {' '.join(rule['annotations'].values())}"
        assert re.search("[一-鿿]", words), words
        assert re.search("[a-z]", words), words
        assert rule["annotations"]["board"].startswith("http://127.0.0.1:8101/")
        assert {"severity", "division", "minmai_rule"} <= rule["labels"].keys()
        [condition] = rule["data"][1]["model"]["conditions"]
        assert "unloadEvaluator" in condition, "else no data would resolve it"
        if rule["labels"]["minmai_kind"] != "clickhouse":
            assert (rule["noDataState"], rule["execErrState"]) == ("KeepLast", "KeepLast")


def test_below_a_path_with_a_user_and_a_password() -> None:
    server = GrafanaServer(prefix="/grafana")
    server.hides_version = True
    try:
        by_user = {"grafana_token": "", "grafana_user": "admin", "grafana_password": "secret"}
        assert Grafana(settings(server, **by_user)).check() == "12.2.1"
        assert publish(server, declared(server, **by_user), **by_user)
        assert server.rules
    finally:
        server.close()


def refusal(server: GrafanaServer, **more: Any) -> str:
    """What is said when it cannot be done."""

    def whole() -> None:
        grafana = Grafana(settings(server, **more))
        grafana.check()
        for step in steps(grafana, declared(server, **more)):
            step.run()

    with pytest.raises(GrafanaError) as caught:
        whole()
    return str(caught.value)


def test_a_wrong_login(server: GrafanaServer) -> None:
    assert "MINMAI_GRAFANA_TOKEN" in refusal(server, grafana_token="glsa_wrong")
    by_user = {"grafana_token": "", "grafana_user": "admin", "grafana_password": "wrong"}
    assert "MINMAI_GRAFANA_PASSWORD" in refusal(server, **by_user)
    assert server.writes == []


def test_a_login_that_may_only_look(server: GrafanaServer) -> None:
    server.role = "Viewer"
    said = refusal(server)
    assert "403" in said
    assert "Admin" in said
    assert server.writes == []


@pytest.mark.parametrize("version", ["9.5.2", "11.6.0"])
def test_an_older_grafana(server: GrafanaServer, version: str) -> None:
    server.version = version
    said = refusal(server)
    assert version in said
    assert "12.0" in said
    assert server.writes == []


def test_a_missing_plugin(server: GrafanaServer) -> None:
    server.plugins = ()
    assert "grafana-clickhouse-datasource" in refusal(server)
    assert server.writes == []


def test_another_address_than_grafana_s(server: GrafanaServer) -> None:
    server.page = b"<!doctype html><title>Sign in</title><p>a message</p>"
    assert "MINMAI_GRAFANA_URL" in refusal(server)


def test_an_error_page_that_is_no_json(server: GrafanaServer) -> None:
    server.close()
    other = GrafanaServer(prefix="/grafana")
    try:
        outside = other.url.removesuffix("/grafana")
        with pytest.raises(GrafanaError, match=r"no Grafana is there.*MINMAI_GRAFANA_URL"):
            Grafana(GrafanaSettings(grafana_url=outside, grafana_token="x")).check()
    finally:
        other.close()


def test_nobody_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(GrafanaError, match="MINMAI_GRAFANA_URL"):
        Grafana(GrafanaSettings(grafana_url=url, grafana_token="x")).check()


def test_what_another_tool_made_is_told(server: GrafanaServer) -> None:
    wanted = declared(server)
    publish(server, wanted)
    rule = server.rules[wanted.rules[0]["uid"]]
    rule.update(provenance="api", title="by terraform")
    said = refusal(server)
    assert "409" in said
    assert "another tool" in said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "MINMAI_GRAFANA_TOKEN"),
        ({"grafana_token": "x", "grafana_user": "y"}, "MINMAI_GRAFANA_TOKEN"),
        ({"grafana_token": "glsa_…"}, "MINMAI_GRAFANA_TOKEN"),
        ({"grafana_token": "x", "grafana_url": "http://me:pw@host"}, "MINMAI_GRAFANA_URL"),
        ({"grafana_token": "x", "grafana_url": "grafana:3000"}, "MINMAI_GRAFANA_URL"),
        ({"grafana_token": "x", "grafana_mail_to": "nobody"}, "MINMAI_GRAFANA_MAIL_TO"),
    ],
)
def test_settings_are_checked(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str) -> None:
    for name in [name for name in os.environ if name.startswith("MINMAI_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(f"MINMAI_{name.upper()}", value)
    with pytest.raises(SettingsError) as caught:
        load(GrafanaSettings)
    assert named in str(caught.value)
    assert "pw" not in str(caught.value)


def test_the_command(server: GrafanaServer) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")}
    env |= {
        "MINMAI_GRAFANA_URL": server.url,
        "MINMAI_GRAFANA_TOKEN": server.token,
        "MINMAI_GRAFANA_WECOM_URL": WECOM,
        "MINMAI_PLAN": str(PLAN),
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli.main", "grafana", "publish", *words]
        return subprocess.run(
            command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
        )

    dry = run("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "nothing was changed" in dry.stdout
    assert server.writes == []
    assert "changes made" in run().stdout
    again = run()
    assert "as declared" in again.stdout
    assert "top-secret" not in dry.stdout + again.stdout
    env["MINMAI_GRAFANA_TOKEN"] = "glsa_wrong"
    wrong = run()
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("minmai: ")
    assert "MINMAI_GRAFANA_TOKEN" in wrong.stderr
    assert "Traceback" not in wrong.stderr
