"""The lag of a partition, by a clock of the test's own."""

from dataclasses import dataclass

import pytest
from aiokafka import TopicPartition

from services.aggregate.lag import Lag

PARTITION = TopicPartition("minmai.facility.v1", 3)
NAMES = (PARTITION.topic, "3")


@dataclass
class Clock:
    time: float = 1_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lag(clock: Clock) -> Lag:
    lag = Lag(clock)
    lag.own(PARTITION, 50)
    return lag


def told(lag: Lag) -> tuple[float, float]:
    [(names, records)], [(again, seconds)] = lag.records(), lag.seconds()
    assert names == again == NAMES
    return records, seconds


def test_nothing_waits_where_nothing_is(lag: Lag, clock: Clock) -> None:
    clock.time += 500
    lag.ends(PARTITION, 50)
    clock.time += 500
    assert told(lag) == (0, 0)


def test_what_comes_after_a_quiet_hour_has_not_waited_an_hour(lag: Lag, clock: Clock) -> None:
    lag.counted(PARTITION, 60, written=clock.time)
    clock.time += 3_600
    lag.ends(PARTITION, 60)
    clock.time += 2
    lag.ends(PARTITION, 61)
    assert told(lag) == (1, 2)


def test_a_stuck_worker_is_seen_though_it_fetches_nothing(lag: Lag, clock: Clock) -> None:
    lag.ends(PARTITION, 50)
    for _ in range(10):
        clock.time += 2
        lag.ends(PARTITION, 150)
    assert told(lag) == (100, 20)


def test_a_backlog_is_as_old_as_its_records_say(lag: Lag, clock: Clock) -> None:
    lag.ends(PARTITION, 1_000_000)
    lag.counted(PARTITION, 1_000, written=clock.time - 86_400)
    assert told(lag) == (999_000, 86_400)
    lag.counted(PARTITION, 2_000, written=clock.time - 80_000)
    assert told(lag) == (998_000, 80_000)


def test_an_end_that_the_embedded_broker_answers_too_low_takes_nothing_back(lag: Lag) -> None:
    lag.ends(PARTITION, 90)
    lag.ends(PARTITION, 70)
    assert told(lag)[0] == 40
    lag.counted(PARTITION, 100, written=900.0)
    assert told(lag) == (0, 0)


def test_a_stretch_without_records_moves_the_place_alone(lag: Lag, clock: Clock) -> None:
    lag.ends(PARTITION, 80)
    lag.counted(PARTITION, 60, written=None)
    clock.time += 7
    assert told(lag) == (20, 7)


def test_what_another_owns_is_not_told(lag: Lag) -> None:
    lag.disown(PARTITION)
    lag.ends(PARTITION, 80)
    lag.counted(PARTITION, 80, written=0.0)
    assert (list(lag.records()), list(lag.seconds())) == ([], [])
