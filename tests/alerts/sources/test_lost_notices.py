"""Notices that did not arrive are an alert of their own, and what is told of that makes no further one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import uuid4

from schemas.rules import NoticesLostRule
from services.alerts.channels import Notice, Why
from services.alerts.channels.webhook import Webhook
from services.alerts.ledger import Attempt, Ledger, NoticeState
from services.alerts.sources.lost_notices import LostNotices
from services.alerts.sources.measured import Moment
from services.platform.plan_files.defaults import NOTICES_LOST
from tests.alerts.changes import changed, notice
from tests.alerts.figures import CHILDCARE_RULE, PLAN, childcare
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.alerts.sources.county import County
from tests.support.waiting import eventually

NOW = datetime.now(UTC)
COUNTY = PLAN.county.county


def told(who: str, rule: str = CHILDCARE_RULE, why: Why = "first") -> Notice:
    channel = Webhook(None)
    to = channel.recipient("https://hook.example/hush-hush")
    made = notice(channel, to, changed(rule=rule), why=why)
    return replace(made, subscriber=who, notice_id=uuid4())


def end(county: County, one: Notice, state: NoticeState, ago: timedelta) -> None:
    ledger = Ledger(county.pool)
    ledger.write([one])
    made = Attempt(number=1, state=state, answer=f"HTTP {state}", duration_ms=1, at=NOW - ago)
    ledger.record([(one, made)])


def test_only_what_was_lost_since_the_last_that_arrived_counts(county: County) -> None:
    hour = timedelta(hours=1)
    for who, ends in {
        "broken": [("delivered", 5), ("given_up", 4), ("refused", 3), ("retrying", 2)],
        "mended": [("given_up", 4), ("delivered", 2)],
        "fine": [("delivered", 1)],
        "long-ago": [("given_up", 24 * 8)],
    }.items():
        for state, ago in ends:
            end(county, told(who), state, ago * hour)  # type: ignore[arg-type]  # a test's word
    end(county, told("tested", why="test"), "given_up", hour)
    end(county, told("circle", rule=NOTICES_LOST), "given_up", hour)

    rule = PLAN.rules[NOTICES_LOST]
    assert isinstance(rule, NoticesLostRule)
    assert rule.severity == "critical"
    shown = told("x").recipient
    standing = [(NOTICES_LOST, COUNTY, f"long-ago webhook {shown}")]
    source = LostNotices(PLAN, [rule], county.pool)
    readings = list(source.readings(Moment(NOW, NOW, PLAN.zone), standing))
    assert {one.subject.split(" ")[0]: one.value for one in readings} == {
        "broken": Fraction(2),
        **dict.fromkeys(("mended", "fine", "tested", "circle", "long-ago"), Fraction(0)),
    }
    [broken] = [one for one in readings if one.value]
    assert "HTTP refused" in broken.why.en
    assert "hush-hush" not in repr(broken)


def test_others_are_told_of_a_receiver_that_takes_nothing_and_of_its_return(
    site: Site, web: HttpReceiver, smtp: SmtpReceiver
) -> None:
    web.statuses.extend([404] * 2)  # the alert, and what is told of its loss
    site.start(
        MINMAI_WEBHOOK_URL=web.url,
        MINMAI_SMTP_HOST="127.0.0.1",
        MINMAI_SMTP_PORT=str(smtp.port),
        MINMAI_SMTP_TLS="none",
        MINMAI_MAIL_FROM="minmai@county.example",
        MINMAI_MAIL_TO="office@county.example",
    )
    site.publish(childcare(1_700, 1))

    def said() -> list[str]:
        return [one["Subject"] for one in smtp.messages if "预警通知送不到" in one["Subject"]]

    eventually(said, WAIT_SECONDS, "the office hears that the webhook lost a notice")
    assert "【告警】" in said()[0]
    eventually(lambda: len(web.requests) == 2, WAIT_SECONDS, "so does the webhook, which refuses it")
    assert site.changes(NOTICES_LOST) == ["firing"]
    site.publish(childcare(2_000, 2))
    eventually(lambda: len(said()) == 2, WAIT_SECONDS, "the office hears that it is reached again")
    assert "【解除】" in said()[1]
    assert site.changes(NOTICES_LOST) == ["firing", "resolved"]
