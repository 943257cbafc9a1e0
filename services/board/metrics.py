"""What the board tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.board.hub import Hub


class _HubState(Collector):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> list[GaugeMetricFamily]:
        hub = self._hub
        return [
            GaugeMetricFamily("minmai_board_pages", "open pages", value=hub.pages),
            GaugeMetricFamily(
                "minmai_board_source_connected",
                "1 while the topic of changed figures is read",
                value=int(hub.source.connected),
            ),
            GaugeMetricFamily(
                "minmai_board_overflows",
                "pages told to reload since the start because too much waited for them",
                value=hub.overflows,
            ),
        ]


class Metrics:
    """A registry of one board's own, so that several can live in one process."""

    def __init__(self, hub: Hub) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_HubState(hub))
        self.unreadable = Counter(
            "minmai_board_unreadable_records",
            "records of the indicator topic that are not figures",
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
