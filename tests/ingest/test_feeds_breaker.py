"""When a feed is stopped."""

from services.ingest.check import Refused
from services.ingest.faults import Refusal
from services.ingest.feeds.breaker import NEWEST, Breaker
from services.ingest.records import Record


def refused(number: int, code: str = "invalid_field") -> list[Refused]:
    return [Refused(Record(0, b"", {}), "", "", Refusal(code, f"{code} · {n}")) for n in range(number)]


def test_it_stops_above_nine_tenths_of_the_newest_and_names_the_commonest_reason() -> None:
    breaker = Breaker()
    assert breaker.look(NEWEST, refused(NEWEST * 9 // 10)) is None
    trip = breaker.look(NEWEST, [*refused(31), *refused(150, "not_json")])
    assert trip is not None
    assert (trip.checked, trip.refused, trip.code) == (NEWEST, 181, "not_json")
    assert trip.message == "not_json · 149"


def test_too_few_records_stop_nothing() -> None:
    breaker = Breaker()
    assert breaker.look(NEWEST - 1, refused(NEWEST - 1)) is None
    assert breaker.look(1, refused(1)) is not None


def test_only_the_newest_count() -> None:
    breaker = Breaker()
    breaker.look(10 * NEWEST, refused(0))
    assert breaker.look(100, refused(100)) is None
    assert breaker.look(100, refused(100)) is not None
