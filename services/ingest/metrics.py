"""What ingest counts, for `GET /metrics`."""

from schemas import metrics as declared
from services.platform.metrics import Registry


class Metrics:
    """The metrics of one ingest process."""

    def __init__(self) -> None:
        registry = self.registry = Registry()
        self.records = registry.counter(declared.INGEST_RECORDS)
        self.refusals = registry.counter(declared.INGEST_REFUSALS)
        self.pushes = registry.counter(declared.INGEST_PUSHES)
        self.seconds = registry.histogram(declared.INGEST_PUSH_SECONDS)
        self.write_seconds = registry.histogram(declared.INGEST_WRITE_SECONDS)
        self.waiting_bytes = registry.gauge(declared.INGEST_WAITING_BYTES)
        self.ready = registry.gauge(declared.INGEST_READY)
        self.known_selective = registry.gauge(declared.INGEST_KNOWN_SELECTIVE)
        self.known_remembered = registry.gauge(declared.INGEST_KNOWN_REMEMBERED)
        self.journal_segments = registry.gauge(declared.INGEST_JOURNAL_SEGMENTS)
        self.journal_bytes = registry.gauge(declared.INGEST_JOURNAL_BYTES)
        self.feed_reading = registry.gauge(declared.INGEST_FEED_READING)
        self.feed_stopped = registry.gauge(declared.INGEST_FEED_STOPPED)
