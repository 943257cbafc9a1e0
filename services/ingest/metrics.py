"""What ingest counts, for `GET /metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The metrics of one ingest process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = Counter(
            "minmai_ingest_records",
            "Records by what became of them",
            ["agency", "outcome"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "minmai_ingest_refusals", "Refused records by reason", ["agency", "code"], registry=self.registry
        )
        self.pushes = Counter(
            "minmai_ingest_pushes", "Pushes by HTTP status", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "minmai_ingest_push_seconds", "From the end of the headers to the answer", registry=self.registry
        )
        self.ready = Gauge("minmai_ingest_ready", "1 while records can be accepted", registry=self.registry)
        self.known_selective = Gauge(
            "minmai_ingest_known_selective",
            "1 while only records that may have been counted before are asked about",
            registry=self.registry,
        )
        self.known_remembered = Gauge(
            "minmai_ingest_known_remembered",
            "Records that are remembered to tell new ones from",
            registry=self.registry,
        )
