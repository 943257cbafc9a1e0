"""A feed that ingest stopped is told of, and its end, however long the alerts service was away."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from schemas.alert import FEED_STOPPED
from tests.alerts.receivers import HttpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.support.waiting import eventually

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def stand(site: Site, agency: str, id: UUID, state: str, at: datetime) -> None:
    """As ingest writes it."""
    with site.clickhouse.client(site.database) as client:
        client.execute(
            "INSERT INTO feed_standing (agency, alert_id, state, checked, refused, code, message, at) VALUES",
            [(agency, id, state, 200, 200, "not_json", "", at)],
        )


def test_stops_and_ends_are_delivered_once_over_a_restart(site: Site, web: HttpReceiver) -> None:
    first, second = uuid4(), uuid4()
    stand(site, "clinics", first, "stopped", AT)
    stand(site, "clinics", first, "running", AT + timedelta(hours=1))
    stand(site, "sports", second, "stopped", AT + timedelta(minutes=30))
    site.start(MINMAI_WEBHOOK_URL=web.url)
    eventually(lambda: site.settled("webhook"), WAIT_SECONDS, "all are delivered", until=lambda n: n == 3)
    site.stop()
    stand(site, "sports", second, "running", AT + timedelta(hours=2))
    site.start(MINMAI_WEBHOOK_URL=web.url)
    eventually(lambda: site.settled("webhook"), WAIT_SECONDS, "the end is delivered", until=lambda n: n == 4)
    assert len(set(web.keys)) == len(web.keys) == 4
    log = site.query("SELECT subject, alert_id, state FROM alert_log ORDER BY subject, changed_at")
    assert [(subject, state) for subject, _, state in log] == [
        (subject, state) for subject in ("clinics", "sports") for state in ("firing", "resolved")
    ]
    assert len({id for _, id, _ in log}) == 2
    shown = [one for one in site.get("/v1/alerts?state=all").json()["alerts"] if one["rule"] == FEED_STOPPED]
    assert [(one["indicator"], one["state"]) for one in shown] == [
        ("minmai.feed.clinics", "resolved"),
        ("minmai.feed.sports", "resolved"),
    ]
    assert {notice["state"] for one in shown for notice in one["notices"]} == {"delivered"}
