"""Metrics of the aggregator; its hot path gives them numbers of a block, never of a record."""

from datetime import UTC, datetime

from prometheus_client import Histogram

from schemas import metrics as declared
from services.aggregate.lag import Lag
from services.platform.metrics import Registry

REGISTRY = Registry()

RECORDS = REGISTRY.counter(declared.AGGREGATE_RECORDS)
PARTITIONS = REGISTRY.gauge(declared.AGGREGATE_PARTITIONS)
STUCK = REGISTRY.gauge(declared.AGGREGATE_STUCK)
KEEPER = REGISTRY.gauge(declared.AGGREGATE_KEEPER)
BLOCK_RECORDS = REGISTRY.histogram(declared.AGGREGATE_BLOCK_RECORDS)
BLOCK_SECONDS = REGISTRY.histogram(declared.AGGREGATE_BLOCK_SECONDS)
INSERT_SECONDS = REGISTRY.histogram(declared.AGGREGATE_INSERT_SECONDS)
COUNTED_SECONDS = REGISTRY.histogram(declared.AGGREGATE_COUNTED_SECONDS)
SHOWN_SECONDS = REGISTRY.histogram(declared.AGGREGATE_SHOWN_SECONDS)
REFRESH_SECONDS = REGISTRY.histogram(declared.AGGREGATE_REFRESH_SECONDS)
DROPPED = REGISTRY.counter(declared.AGGREGATE_DROPPED)

LAG = Lag()
REGISTRY.read(declared.AGGREGATE_LAG_RECORDS, LAG.records)
REGISTRY.read(declared.AGGREGATE_LAG_SECONDS, LAG.seconds)


def count(stream: str, new: int, duplicates: int, conflicts: int, refused: int) -> None:
    """Count a block's records by outcome."""
    for outcome, number in (
        ("counted", new),
        ("duplicate", duplicates),
        ("conflict", conflicts),
        ("refused", refused),
    ):
        RECORDS.labels(stream, outcome).inc(number)


def fresh(histogram: Histogram, written_at: datetime | None) -> None:
    """Note how old a block's oldest record is by now; None: nobody knows when it was written."""
    if written_at is not None:
        histogram.observe(max(0.0, (datetime.now(UTC) - written_at).total_seconds()))


def inserted(table: str, seconds: float) -> None:
    """Note how long an insert took."""
    INSERT_SECONDS.labels(table).observe(seconds)
