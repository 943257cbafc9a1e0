"""What the alerts service tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """A registry of one service's own, so that several can live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.figures = Counter(
            "minmai_alerts_figures", "Figures evaluated, repeats included", registry=self._registry
        )
        self.unreadable = Counter(
            "minmai_alerts_unreadable_records",
            "Records of the indicator topic that are not figures",
            registry=self._registry,
        )
        self.changes = Counter(
            "minmai_alerts_changes", "Changes of state", ["rule", "state"], registry=self._registry
        )
        self.firing = Gauge("minmai_alerts_firing", "Alerts that fire now", registry=self._registry)
        self.connected = Gauge(
            "minmai_alerts_source_connected", "1 while the indicator topic is read", registry=self._registry
        )
        self.waiting = Gauge(
            "minmai_alerts_notices_waiting", "Notices not settled yet", registry=self._registry
        )
        self.attempts = Counter(
            "minmai_alerts_attempts",
            "Attempts to deliver, by outcome: delivered, retry, refused",
            ["channel", "outcome"],
            registry=self._registry,
        )
        self.lost = Counter(
            "minmai_alerts_notices_lost",
            "Notices that nobody will get: refused for good, or given up",
            ["channel", "why"],
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
