"""The log and the ledger on the real engine, and what a crash between their two inserts leaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from schemas.alert import AlertChange
from schemas.streams import ALERT_TOPIC
from services.alerts.channels import Destination, Notice, notice_of
from services.alerts.channels.topic import Topic
from services.alerts.ledger import Attempt, Ledger
from services.alerts.log import Log
from services.alerts.watch import Watch
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.errors import Unavailable
from services.platform.settings import Common
from tests.alerts.figures import COUNTY, PLAN, childcare
from tests.support.clickhouse import ClickHouse

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


@pytest.fixture
def pool(settings: Common) -> Iterator[Pool]:
    made = Pool(settings)
    yield made
    made.close()


@pytest.fixture
def ledger(pool: Pool) -> Ledger:
    return Ledger(pool)


@pytest.fixture
def log(pool: Pool) -> Log:
    return Log(pool)


def changes(*places: int, watch: Watch | None = None) -> list[AlertChange]:
    watching = watch or Watch(PLAN, "https://board.example")
    return [
        change
        for version, number in enumerate(places, start=1)
        for change in watching.take(childcare(number, version), lambda: NOW)
    ]


def notices(made: list[AlertChange]) -> list[Notice]:
    topic = Topic("127.0.0.1:9")
    to = Destination("topic", "topic", topic.recipient(ALERT_TOPIC))
    return [notice_of([change], to, topic, "first", NOW) for change in made]


def attempt(number: int, state: str) -> Attempt:
    return Attempt.model_validate(
        {"number": number, "state": state, "answer": "said", "duration_ms": 5, "at": NOW}
    )


def test_what_is_written_is_read_back(ledger: Ledger, log: Log) -> None:
    made = changes(1_700, 2_000)
    ledger.write(notices(made))
    log.write(made)
    [standing] = log.standings()
    assert standing.shown == standing.standing.condition == "resolved"
    assert standing.standing.alert_id == made[1].alert_id
    assert standing.standing.changed_at == made[1].changed_at == NOW + timedelta(milliseconds=1)
    assert standing.newest == standing.sent == made[1]
    assert ledger.waiting() == notices(made)


def test_the_log_row_is_what_the_board_reads(log: Log, pool: Pool) -> None:
    made = changes(1_700)
    log.write(made)
    [row] = pool.rows("SELECT * FROM alert_log")
    assert (row["rule"], row["division"], row["state"]) == (made[0].rule, COUNTY, "firing")
    assert row["reason"] == "4.25 个/千人，低于 4.5，相差 0.25 · 4.25 places per 1,000 is below 4.5, by 0.25"
    assert (row["value"], row["threshold"], row["figure_version"]) == (4.25, Decimal("4.5"), 1)


def test_notices_whose_change_never_came_are_not_sent(ledger: Ledger, log: Log) -> None:
    orphans = notices(changes(1_700))
    ledger.write(orphans)
    assert ledger.waiting() == []
    again = changes(1_700)
    ledger.write(notices(again))
    log.write(again)  # the restart decides the same and names it the same
    assert ledger.waiting() == orphans


@pytest.mark.parametrize(
    ("state", "waits"), [("retrying", True), ("delivered", False), ("refused", False), ("given_up", False)]
)
def test_a_notice_waits_until_it_is_settled(ledger: Ledger, log: Log, state: str, waits: bool) -> None:
    made = changes(1_700)
    [notice] = notices(made)
    ledger.write([notice])
    log.write(made)
    ledger.record([(notice, attempt(1, "retrying"))])
    ledger.record([(notice, attempt(2, state))])
    assert ledger.waiting() == ([replace(notice, attempts=2)] if waits else [])
    [view] = ledger.notices([made[0].alert_id])
    assert (view.state, view.attempts, view.answer) == (state, 2, "said")


def test_figures_are_the_newest_of_the_indicators_asked_for(log: Log, pool: Pool) -> None:
    for figure in (childcare(1_700, 2), childcare(1_600, 1)):
        pool.insert("indicator_live", {name: [value] for name, value in figure.model_dump().items()})
    [read] = log.figures(["childcare_places_per_1000"])
    assert read == childcare(1_700, 2)
    assert log.figures(["another"]) == log.figures([]) == []


def test_a_database_that_is_not_there_yet_is_waited_for(clickhouse: ClickHouse, database: str) -> None:
    pool = Pool(Common(clickhouse_port=clickhouse.port, clickhouse_database=database))
    with pytest.raises(Unavailable, match="minmai migrate"):
        Log(pool).standings()
    pool.close()


def test_notices_of_before_are_read_as_of_one_change(ledger: Ledger, log: Log, pool: Pool) -> None:
    made = changes(1_700)
    log.write(made)
    row = {
        "notice_id": UUID(int=1),
        **made[0].model_dump(include={"alert_id", "rule", "division"}),
        **{"change": "firing", "channel": "mail", "recipient": "a@b.example", "state": "pending"},
        **{"attempt": 0, "answer": "", "duration_ms": 0, "payload": "{}", "at": NOW},
    }
    pool.insert("alert_notice", {name: [value] for name, value in row.items()})
    [waits] = ledger.waiting()
    assert (waits.subscriber, waits.why, waits.not_before) == ("mail", "first", NOW)
    [covered] = waits.covers
    assert (covered.alert_id, covered.state, covered.rule) == (made[0].alert_id, "firing", made[0].rule)
