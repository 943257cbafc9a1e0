"""Collectors of the metrics that `schemas/metrics.py` declares, and their text for `GET /metrics`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas.metrics import CounterMetric, GaugeMetric, HistogramMetric, Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Values = Iterable[tuple[Sequence[str], float]]
"""The values of a metric by its labels' values, in the order of their declaration."""

# Else each series had another beside it that says since when it has been there.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Registry(CollectorRegistry):
    """The metrics of one service, so that several can live in one process; with those of its process."""

    def __init__(self) -> None:
        super().__init__()
        ProcessCollector(registry=self)

    def counter(self, metric: CounterMetric) -> Counter:
        """Return the collector of a counter."""
        return Counter(metric.name, metric.help, list(metric.labels), registry=self)

    def gauge(self, metric: GaugeMetric) -> Gauge:
        """Return the collector of a gauge."""
        return Gauge(metric.name, metric.help, list(metric.labels), registry=self)

    def histogram(self, metric: HistogramMetric) -> Histogram:
        """Return the collector of a histogram."""
        return Histogram(metric.name, metric.help, list(metric.labels), registry=self, buckets=metric.buckets)

    def read(self, metric: CounterMetric | GaugeMetric, values: Callable[[], Values]) -> None:
        """Have a metric whose values are asked for each time somebody looks."""
        self.register(_Read(metric, values))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self)


class _Read(Collector):
    def __init__(self, metric: Metric, values: Callable[[], Values]) -> None:
        self._metric = metric
        self._values = values

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        metric = self._metric
        kind = CounterMetricFamily if isinstance(metric, CounterMetric) else GaugeMetricFamily
        family = kind(metric.name, metric.help, labels=list(metric.labels))
        for labels, value in self._values():
            family.add_metric(labels, value)
        yield family
