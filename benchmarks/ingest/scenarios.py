"""What is measured, one scenario after the other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from statistics import median

from benchmarks.ingest import client, rival
from benchmarks.ingest.client import FilePush, Paced, Target
from benchmarks.ingest.stage import Stage
from benchmarks.ingest.topic import Topic
from benchmarks.ingest.vouchers import STREAM, record
from benchmarks.ingest.window import Measured, apart
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE
from services.ingest.sheets.templates import csv_template, xlsx_template

RECORDS_TARGET = 20_000
"""Records a second of one process, in batches."""
REQUESTS_TARGET = 2_000
"""Requests a second of one process, one record each."""

_MOST_RECORDS = 40_000
_MOST_BARE_RECORDS = 160_000
_MOST_REQUESTS = 20_000
"""A second: so many are prepared; a faster run ends its window early."""
_BESIDE_A_FILE = 100.0


@dataclass(frozen=True)
class Options:
    """How much to measure. `seconds` is the length of each window."""

    seconds: float
    rounds: int
    batch: int
    batch_connections: int
    connections: int
    rows: int

    @property
    def warm_up(self) -> float:
        """Seconds before a window."""
        return self.seconds / 5


@dataclass
class Rates:
    """Ours and the bare rival's in turn; a request, or the rival's batch, has `records` records."""

    records: int
    connections: int
    ours: list[Measured] = field(default_factory=list)
    bare: list[Measured] = field(default_factory=list)

    def rate(self, side: list[Measured]) -> float:
        """Median of a side, in records a second."""
        return self.records * median(one.rate for one in side)

    def cpu(self, side: list[Measured]) -> float:
        """Median CPU time of a side's process, in µs a record."""
        return median(1e6 * one.cpu / one.answered / self.records for one in side)

    @property
    def ratio(self) -> float:
        """Ours to the bare rival's."""
        return self.rate(self.ours) / self.rate(self.bare)


@dataclass
class Results:
    """All figures, and how many records were found on the topic as answered, and copies beside."""

    batches: Rates
    singles: Rates
    paced_batches: Paced
    paced_singles: Paced
    files: dict[str, FilePush]
    on_topic: int
    copies: int


def measure(
    fresh: Callable[[], AbstractContextManager[Stage]], options: Options, tell: Callable[[str], None]
) -> Results:
    """Measure everything, each round and each file on a `fresh` stage, so that none bears another's load.

    Raises RuntimeError if an answer was wrong, MiscountedError if the topic is, TimeoutError if either did
    not come.
    """
    singles = Rates(1, options.connections)
    batches = Rates(options.batch, options.batch_connections)
    trials: list[Trial] = []

    @contextmanager
    def trial(what: str) -> Iterator[Trial]:
        tell(what)
        with fresh() as stage:
            trials.append(Trial(stage, options))
            yield trials[-1]

    for number in range(1, options.rounds + 1):
        with trial(f"as fast as it goes, round {number} of {options.rounds}") as one:
            one.single_records(singles)
            one.batches(batches)
    with trial("at half the target") as one:
        paced_batches = one.paced(options.batch, RECORDS_TARGET / 2 / options.batch)
        paced_singles = one.paced(1, REQUESTS_TARGET / 2)
    files: dict[str, FilePush] = {}
    for kind, media_type, template in (("csv", CSV_TYPE, csv_template), ("xlsx", XLSX_TYPE, xlsx_template)):
        with trial(f"a file of {options.rows:,} rows: {kind}") as one:
            files[kind] = one.file(media_type, template)
    return Results(
        batches,
        singles,
        paced_batches,
        paced_singles,
        files,
        on_topic=sum(one.on_topic for one in trials),
        copies=sum(one.copies for one in trials),
    )


class Trial:
    """Measures on one stage; after each measurement the topic is held against the answers."""

    def __init__(self, stage: Stage, options: Options) -> None:
        self.on_topic = self.copies = 0
        self._stage = stage
        self._options = options
        self._topic = Topic(stage.kafka, stage.partitions)
        self._runs: Iterator[str] = (f"r{number}" for number in count(1))

    def single_records(self, rates: Rates) -> None:
        """Push single records to ours, then to the bare route."""
        for side, target in ((rates.ours, self._stage.ingest), (rates.bare, self._stage.rival)):
            side.append(self._closed(target, rates, _MOST_REQUESTS))

    def batches(self, rates: Rates) -> None:
        """Push batches to ours, then let the bare producer produce them."""
        rates.ours.append(self._closed(self._stage.ingest, rates, _MOST_RECORDS))
        run = next(self._runs)
        done = apart(
            rival.produce,
            *(self._stage.kafka, self._stage.partitions, run, self._number(rates, _MOST_BARE_RECORDS)),
            records=rates.records,
            in_flight=rates.connections,
            warm_up=self._options.warm_up,
            seconds=self._options.seconds,
        )
        self._check({run: done.sent * rates.records})
        rates.bare.append(done)

    def paced(self, records: int, rate: float) -> Paced:
        """Push `rate` requests a second; not counted is what comes first, which connects to the broker."""
        before = self._paced(records, rate, self._options.warm_up)
        return replace(self._paced(records, rate, self._options.seconds), warm_up=before.sent)

    def _paced(self, records: int, rate: float, seconds: float) -> Paced:
        run = next(self._runs)
        paced = apart(
            client.open_loop,
            *(self._stage.ingest, run),
            records=records,
            rate=rate,
            connections=self._options.connections,
            seconds=seconds,
        )
        self._check({run: paced.sent * records})
        return paced

    def file(self, media_type: str, template: Callable[..., bytes]) -> FilePush:
        """Push files as a template is filled in: one alone, one with single records beside it."""
        rows = self._options.rows
        first, second, quiet, beside = (next(self._runs) for _ in range(4))
        files = (
            template(STREAM, (record(first, number) for number in range(rows))),
            template(STREAM, (record(second, number) for number in range(rows))),
        )
        push = apart(
            client.push_files,
            *(self._stage.ingest, (quiet, beside), files, media_type),
            rows=rows,
            rate=_BESIDE_A_FILE,
            seconds=self._options.seconds,
        )
        self._check({first: rows, second: rows, quiet: push.quiet.sent, beside: push.beside.sent})
        return push

    def _closed(self, target: Target, rates: Rates, most: int) -> Measured:
        run = next(self._runs)
        done = apart(
            client.closed_loop,
            *(target, run, self._number(rates, most)),
            records=rates.records,
            connections=rates.connections,
            warm_up=self._options.warm_up,
            seconds=self._options.seconds,
        )
        self._check({run: done.sent * rates.records})
        return done

    def _number(self, rates: Rates, most: int) -> int:
        seconds = self._options.warm_up + self._options.seconds
        return max(2 * rates.connections, int(most * seconds / rates.records))

    def _check(self, accepted: dict[str, int]) -> None:
        found = self._topic.check(accepted)
        self.on_topic += found.records
        self.copies += found.copies
