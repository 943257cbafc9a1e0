"""What the alerts service tells Prometheus."""

from schemas import metrics as declared
from services.platform.metrics import Registry


class Metrics:
    """The metrics of one alerts service."""

    def __init__(self) -> None:
        registry = self._registry = Registry()
        self.figures = registry.counter(declared.ALERTS_FIGURES)
        self.unreadable = registry.counter(declared.ALERTS_UNREADABLE)
        self.changes = registry.counter(declared.ALERTS_CHANGES)
        self.firing = registry.gauge(declared.ALERTS_FIRING)
        self.connected = registry.gauge(declared.ALERTS_CONNECTED)
        self.waiting = registry.gauge(declared.ALERTS_WAITING)
        self.notices = registry.counter(declared.ALERTS_NOTICES)
        self.attempts = registry.counter(declared.ALERTS_ATTEMPTS)
        self.attempt_seconds = registry.histogram(declared.ALERTS_ATTEMPT_SECONDS)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return self._registry.text()
