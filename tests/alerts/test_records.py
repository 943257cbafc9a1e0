"""What people do with the ledger: look, have a notice sent again, try a channel out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from typer.testing import CliRunner

from cli.main import app
from services.alerts.channels import Destination, Notice, notice_of
from services.alerts.channels.wecom import WeCom
from services.alerts.ledger import Attempt, Ledger
from services.alerts.log import Log
from services.alerts.records import NoticeError, Records, Wanted
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.errors import MinmaiError
from services.platform.settings import Common
from tests.alerts.changes import CHANGE, NOW, changed
from tests.alerts.figures import childcare
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.support.waiting import eventually

OVER = changed(state="resolved", condition="resolved", changed_at=datetime(2026, 1, 3, tzinfo=UTC))


@pytest.fixture
def pool(settings: Common, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """The database, which the command finds too."""
    monkeypatch.setenv("MINMAI_CLICKHOUSE_PORT", str(settings.clickhouse_port))
    monkeypatch.setenv("MINMAI_CLICKHOUSE_DATABASE", settings.clickhouse_database)
    made = Pool(settings)
    yield made
    made.close()


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["alerts", *words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def notices() -> list[Notice]:
    channel = WeCom()
    urls = [f"https://robot.example/send?key=hush-hush-{number}" for number in range(2)]
    return [
        notice_of([change], Destination("li", "wecom", channel.recipient(url)), channel, "first", NOW)
        for change in (CHANGE, OVER)
        for url in urls
    ]


def settle(ledger: Ledger, notice: Notice, *states: str) -> None:
    for number, state in enumerate(states, 1):
        said = {"number": number, "state": state, "answer": f"said {number}", "duration_ms": 5, "at": NOW}
        ledger.record([(notice, Attempt.model_validate(said))])


def test_notices_are_listed_and_shown_without_a_secret(pool: Pool) -> None:
    ledger, made = Ledger(pool), notices()
    Log(pool).write([CHANGE, OVER])
    ledger.write(made)
    settle(ledger, made[0], "retrying", "delivered")
    settle(ledger, made[1], "refused")
    ledger.write([replace(made[3], notice_id=UUID(int=7))], "muted", "silenced by Li")
    assert run("notices").count("\n") == 5
    assert run("notices", "--state", "delivered").startswith(str(made[0].notice_id)[:12])
    assert run("notices", "--state", "pending", "--channel", "wecom", "--subscriber", "li").count("\n") == 2
    assert "silenced by Li" in run("notices", "--state", "muted")
    assert run("notices", "--alert", str(CHANGE.alert_id)[:8]).count("\n") == 5
    assert run("notices", "--limit", "2").count("\n") == 2
    assert "no notices" in run("notices", "--subscriber", "nobody")
    whole = run("notice", str(made[0].notice_id)[:10])
    for expected in ("said 1", "said 2", "5 ms", "delivered", str(CHANGE.alert_id), made[0].payload.decode()):
        assert expected in whole
    assert "hush-hush" not in whole + run("notices")


def test_a_notice_must_be_named(pool: Pool) -> None:
    ledger, made = Ledger(pool), notices()
    ledger.write([replace(made[0], notice_id=UUID(int=number)) for number in (1, 2)])
    for id, why in (("000", "at least"), ("000000", "several"), ("ffffff", "no such notice")):
        with pytest.raises(NoticeError, match=why):
            Records(pool).found(id)


def test_what_is_sent_again_is_the_payload_that_is_kept(pool: Pool) -> None:
    ledger, [made, *_] = Ledger(pool), notices()
    Log(pool).write([CHANGE])
    ledger.write([made])
    with pytest.raises(NoticeError, match="being sent still"):
        Records(pool).resend(str(made.notice_id))
    settle(ledger, made, "given_up")
    again = Records(pool).resend(str(made.notice_id))
    assert (again.payload, again.covers, again.recipient) == (made.payload, made.covers, made.recipient)
    assert (again.why, again.notice_id != made.notice_id) == ("resend", True)
    [waits] = ledger.asked_for(60)
    assert waits.notice_id == again.notice_id
    assert [one.notice_id for one in ledger.waiting()] == [again.notice_id]
    settle(ledger, again, "delivered")
    assert ledger.asked_for(60) == ledger.waiting() == []
    assert len(Records(pool).listed(Wanted(state="delivered"))) == 1


def test_the_service_sends_again_what_was_given_up(site: Site, web: HttpReceiver) -> None:
    web.statuses.extend([503] * 1_000)
    pool = Pool(Common(clickhouse_port=site.clickhouse.port, clickhouse_database=site.database))
    records = Records(pool)
    site.start(MINMAI_WEBHOOK_URL=web.url, MINMAI_NOTICE_GIVE_UP_SECONDS="0.2")
    site.publish(childcare(1_700, 1))
    eventually(lambda: site.settled("webhook", "given_up"), WAIT_SECONDS, "the webhook is given up")
    first = web.keys[0]
    web.statuses.clear()
    again = str(records.resend(first).notice_id)
    eventually(lambda: again in web.keys, WAIT_SECONDS, "it is sent again")
    body = {headers["idempotency-key"]: body for headers, body in web.requests}
    assert body[again] == body[first]
    eventually(lambda: records.found(again)[0].state == "delivered", WAIT_SECONDS, "that is kept")
    assert records.found(first)[0].state == "given_up"
    pool.close()


def test_a_test_is_sent_and_kept(pool: Pool, web: HttpReceiver, smtp: SmtpReceiver) -> None:
    web.body = '{"errcode": 0}'
    robot = f"{web.base}/send?key=hush-hush"
    said = run("test-send", "--to", f"wecom:{robot}", "--language", "zh")
    assert said.startswith("wecom http://127.0.0.1")
    assert "delivered: HTTP 200" in said
    text = orjson.loads(web.requests[0][1])["markdown"]["content"]
    assert "【测试】" in text
    assert "无须处理" in text
    web.body = '{"errcode": 310000, "errmsg": "keywords not in content"}'
    dingtalk = f"dingtalk:{web.base}/robot/send?access_token=hush-hush#secret=SEC-hush"
    assert "look at the robot's security settings" in run("test-send", "--to", dingtalk, code=1)
    views = Records(pool).listed(Wanted())
    assert [(one.channel, one.why, one.state, one.attempts) for one in views] == [
        ("dingtalk", "test", "given_up", 1),
        ("wecom", "test", "delivered", 1),
    ]
    assert all(one.alert_ids == [] for one in views)
    assert Ledger(pool).waiting() == []
    assert "hush" not in run("notices") + "".join(run("notice", str(one.notice_id)) for one in views)


def test_a_test_goes_to_all_addresses_of_a_subscriber(
    pool: Pool, smtp: SmtpReceiver, web: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(smtp.port), "SMTP_TLS": "none"}
    for name, value in {**mail, "MAIL_FROM": "a@b.example", "WEBHOOK_URL": web.url}.items():
        monkeypatch.setenv(f"MINMAI_{name}", value)
    run("subscribe", "li", "--to", "mail:li@county.example", "--to", f"alertmanager:{web.base}")
    assert run("test-send", "li").count("delivered") == 2
    assert web.paths == ["/api/v2/alerts"]
    [message] = smtp.messages
    assert message["Subject"].startswith("【测试】")
    assert run("test-send", "webhook").count("delivered") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("topic",),
        ("nobody",),
        ("li", "--to", "mail:li@county.example"),
        ("--to", "topic:minmai.alert.v1"),
        ("--to", "pigeon:li"),
        ("--to", "wecom:https://robot.example/hush-hush"),
        ("--to", "apprise:nosuchscheme://hush-hush"),
        ("--to", "webhook:https://hook.example/", "--language", "fr"),
    ],
)
def test_a_wrong_test_is_named(pool: Pool, words: tuple[str, ...]) -> None:
    with pytest.raises(MinmaiError) as caught:
        run("test-send", *words)
    assert "hush-hush" not in str(caught.value)
