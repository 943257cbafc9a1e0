"""The real service on a real broker and ClickHouse, with real receivers."""

import hmac
from typing import Any

import orjson
import pytest

from tests.alerts.figures import (
    AT_CLEAR,
    AT_TARGET,
    CHILDCARE_RULE,
    COUNTY,
    NURSING_RULE,
    childcare,
    nursing,
    without_value,
)
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

SECRET = "only-for-this-test"


def with_webhook(web: HttpReceiver) -> dict[str, str]:
    return {"MINMAI_WEBHOOK_URL": web.url, "MINMAI_WEBHOOK_SECRET": SECRET}


def with_mail(smtp: SmtpReceiver) -> dict[str, str]:
    return {
        "MINMAI_SMTP_HOST": "127.0.0.1",
        "MINMAI_SMTP_PORT": str(smtp.port),
        "MINMAI_SMTP_TLS": "none",
        "MINMAI_MAIL_FROM": "minmai@county.example",
        "MINMAI_MAIL_TO": "office@county.example, health@county.example",
    }


def delivered(site: Site, channel: str, number: int) -> None:
    eventually(
        lambda: site.settled(channel),
        WAIT_SECONDS,
        f"{number} delivered by {channel}",
        until=lambda n: n >= number,
    )


def caught_up(site: Site, version: int) -> None:
    """Everything announced before is evaluated: the topic has one order, and this alert is its last."""
    before = len(site.changes(NURSING_RULE))
    good = before % 2 == 1  # it fires and resolves in turn
    site.publish(nursing(90 if good else 10, 100, version))
    eventually(
        lambda: len(site.changes(NURSING_RULE)),
        WAIT_SECONDS,
        "the last figure is evaluated",
        until=lambda n: n > before,
    )


def test_fires_once_and_resolves_once_on_every_channel(
    site: Site, web: HttpReceiver, smtp: SmtpReceiver
) -> None:
    site.start(**with_webhook(web), **with_mail(smtp))
    bad, held, good = childcare(1_700, 1), childcare(AT_TARGET, 2), childcare(AT_CLEAR, 3)
    site.publish(bad, bad)
    site.publish(held, held, good)
    site.announce(bad, held, good)  # repeats, older ones among them
    caught_up(site, 4)

    assert site.changes(CHILDCARE_RULE) == ["firing", "resolved"]
    delivered(site, "webhook", 3)
    delivered(site, "mail", 6)
    delivered(site, "topic", 3)
    site.stop()
    site.start(**with_webhook(web), **with_mail(smtp))
    caught_up(site, 5)
    delivered(site, "webhook", 4)
    delivered(site, "mail", 8)
    delivered(site, "topic", 4)

    assert site.changes(CHILDCARE_RULE) == ["firing", "resolved"]
    bodies = [orjson.loads(body) for _headers, body in web.requests]
    ours = [body["alerts"][0] for body in bodies if body["alerts"][0]["rule"] == CHILDCARE_RULE]
    assert [alert["state"] for alert in ours] == ["firing", "resolved"]
    assert len({alert["alert_id"] for alert in ours}) == 1
    assert len(web.requests) == len(set(web.keys)) == 4
    assert len(smtp.messages) == len({message["Message-ID"] for message in smtp.messages}) == 8
    assert sorted(set(smtp.recipients)) == ["health@county.example", "office@county.example"]
    announced = [(key, change.state) for key, change in site.announced() if change.rule == CHILDCARE_RULE]
    assert announced == [(f"{CHILDCARE_RULE}/{COUNTY}", state) for state in ("firing", "resolved")]


def test_what_is_sent_can_be_read_and_verified(site: Site, web: HttpReceiver, smtp: SmtpReceiver) -> None:
    site.start(**with_webhook(web), **with_mail(smtp), MINMAI_BOARD_URL="https://board.county.example/")
    site.publish(childcare(1_700, 1))
    delivered(site, "webhook", 1)
    delivered(site, "mail", 2)

    headers, body = web.requests[0]
    stamp, said = headers["minmai-signature"].removeprefix("t=").split(",v1=")
    assert said == hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    content = orjson.loads(body)
    assert content["type"] == "minmai.alert.v2"
    assert content["notice_id"] == headers["idempotency-key"]
    assert content["alerts"][0]["gap"] == "-0.25"
    assert content["alerts"][0]["threshold"] == "4.5"
    link = f"https://board.county.example/#childcare_places_per_1000/{COUNTY}"
    assert content["alerts"][0]["link"] == link

    message = smtp.messages[0]
    assert message["Subject"].startswith("【告警】民脉 砚山县 每千人口托位数低于目标")
    text = message.get_content()
    for expected in ("4.25 个/千人", "不低于 at least 4.5", "-0.25", "2024-05-06", "县卫生健康局", link):
        assert expected in text


def test_a_recovery_that_came_while_it_was_away_is_not_missed(site: Site, web: HttpReceiver) -> None:
    site.start(**with_webhook(web))
    site.publish(childcare(1_700, 1))
    delivered(site, "webhook", 1)
    site.stop()
    site.publish(childcare(2_000, 2))
    site.start(**with_webhook(web))
    delivered(site, "webhook", 2)
    assert web.states == ["firing", "resolved"]


def test_a_figure_without_a_value_freezes(site: Site) -> None:
    site.start()
    bad = childcare(1_700, 1)
    site.publish(bad)
    site.publish(without_value(childcare(2_000, 2), "no_data"))
    site.publish(without_value(childcare(2_000, 3), "not_applicable"))
    caught_up(site, 4)
    assert site.changes(CHILDCARE_RULE) == ["firing", "no_data"]
    [standing] = [one for one in site.get("/v1/alerts").json()["alerts"] if one["rule"] == CHILDCARE_RULE]
    assert (standing["state"], standing["held"]) == ("no_data", "firing")
    assert "指标不适用" in standing["reason"]
    assert "告警维持" in standing["reason"]


def test_without_channels_alerts_are_kept(site: Site) -> None:
    site.store(childcare(1_700, 1))
    site.start()
    delivered(site, "topic", 1)
    assert site.changes(CHILDCARE_RULE) == ["firing"]

    def told() -> dict[str, Any]:
        [standing] = [one for one in site.get("/v1/alerts").json()["alerts"] if one["state"] == "firing"]
        assert {notice["channel"] for notice in standing["notices"]} == {"topic"}
        return standing  # type: ignore[no-any-return]  # JSON

    standing = eventually(told, WAIT_SECONDS, "the alert is on its topic")
    assert standing["rule"] == CHILDCARE_RULE
    assert standing["reason"].startswith("4.25 个/千人，低于 4.5，相差 0.25")


def test_a_receiver_that_fails_twice_gets_it_at_the_third_attempt(site: Site, web: HttpReceiver) -> None:
    web.statuses.extend([500, 500])
    site.start(**with_webhook(web))
    site.publish(childcare(1_700, 1))
    delivered(site, "webhook", 1)
    assert site.ledger("webhook") == [
        ("firing", 0, "pending", ""),
        ("firing", 1, "retrying", "HTTP 500 ok"),
        ("firing", 2, "retrying", "HTTP 500 ok"),
        ("firing", 3, "delivered", "HTTP 200 ok"),
    ]
    assert len(web.requests) == 3
    assert len(set(web.keys)) == 1


def test_a_mail_server_that_says_later_gets_it_later(site: Site, smtp: SmtpReceiver) -> None:
    smtp.data_answers.append("450 try again later")
    site.start(**{**with_mail(smtp), "MINMAI_MAIL_TO": "office@county.example"})
    site.publish(childcare(1_700, 1))
    delivered(site, "mail", 1)
    assert [row[:3] for row in site.ledger("mail")] == [
        ("firing", 0, "pending"),
        ("firing", 1, "retrying"),
        ("firing", 2, "delivered"),
    ]
    assert site.ledger("mail")[1][3] == "450 try again later"
    assert len({message["Message-ID"] for message in smtp.messages}) == 1


def test_a_notice_nobody_takes_is_given_up_and_the_others_are_not_held_up(
    site: Site, web: HttpReceiver, smtp: SmtpReceiver
) -> None:
    web.statuses.extend([503] * 10_000)
    site.start(**with_webhook(web), **with_mail(smtp), MINMAI_NOTICE_GIVE_UP_SECONDS="1.5")
    site.publish(childcare(1_700, 1))
    delivered(site, "mail", 2)
    eventually(lambda: site.settled("webhook", "given_up") == 1, WAIT_SECONDS, "the webhook is given up")
    settled = 'minmai_alerts_notices_total{channel="webhook",outcome="given_up"} 1.0'
    assert settled in site.get("/metrics").text
    web.statuses.clear()
    site.publish(childcare(2_000, 2))
    told = (CHILDCARE_RULE, "resolved")  # that a notice was lost is told as well
    eventually(lambda: told in web.told, WAIT_SECONDS, "the webhook is told of the end")


def test_killed_between_send_and_record_it_sends_again_under_the_same_key(
    site: Site, web: HttpReceiver
) -> None:
    def crash() -> None:
        web.on_request = lambda: None
        site.kill()

    web.on_request = crash
    site.start(**with_webhook(web))
    site.publish(childcare(1_700, 1))
    eventually(lambda: site.child is None, WAIT_SECONDS, "the receiver has killed the service")
    site.start(**with_webhook(web))
    delivered(site, "webhook", 1)
    site.publish(childcare(2_000, 2))
    delivered(site, "webhook", 2)

    assert site.changes(CHILDCARE_RULE) == ["firing", "resolved"]
    assert web.states == ["firing", "firing", "resolved"]
    assert web.keys[0] == web.keys[1] != web.keys[2]


def test_killed_while_the_mail_server_takes_it_the_message_keeps_its_id(
    site: Site, smtp: SmtpReceiver
) -> None:
    def crash() -> None:
        smtp.on_data = lambda: None
        site.kill()

    smtp.on_data = crash
    mail = {**with_mail(smtp), "MINMAI_MAIL_TO": "office@county.example"}
    site.start(**mail)
    site.publish(childcare(1_700, 1))
    eventually(lambda: site.child is None, WAIT_SECONDS, "the receiver has killed the service")
    site.start(**mail)
    delivered(site, "mail", 1)
    assert site.changes(CHILDCARE_RULE) == ["firing"]
    assert len(smtp.messages) == 2
    assert len({message["Message-ID"] for message in smtp.messages}) == 1


def test_killed_with_notices_waiting_it_sends_them_at_the_next_start(site: Site, web: HttpReceiver) -> None:
    web.statuses.extend([500] * 10_000)
    site.start(**with_webhook(web))
    site.publish(childcare(1_700, 1), childcare(2_000, 2))
    eventually(
        lambda: site.changes(CHILDCARE_RULE),
        WAIT_SECONDS,
        "both changes are logged",
        until=lambda states: len(states) == 2,
    )
    site.kill()
    web.statuses.clear()
    before = len(web.requests)
    site.start(**with_webhook(web))
    delivered(site, "webhook", 2)
    assert web.states[before:] == ["firing", "resolved"]
    assert len(set(web.keys)) == 2
    assert site.changes(CHILDCARE_RULE) == ["firing", "resolved"]


def test_a_clickhouse_that_was_away_costs_no_alert(site: Site, web: HttpReceiver) -> None:
    site.start(**with_webhook(web))
    figure = childcare(1_700, 1)
    site.store(figure)
    site.clickhouse.kill()
    site.announce(figure)
    eventually(
        lambda: site.get("/readyz").status_code == 503, WAIT_SECONDS, "the service says that it is not ready"
    )
    assert web.requests == []
    site.clickhouse.start()
    delivered(site, "webhook", 1)
    assert site.changes(CHILDCARE_RULE) == ["firing"]
    assert len(web.requests) == 1


def test_a_broker_that_was_away_is_followed_again(site: Site) -> None:
    site.start()
    site.publish(childcare(1_700, 1))
    delivered(site, "topic", 1)
    site.broker.kill()
    eventually(
        lambda: site.get("/readyz").status_code == 503, WAIT_SECONDS, "the service says that it is not ready"
    )
    site.store(childcare(2_000, 2))  # changed while nobody could be told
    site.broker.start()
    site.make_topics()
    eventually(site.ready, WAIT_SECONDS, "the service is ready again")
    assert site.changes(CHILDCARE_RULE) == ["firing", "resolved"]
    caught_up(site, 3)
    assert site.changes(NURSING_RULE) == ["firing"]
