"""The judge: every table against the books, and the figures against the independent count."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cli.sample.county import BEGIN
from cli.sample.truth import Figures, history, months_over, today
from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, REFUSED_PUSH_TOPIC, STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan
from tests.e2e import judging
from tests.kills.books import Books, Outcome, Row

_SHOWN = 3


class Judge:
    """Says where the tables differ from what was written; it keeps what the independent count says."""

    def __init__(self, kafka: str, db: ClickHouse, plan: Plan, books: Books) -> None:
        self._kafka = kafka
        self._db = db
        self._plan = plan
        self._books = books
        self._counted = 0
        self._wanted: Mapping[date, Figures] = {}

    def differences(self) -> Iterator[str]:
        """Yield them, those that cost little to find first."""
        feeds = self._db.query("SELECT source, stream, sum(records) FROM feed_live GROUP BY source, stream")
        told = Counter({(source, stream): records for source, stream, records in feeds})
        yield from _unlike("feed_live", told, self._books.feeds)
        yield from self._logs()
        yield from self._receipts()
        yield from self._letters()
        yield from judging.hour_differences(self._db, self._books.counted)[:_SHOWN]
        yield from self._figures()

    def check_published(self) -> None:
        """Wait until every live figure is on its topic."""
        judging.check_published(self._kafka, self._db)

    def _logs(self) -> Iterator[str]:
        names: Counter[Any] = Counter()
        for stream in STREAMS.values():
            rows = self._books.rows[stream.name].values()
            names.update((stream.name, row.identity, row.fingerprint) for row in rows)
            told = self._db.query(f"SELECT {', '.join(Row._fields)} FROM {stream.log_table}")
            yield from _unlike(stream.log_table, Counter(told), Counter(map(tuple, rows)))
        told = self._db.query("SELECT stream, identity, fingerprint FROM record_identity")
        yield from _unlike("record_identity", Counter(told), names)

    def _receipts(self) -> Iterator[str]:
        told: dict[str, Outcome] = {}
        for receipt, *identities in self._db.query(
            "SELECT receipt, counted, duplicate, conflict FROM receipt_counted FINAL"
        ):
            outcome = told.setdefault(receipt, Outcome())
            for group, more in zip(vars(outcome).values(), identities, strict=True):
                group.update(more)
        written = self._books.outcomes
        wrong = [one for one in told.keys() | written.keys() if told.get(one) != written.get(one)]
        for receipt in wrong[:_SHOWN]:
            yield f"receipt {receipt}: told {told.get(receipt)}, written {written.get(receipt)}"

    def _letters(self) -> Iterator[str]:
        rows = self._db.query("SELECT code, id, raw FROM dead_letter FINAL WHERE service = 'aggregate'")
        told = Counter((code, id if code == "conflict" else raw) for code, id, raw in rows)
        wanted = Counter(("conflict", id) for id in self._books.conflicts)
        wanted.update({("not_an_event", raw): number for raw, number in self._books.garbage.items()})
        yield from _unlike("dead letters of the aggregator", told, wanted)
        for topic, ids in (
            (DEAD_LETTER_TOPIC, "SELECT id FROM dead_letter FINAL WHERE service = 'ingest'"),
            (RECEIPT_TOPIC, "SELECT receipt FROM receipt FINAL"),
            (REFUSED_PUSH_TOPIC, "SELECT replaceAll(toString(id), '-', '') FROM refused_push FINAL"),
        ):
            there = Counter(id for (id,) in self._db.query(ids))
            yield from _unlike(topic, there, Counter(one.hex for one in self._books.others[topic]))

    def _figures(self) -> Iterator[str]:
        counted = self._books.counted
        day = today(self._plan, counted)
        if self._counted != len(counted):
            days = [*months_over(BEGIN, day), *judging.dues_over(day), day]
            self._wanted, self._counted = history(self._plan, counted, days), len(counted)
        yield from judging.live_differences(self._db, self._wanted, day)[:_SHOWN]
        yield from judging.history_differences(self._db, self._wanted)[:_SHOWN]
        yield from judging.task_differences(self._db, self._plan, counted, day)[:_SHOWN]


def _unlike(what: str, told: Counter[Any], wanted: Counter[Any]) -> Iterator[str]:
    if told != wanted:
        more, missing = told - wanted, wanted - told
        yield (
            f"{what}: {more.total()} too many, e.g. {list(more)[:_SHOWN]}; "
            f"{missing.total()} missing, e.g. {list(missing)[:_SHOWN]}"
        )
