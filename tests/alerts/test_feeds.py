"""A feed that ingest stopped is told of, and its end, however long the alerts service was away."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import FEED_STOPPED
from services.alerts.feeds import Stop, Told, untold
from tests.alerts.figures import PLAN
from tests.alerts.receivers import HttpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.support.waiting import eventually

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def stop(number: int, over: bool) -> Stop:
    at = AT + timedelta(minutes=number)
    return Stop(f"agency-{number % 2}", UUID(int=number + 1), over, 200, 190, "wrong_source", at)


@given(st.lists(st.booleans(), max_size=6), st.integers(0, 12), st.booleans())
def test_each_change_is_told_once_and_a_stop_before_its_end(
    ends: list[bool], crash: int, clock_stands: bool
) -> None:
    stops = [stop(number, over) for number, over in enumerate(ends)]
    now = (lambda: AT) if clock_stands else (lambda: None)
    first = untold(stops, [], PLAN, "", now)[:crash]
    told = [Told(one.alert_id, one.state, one.changed_at) for one in first]
    rest = untold(stops, told, PLAN, "", now)
    states = [(one.alert_id, one.state) for one in [*first, *rest]]
    wanted = {(one.alert_id, "firing") for one in stops} | {
        (one.alert_id, "resolved") for one in stops if one.over
    }
    assert len(states) == len(wanted)
    assert set(states) == wanted
    assert all(
        states.index((id, "firing")) < states.index((id, state)) for id, state in states if state != "firing"
    )
    moments = [one.changed_at for one in [*first, *rest]]
    assert moments == sorted(set(moments))


def test_a_stop_says_how_much_was_refused() -> None:
    [change] = untold([stop(0, over=False)], [], PLAN, "http://board/", lambda: AT)
    assert (change.shown, change.gap, change.threshold) == ("95.0", "+5.0", Decimal(90))
    assert change.indicator == "minmai.feed.agency-0"
    assert "wrong_source" in change.reason.en


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
    log = site.query("SELECT alert_id, state FROM alert_log ORDER BY changed_at")
    assert log == [(first, "firing"), (first, "resolved"), (second, "firing"), (second, "resolved")]
    shown = [one for one in site.get("/v1/alerts?state=all").json()["alerts"] if one["rule"] == FEED_STOPPED]
    assert [(one["indicator"], one["state"]) for one in shown] == [
        ("minmai.feed.clinics", "resolved"),
        ("minmai.feed.sports", "resolved"),
    ]
    assert {notice["state"] for one in shown for notice in one["notices"]} == {"delivered"}
