"""A checker to ask without a broker: what becomes of a record that an agency pushes."""

from datetime import UTC, datetime
from typing import Any

from schemas.streams import STREAMS
from services.ingest.agencies import Agency
from services.ingest.check import Checked, Checker, Push, Refused
from services.ingest.records import Record
from services.platform.plan import load_plan
from tests.ingest.support import PLAN

COUNTY = load_plan(PLAN)
CHECKER = Checker(COUNTY)


def agency(*streams: str, name: str = "commerce", divisions: tuple[str, ...] = ("532622",)) -> Agency:
    """An agency that may push these streams, or all of them."""
    return Agency(
        name=name,
        streams=frozenset(streams or STREAMS),
        divisions=divisions,
        key_sha256="0" * 64,
        created=datetime(2024, 1, 1, tzinfo=UTC),
    )


def push(by: Agency | None = None) -> Push:
    return Push(by or agency(), "a-receipt", datetime(2024, 12, 31, 3, 4, 5, 678900, tzinfo=UTC))


def plain(stream: str, content: dict[str, Any], by: Agency | None = None) -> Checked | Refused:
    [found] = CHECKER.plain(STREAMS[stream])(push(by), [Record(0, b"", content)])
    return found


def cloud(content: dict[str, Any], by: Agency | None = None) -> Checked | Refused:
    [found] = CHECKER.events(push(by), [Record(0, b"", content)])
    return found


def accepted(outcome: Checked | Refused) -> Checked:
    assert isinstance(outcome, Checked), outcome
    return outcome


def refused(outcome: Checked | Refused) -> tuple[str, str]:
    """Code and field of the refusal, whose message is in both languages."""
    assert isinstance(outcome, Refused), outcome
    assert " · " in outcome.refusal.message
    return outcome.refusal.code, outcome.refusal.field
