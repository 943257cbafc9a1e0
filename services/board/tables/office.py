"""What only some roles see: refused records by agency, and who did what."""

from datetime import datetime

from schemas.dead_letter import SETTLED
from schemas.fields import Contract
from services.platform.access.audit import TABLE
from services.platform.clickhouse import ClickHouse

_OUTCOMES = (
    "SELECT letter, argMax(outcome, (outcome IN %(settled)s, at)) AS became"
    " FROM dead_letter_replayed GROUP BY letter"
)


class Refusals(Contract):
    """How many records of an agency were refused for one reason, `open` of them not settled."""

    agency: str
    stream: str
    code: str
    open: int
    settled: int
    newest: datetime


class Letter(Contract):
    """A refused record, without what it says; `outcome` of its newest replay, empty: none."""

    id: str
    time: datetime
    agency: str
    stream: str
    record_id: str
    receipt: str
    place: str
    code: str
    field: str
    message: str
    outcome: str


class Entry(Contract):
    """Something that somebody did, or tried to."""

    at: datetime
    service: str
    action: str
    target: str
    outcome: str
    name: str
    role: str
    by: str
    remote: str


class Office:
    """Reads; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def refusals(self) -> list[Refusals]:
        """Refused records by agency, stream and reason: those with the most that are open first."""
        rows = self._clickhouse.rows(
            "SELECT source AS agency, stream, code, countIf(became NOT IN %(settled)s) AS open,"
            " countIf(became IN %(settled)s) AS settled, max(time) AS newest"
            " FROM (SELECT id, source, stream, code, time FROM dead_letter FINAL) AS dead"
            f" LEFT JOIN ({_OUTCOMES}) AS replayed ON replayed.letter = dead.id"
            " GROUP BY agency, stream, code ORDER BY open DESC, newest DESC, agency, stream, code",
            {"settled": SETTLED},
        )
        return [Refusals.model_validate(row) for row in rows]

    def letters(self, agency: str, stream: str, code: str, limit: int) -> list[Letter]:
        """Records of one agency that were refused for one reason, the newest first."""
        rows = self._clickhouse.rows(
            "SELECT id, time, source AS agency, stream, record_id, receipt, place, code, field, message,"
            " became AS outcome FROM (SELECT id, time, source, stream, record_id, receipt, place, code,"
            " field, message FROM dead_letter FINAL WHERE source = %(agency)s AND stream = %(stream)s"
            f" AND code = %(code)s) AS dead LEFT JOIN ({_OUTCOMES}) AS replayed ON replayed.letter = dead.id"
            " ORDER BY time DESC, id LIMIT %(limit)s",
            {"settled": SETTLED, "agency": agency, "stream": stream, "code": code, "limit": limit},
        )
        return [Letter.model_validate(row) for row in rows]

    def entries(self, limit: int) -> list[Entry]:
        """The log of sign-ins and changes, the newest first."""
        rows = self._clickhouse.rows(
            f"SELECT {', '.join(Entry.model_fields)} FROM {TABLE} ORDER BY at DESC LIMIT %(limit)s",
            {"limit": limit},
        )
        return [Entry.model_validate(row) for row in rows]
