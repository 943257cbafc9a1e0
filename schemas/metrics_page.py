"""`docs/metrics.md`, made of the list of metrics: `python -m schemas.metrics_page` writes it."""

from collections.abc import Iterator
from pathlib import Path

from schemas.metrics import METRICS, SERVICES, CounterMetric, HistogramMetric, Metric

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"

_HEAD = """\
# Metrics

Each service answers `GET /metrics` in Prometheus' text format: ingest on port 8100, board 8101, alerts 8102,
aggregate 8103, unless the settings say otherwise. Beside the metrics below there are those of its process, by
Prometheus' own names: `process_resident_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds` and so
on.

This page is made of `schemas/metrics.py` (`make generate`).
"""

_FOOT = """
## What to watch

| question | expression |
|---|---|
| does a record wait too long to be counted? | `max(minmai_aggregate_lag_seconds) > 60` |
| does nobody own a partition? | `sum(minmai_aggregate_partitions)` is less than there are |
| does a worker live and count nothing? | `max(minmai_aggregate_stuck) > 0` |
| does one worker keep the figures? | `sum(minmai_aggregate_keeper) != 1` |
| how fresh are the figures? | \
`histogram_quantile(0.99, sum by (le) (rate(minmai_aggregate_shown_seconds_bucket[5m])))` |
| does ingest accept? | `minmai_ingest_ready == 0` |
| does it refuse what is right? | `rate(minmai_ingest_pushes_total{status=~"5.."}[5m]) > 0` |
| does the journal shrink again? | `minmai_ingest_journal_bytes` |
| is a notice lost? | `increase(minmai_alerts_notices_total{outcome!="delivered"}[1h]) > 0` |
| does the board stand still? | `minmai_board_source_connected == 0` |

**Freshness** counts blocks, not records: a block is as old as its oldest record. It begins when ingest wrote
that to its topic, by the time stamp of the Kafka record, some milliseconds before the answer (a record's
`receivedtime` is the county's with `MINMAI_CLOCK=event`). A block that an earlier owner of the partition had
begun is left out.

**Lag** is known to the worker that owns the partition. Seconds may be too many by 5, which is how often it is
asked whether anything waits. The embedded broker does not tell where a partition ends before that is fetched:
the lag in records of a worker that is stuck may be too small there, by the last batch.
"""


def text() -> str:
    """Return the page."""
    return _HEAD + "".join(part for service in SERVICES for part in _section(service)) + _FOOT


def _section(service: str) -> Iterator[str]:
    yield f"\n## {service}\n\n| metric | kind | what it says | labels |\n|---|---|---|---|\n"
    for metric in METRICS.values():
        if metric.service == service:
            yield f"| `{metric.name}` | {_kind(metric)} | {metric.help} | {_labels(metric)} |\n"


def _kind(metric: Metric) -> str:
    if isinstance(metric, HistogramMetric):
        return f"histogram, {metric.buckets[0]:g} to {metric.buckets[-1]:g}"
    return "counter" if isinstance(metric, CounterMetric) else "gauge"


def _labels(metric: Metric) -> str:
    return "; ".join(f"`{name}`: {values}" for name, values in metric.labels.items())


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
