"""Every metric of minmai's services, by its name on `GET /metrics`: what dashboards and alerts rest on.

Names are Prometheus': base units (`_seconds`, `_bytes`), `_total` for what only grows. A label's values are
from a closed list, or from one that the operator keeps (agencies): never from what somebody sends.
`docs/metrics.md` is made of this list; services make their collectors of it (`services/platform/metrics.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Service = Literal["ingest", "aggregate", "alerts", "board"]
SERVICES: tuple[Service, ...] = get_args(Service)


@dataclass(frozen=True)
class Metric:
    """One metric; `labels`: by name, what values it has."""

    service: Service
    name: str
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)


class CounterMetric(Metric):
    """It only grows, from 0 at the service's start."""


class GaugeMetric(Metric):
    """It goes up and down."""


@dataclass(frozen=True)
class HistogramMetric(Metric):
    """How many of something lay below each bound of `buckets`, in the unit of the name."""

    buckets: tuple[float, ...] = ()


_ANSWERS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_INSERTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_FRESHNESS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_RECORDS = (1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)

_AGENCY = {"agency": "an agency of the file of agencies"}
_PARTITION = {"topic": "a topic of minmai", "partition": "its partitions that this worker owns"}
_CHANNEL = {"channel": "topic, webhook, mail"}

# Ingest

INGEST_RECORDS = CounterMetric(
    "ingest",
    "minmai_ingest_records_total",
    "Records pushed, by what became of them",
    {**_AGENCY, "outcome": "accepted, duplicate, rejected"},
)
INGEST_REFUSALS = CounterMetric(
    "ingest",
    "minmai_ingest_refusals_total",
    "Refused records, by reason",
    {**_AGENCY, "code": "a code of the agencies' guide"},
)
INGEST_PUSHES = CounterMetric(
    "ingest", "minmai_ingest_pushes_total", "Pushes answered", {"status": "HTTP status of the answer"}
)
INGEST_PUSH_SECONDS = HistogramMetric(
    "ingest",
    "minmai_ingest_push_seconds",
    "From the end of a push's headers to its answer",
    buckets=_ANSWERS,
)
INGEST_WRITE_SECONDS = HistogramMetric(
    "ingest",
    "minmai_ingest_write_seconds",
    "Time until a group of pushes was acknowledged by the broker, or was on disk",
    {"to": "broker, journal"},
    buckets=_INSERTS,
)
INGEST_WAITING_BYTES = GaugeMetric(
    "ingest", "minmai_ingest_waiting_bytes", "Records that wait for their turn to be written to the broker"
)
INGEST_READY = GaugeMetric("ingest", "minmai_ingest_ready", "1 while records can be accepted")
INGEST_KNOWN_SELECTIVE = GaugeMetric(
    "ingest",
    "minmai_ingest_known_selective",
    "1 while only records that may have been counted before are asked about",
)
INGEST_KNOWN_REMEMBERED = GaugeMetric(
    "ingest",
    "minmai_ingest_known_remembered",
    "Records that are remembered to tell new ones from",
)
INGEST_JOURNAL_SEGMENTS = GaugeMetric(
    "ingest",
    "minmai_ingest_journal_segments",
    "Files of the journal; 0 where none is kept. One is dropped when all its records are counted",
)
INGEST_JOURNAL_BYTES = GaugeMetric("ingest", "minmai_ingest_journal_bytes", "Size of the journal on disk")
INGEST_FEED_READING = GaugeMetric(
    "ingest", "minmai_ingest_feed_reading", "1 while an agency's own topic is read", _AGENCY
)
INGEST_FEED_STOPPED = GaugeMetric(
    "ingest", "minmai_ingest_feed_stopped", "1 while the breaker has an agency's own topic stopped", _AGENCY
)

# Aggregate

AGGREGATE_RECORDS = CounterMetric(
    "aggregate",
    "minmai_aggregate_records_total",
    "Records read from the streams' topics, by what became of them",
    {"stream": "a stream", "outcome": "counted, duplicate, conflict, refused"},
)
AGGREGATE_PARTITIONS = GaugeMetric(
    "aggregate", "minmai_aggregate_partitions", "Partitions that this worker owns"
)
AGGREGATE_STUCK = GaugeMetric(
    "aggregate",
    "minmai_aggregate_stuck",
    "Partitions, and the figures, that do not move though something waits for them; 0 is good",
)
AGGREGATE_KEEPER = GaugeMetric(
    "aggregate", "minmai_aggregate_keeper", "1 in the worker that keeps the figures, 0 in the others"
)
AGGREGATE_LAG_RECORDS = GaugeMetric(
    "aggregate",
    "minmai_aggregate_lag_records",
    "Records of a partition that are not counted yet",
    _PARTITION,
)
AGGREGATE_LAG_SECONDS = GaugeMetric(
    "aggregate",
    "minmai_aggregate_lag_seconds",
    "For how long the oldest record of a partition that is not counted has been waiting; 0 if none is",
    _PARTITION,
)
AGGREGATE_BLOCK_RECORDS = HistogramMetric(
    "aggregate",
    "minmai_aggregate_block_records",
    "Records in a block, which is inserted at once",
    buckets=_RECORDS,
)
AGGREGATE_BLOCK_SECONDS = HistogramMetric(
    "aggregate", "minmai_aggregate_block_seconds", "Time from claim to counted, per block", buckets=_ANSWERS
)
AGGREGATE_INSERT_SECONDS = HistogramMetric(
    "aggregate",
    "minmai_aggregate_insert_seconds",
    "Time of an insert into ClickHouse that succeeded",
    {"table": "a table that workers insert into"},
    buckets=_INSERTS,
)
AGGREGATE_COUNTED_SECONDS = HistogramMetric(
    "aggregate",
    "minmai_aggregate_counted_seconds",
    "Freshness, once per block: age of its oldest record, since ingest wrote it to the topic, when the block "
    "was counted",
    buckets=_FRESHNESS,
)
AGGREGATE_SHOWN_SECONDS = HistogramMetric(
    "aggregate",
    "minmai_aggregate_shown_seconds",
    "Freshness, once per block: age of its oldest record, since ingest wrote it to the topic, when the "
    "figures held it; in the worker that keeps the figures",
    buckets=_FRESHNESS,
)
AGGREGATE_REFRESH_SECONDS = HistogramMetric(
    "aggregate",
    "minmai_aggregate_refresh_seconds",
    "Time to bring the touched figures up to the records",
    buckets=_ANSWERS,
)
AGGREGATE_DROPPED = CounterMetric(
    "aggregate",
    "minmai_aggregate_dropped_rows_total",
    "Rows dropped because they were older than their setting: docs/retention.md",
    {"table": "a table of docs/retention.md"},
)

# Alerts

ALERTS_FIGURES = CounterMetric("alerts", "minmai_alerts_figures_total", "Figures evaluated, repeats included")
ALERTS_UNREADABLE = CounterMetric(
    "alerts",
    "minmai_alerts_unreadable_records_total",
    "Records of the topic of changed figures that are none",
)
ALERTS_CHANGES = CounterMetric(
    "alerts",
    "minmai_alerts_changes_total",
    "Changes of state",
    {"rule": "a rule of the plan, or feed-stopped", "state": "firing, resolved"},
)
ALERTS_FIRING = GaugeMetric("alerts", "minmai_alerts_firing", "Alerts that fire now")
ALERTS_CONNECTED = GaugeMetric(
    "alerts", "minmai_alerts_source_connected", "1 while the topic of changed figures is read"
)
ALERTS_WAITING = GaugeMetric("alerts", "minmai_alerts_notices_waiting", "Notices that are not settled yet")
ALERTS_NOTICES = CounterMetric(
    "alerts",
    "minmai_alerts_notices_total",
    "Notices settled; nobody will get those that are not delivered",
    {**_CHANNEL, "outcome": "delivered, refused, given_up"},
)
ALERTS_ATTEMPTS = CounterMetric(
    "alerts",
    "minmai_alerts_attempts_total",
    "Attempts to deliver a notice",
    {**_CHANNEL, "outcome": "delivered, retry, refused"},
)
ALERTS_ATTEMPT_SECONDS = HistogramMetric(
    "alerts", "minmai_alerts_attempt_seconds", "Time of an attempt to deliver", _CHANNEL, buckets=_ANSWERS
)

# Board

BOARD_PAGES = GaugeMetric("board", "minmai_board_pages", "Open pages: clients of the stream of changes")
BOARD_CONNECTED = GaugeMetric(
    "board", "minmai_board_source_connected", "1 while the topic of changed figures is read"
)
BOARD_UNREADABLE = CounterMetric(
    "board", "minmai_board_unreadable_records_total", "Records of the topic of changed figures that are none"
)
BOARD_RESPONSE_SECONDS = HistogramMetric(
    "board",
    "minmai_board_response_seconds",
    "Time to the beginning of an answer",
    {"route": "a path of the API as in docs/api.md, /static, or other", "status": "2xx, 3xx, 4xx, 5xx"},
    buckets=_ANSWERS,
)
BOARD_PANEL_ANSWERS = CounterMetric(
    "board",
    "minmai_board_panel_answers_total",
    "Panels answered: by a statement of their own, or by one that somebody else had asked for",
    {"by": "statement, shared"},
)
BOARD_PANEL_SECONDS = HistogramMetric(
    "board",
    "minmai_board_panel_statement_seconds",
    "Time of a panel's statement in ClickHouse",
    {"dashboard": "a dashboard of the plan", "outcome": "answered, failed"},
    buckets=_ANSWERS,
)

METRICS: Mapping[str, Metric] = {one.name: one for one in list(globals().values()) if isinstance(one, Metric)}
"""All of them, by name."""
