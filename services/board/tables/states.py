"""Current states: of each entity the newest record, in the order of a key, a stretch at a time.

Of several records the newest by (time, source, id) counts, as everywhere.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from schemas.parts import PLACE_FIELDS
from schemas.streams import STREAMS
from services.board.tables.knowledge import Knowledge
from services.platform.clickhouse import ClickHouse

STRETCH = 2_000
"""States read by one query."""

State = dict[str, Any]
Key = tuple[str, ...]

_ENVELOPE = ("source", "id", "subject", "time", "received_at", "receipt")


def columns(stream: str) -> list[str]:
    """Return the columns of a record: its envelope and its fields."""
    return [*_ENVELOPE, *STREAMS[stream].columns]


def selected(stream: str) -> str:
    """Return them for a SELECT."""
    return ", ".join(columns(stream))


class States:
    """Reads of current states; every method blocks."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def of(
        self,
        stream: str,
        knowledge: Knowledge,
        *,
        records: str = "1",
        states: str = "1",
        place: str = "''",
        after: Key = ("", ""),
    ) -> Iterator[State]:
        """Yield the states of a stream whose key is `after` or later, by key.

        The key is (place, subject); `place` is an SQL expression over a state. `records` narrows down which
        records are looked at and must ask what all records of an entity have alike; `states` asks of the
        newest.
        """
        while True:
            # Without a place the key is the log's own: what lies before is not even read.
            begin = "subject >= %(subject)s" if place == "''" else "1"
            found = self._clickhouse.rows(
                f"""
                SELECT *, {place} AS place FROM (
                    SELECT {selected(stream)} FROM {STREAMS[stream].log_table}
                    WHERE {begin} AND {records} AND {knowledge.kept(stream)}
                    ORDER BY subject, time DESC, source DESC, id DESC LIMIT 1 BY subject
                )
                WHERE {states} AND (place, subject) >= (%(place)s, %(subject)s)
                ORDER BY place, subject LIMIT {STRETCH + 1}""",
                {"place": after[0], "subject": after[1]},
            )
            yield from found[:STRETCH]
            if len(found) <= STRETCH:
                return
            after = (found[STRETCH]["place"], found[STRETCH]["subject"])

    def with_places(self, states: Iterator[State], knowledge: Knowledge) -> Iterator[State]:
        """Join to each facility's state what its newest childcare-place record says, a stretch at a time.

        That record itself, or None, is `childcare-place`.
        """
        while stretch := list(islice(states, STRETCH)):
            offered = self.places(knowledge, [state["subject"] for state in stretch])
            for state in stretch:
                record = offered.get(state["subject"])
                told = {name: record[field] for name, field in PLACE_FIELDS.items()} if record else {}
                yield {**state, **told, "childcare-place": record}

    def places(self, knowledge: Knowledge, facilities: Sequence[str]) -> dict[str, State]:
        """Return the newest childcare-place record of each of some facilities that has one."""
        found = self._clickhouse.query(
            f"""
            SELECT {selected("childcare-place")} FROM childcare_place_log
            WHERE subject IN (SELECT name FROM wanted) AND {knowledge.kept("childcare-place")}
            ORDER BY subject, time DESC, source DESC, id DESC LIMIT 1 BY subject""",
            given={"wanted": {"name String": facilities}},
        )
        names = columns("childcare-place")
        states = (dict(zip(names, row, strict=True)) for row in found)
        return {state["subject"]: state for state in states}
