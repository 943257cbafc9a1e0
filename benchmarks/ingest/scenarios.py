"""What is measured, one scenario after the other; after each the topic is held against the answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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

RECORDS_TARGET = 10_000
"""Records a second of one process, in batches."""
REQUESTS_TARGET = 1_000
"""Requests a second of one process, one record each."""

_MOST_RECORDS = 60_000
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


class Scenarios:
    """Measures on a stage; raises RuntimeError if an answer was wrong, MiscountedError if the topic is."""

    def __init__(self, stage: Stage, options: Options, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._options = options
        self._tell = tell
        self._topic = Topic(stage.kafka, stage.partitions)
        self._runs: Iterator[str] = (f"r{number}" for number in count(1))
        self._on_topic = self._copies = 0

    def run(self) -> Results:
        """Measure everything."""
        options = self._options
        return Results(
            self._alternate("batches", options.batch, options.batch_connections, self._bare_batches),
            self._alternate("single records", 1, options.connections, self._bare_singles),
            self._paced("batches", options.batch, RECORDS_TARGET / 2 / options.batch),
            self._paced("single records", 1, REQUESTS_TARGET / 2),
            {
                "csv": self._file("csv", CSV_TYPE, csv_template),
                "xlsx": self._file("xlsx", XLSX_TYPE, xlsx_template),
            },
            self._on_topic,
            self._copies,
        )

    def _alternate(
        self, what: str, records: int, connections: int, bare: Callable[[str, int], Measured]
    ) -> Rates:
        rates = Rates(records, connections)
        most = _MOST_RECORDS / records if records > 1 else _MOST_REQUESTS
        number = max(2 * connections, int(most * (self._options.seconds + self._options.warm_up)))
        for round in range(1, self._options.rounds + 1):
            self._tell(f"{what}, round {round} of {self._options.rounds}")
            run = next(self._runs)
            rates.ours.append(self._closed(self._stage.ingest, run, number, records, connections))
            self._check({run: rates.ours[-1].sent * records})
            run = next(self._runs)
            rates.bare.append(bare(run, number))
            self._check({run: rates.bare[-1].sent * records})
        return rates

    def _closed(self, target: Target, run: str, number: int, records: int, connections: int) -> Measured:
        return apart(
            client.closed_loop,
            *(target, run, number),
            records=records,
            connections=connections,
            warm_up=self._options.warm_up,
            seconds=self._options.seconds,
        )

    def _bare_batches(self, run: str, number: int) -> Measured:
        options = self._options
        return apart(
            rival.produce,
            *(self._stage.kafka, self._stage.partitions, run, number),
            records=options.batch,
            in_flight=options.batch_connections,
            warm_up=options.warm_up,
            seconds=options.seconds,
        )

    def _bare_singles(self, run: str, number: int) -> Measured:
        return self._closed(self._stage.rival, run, number, 1, self._options.connections)

    def _paced(self, what: str, records: int, rate: float) -> Paced:
        self._tell(f"{what} at half the target: {rate:g} requests/s")
        run = next(self._runs)
        paced = apart(
            client.open_loop,
            *(self._stage.ingest, run),
            records=records,
            rate=rate,
            connections=self._options.connections,
            seconds=self._options.seconds,
        )
        self._check({run: paced.sent * records})
        return paced

    def _file(self, kind: str, media_type: str, template: Callable[..., bytes]) -> FilePush:
        rows = self._options.rows
        self._tell(f"a file of {rows:,} rows: {kind}")
        runs = next(self._runs), next(self._runs), next(self._runs)
        content = template(STREAM, (record(runs[0], number) for number in range(rows)))
        push = apart(
            client.push_file,
            *(self._stage.ingest, runs[1:], content, media_type),
            rows=rows,
            rate=_BESIDE_A_FILE,
            seconds=self._options.seconds,
        )
        self._check(dict(zip(runs, (rows, push.alone.sent, push.beside.sent), strict=True)))
        return push

    def _check(self, accepted: dict[str, int]) -> None:
        found = self._topic.check(accepted)
        self._on_topic += found.records
        self._copies += found.copies
