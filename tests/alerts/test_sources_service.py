"""The real service measures by itself, tells once, and remembers over a restart."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from services.platform.topics import ensure_topics
from tests.alerts.figures import COUNTY, PLAN
from tests.alerts.receivers import HttpReceiver
from tests.alerts.service import WAIT_SECONDS, Site
from tests.support.waiting import eventually

FEED = "finance-bureau/facility"


def states(site: Site, rule: str, subject: str) -> list[str]:
    rows = site.query(
        "SELECT state FROM alert_log WHERE rule = %(rule)s AND subject = %(subject)s ORDER BY changed_at",
        rule=rule,
        subject=subject,
    )
    return [state for (state,) in rows]


def receive(site: Site, agency: str) -> None:
    """A facility's record of an agency comes in now."""
    site.query(
        "INSERT INTO facility_log (identity, source, subject, time, received_at)"
        " VALUES (generateUUIDv4(), %(agency)s, 'F1', now64(6, 'UTC'), now64(6, 'UTC'))",
        agency=agency,
    )


def begun(directory: Path) -> Path:
    """The plan of a county whose agencies push since long ago."""
    plan = directory / "plan"
    shutil.copytree(Path(__file__).parents[2] / "plans" / "yanshan", plan)
    with (plan / "plan.yaml").open("a", encoding="utf-8") as file:
        file.write("since: 2022-10-01\n")
    return plan


def test_silence_is_told_once_over_restarts_and_ends_with_a_record(site: Site, web: HttpReceiver) -> None:
    ensure_topics(site.broker.bootstrap, partitions=1)
    site.start(MINMAI_WEBHOOK_URL=web.url)
    promised = len(PLAN.feeds)
    fresh = "/v1/alerts?rule=feed_silent&state=no_data"
    eventually(
        lambda: site.get(fresh).json()["total"],
        WAIT_SECONDS,
        "nothing has come yet",
        until=lambda n: n == promised,
    )
    assert site.changes("feed_silent") == []
    site.stop()
    site.start(MINMAI_WEBHOOK_URL=web.url, MINMAI_PLAN=str(begun(site.directory)))
    eventually(
        lambda: len(site.changes("feed_silent")),
        WAIT_SECONDS,
        "every agency is silent",
        until=lambda n: n == promised,
    )
    site.stop()
    receive(site, "finance-bureau")
    site.start(MINMAI_WEBHOOK_URL=web.url, MINMAI_PLAN=str(site.directory / "plan"))
    eventually(
        lambda: states(site, "feed_silent", FEED),
        WAIT_SECONDS,
        "one of them has been heard",
        until=lambda found: found == ["firing", "resolved"],
    )
    assert len(site.changes("feed_silent")) == promised + 1
    [over] = [
        one
        for one in site.get(f"/v1/alerts?state=all&rule=feed_silent&division={COUNTY}").json()["alerts"]
        if one["subject"] == FEED
    ]
    assert over["state"] == "resolved"
    assert f"{datetime.now(UTC):%Y}" in over["reason"]
