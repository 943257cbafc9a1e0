"""Metrics of the aggregator."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECORDS = Counter(
    "minmai_aggregate_records",
    "Records read from the stream topics, by outcome",
    ["stream", "outcome"],
    registry=REGISTRY,
)
BLOCK_SECONDS = Histogram(
    "minmai_aggregate_block_seconds", "Time from claim to counted, per block", registry=REGISTRY
)
REFRESH_SECONDS = Histogram(
    "minmai_aggregate_refresh_seconds",
    "Time to bring the touched figures up to the records",
    registry=REGISTRY,
)
PARTITIONS = Gauge("minmai_aggregate_partitions", "Partitions this worker owns", registry=REGISTRY)


def count(stream: str, new: int, duplicates: int, conflicts: int, refused: int) -> None:
    """Count a block's records by outcome."""
    for outcome, number in (
        ("counted", new),
        ("duplicate", duplicates),
        ("conflict", conflicts),
        ("refused", refused),
    ):
        RECORDS.labels(stream, outcome).inc(number)
