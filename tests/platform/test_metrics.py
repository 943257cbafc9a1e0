"""The metrics are those of the list, and Prometheus has nothing to say against them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from schemas import examples
from schemas.metrics import METRICS, SERVICES, CounterMetric, HistogramMetric
from schemas.metrics_page import PAGE, text
from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import declared, ensure_topics
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment
from tests.support.waiting import eventually

_SECONDS = 60


def test_the_page_says_what_the_list_does() -> None:
    """If this fails, run `make generate`."""
    assert PAGE.read_text(encoding="utf-8") == text()


@pytest.fixture
def services(
    fresh_broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path
) -> Iterator[dict[str, Service]]:
    """All four, that have counted a record, refused another, and shown their figures."""
    ensure_topics(fresh_broker.bootstrap)
    migrate(
        Common(kafka=fresh_broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=database)
    )
    env = environment(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=clickhouse.port,
        database=database,
        clock="event",
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        session_timeout_ms=2_000,
    )
    key = add(tmp_path / "agencies.json", examples.SOURCE, ("facility",), ["532622"], feed=True)
    running = {
        name: Service(name, env, tmp_path, *(("alerts", "serve") if name == "alerts" else ()))
        for name in SERVICES
    }
    try:
        for service in running.values():
            service.start()
        good = next(one for one in examples.events() if one["type"] == STREAMS["facility"].topic)
        answer = httpx.post(
            f"{running['ingest'].url}/v1/events",
            json=[good, {**good, "id": "bad", "data": {}}],
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"},
            trust_env=False,
        )
        assert answer.json()["accepted"] == 1, answer.text
        httpx.get(f"{running['board'].url}/v1/indicators", trust_env=False).raise_for_status()
        yield running
    finally:
        for service in running.values():
            service.kill()
            print(service.tail())  # pytest shows it when the test has failed


def scrape(service: Service) -> str:
    return httpx.get(f"{service.url}/metrics", trust_env=False).raise_for_status().text


def families(service: Service) -> dict[str, Family]:
    """What a service tells, by the names of the list."""
    found = text_string_to_metric_families(scrape(service))
    return {one.name + ("_total" if one.type == "counter" else ""): one for one in found}


def value(service: Service, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(scrape(service))
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def journal_told(ingest: Service) -> tuple[float, float]:
    return value(ingest, "minmai_ingest_journal_segments"), value(ingest, "minmai_ingest_journal_bytes")


def journal_there(folder: Path) -> tuple[float, float]:
    """Segments and bytes; a segment goes when it has been counted."""
    sizes = [path.stat().st_size for path in (folder / "journal").glob("*.journal")]
    return len(sizes), sum(sizes)


def test_each_service_tells_what_the_list_says_and_nothing_else(
    services: dict[str, Service], tmp_path: Path
) -> None:
    ingest, aggregate = services["ingest"], services["aggregate"]
    eventually(
        lambda: value(aggregate, "minmai_aggregate_shown_seconds_count"), _SECONDS, "the record is shown"
    )
    eventually(
        lambda: value(aggregate, "minmai_aggregate_lag_records"),
        _SECONDS,
        "all is counted",
        until=lambda lag: not lag,
    )
    for name, service in services.items():
        found = {
            metric: one for metric, one in families(service).items() if not metric.startswith("process_")
        }
        wanted = {one.name: one for one in METRICS.values() if one.service == name}
        assert found.keys() == wanted.keys()
        for metric, family in found.items():
            said = wanted[metric]
            kind = {CounterMetric: "counter", HistogramMetric: "histogram"}.get(type(said), "gauge")
            assert (metric, family.type, family.documentation) == (metric, kind, said.help)
            labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
            assert labels <= {frozenset(said.labels)}, metric
    assert value(ingest, "minmai_ingest_records_total", outcome="accepted") == 1
    assert value(ingest, "minmai_ingest_records_total", outcome="rejected") == 1
    eventually(
        lambda: journal_told(ingest) == journal_there(tmp_path), _SECONDS, "the journal's size is told"
    )
    assert value(ingest, "minmai_ingest_write_seconds_count", to="journal") >= 1
    assert value(ingest, "minmai_ingest_feed_reading", agency=examples.SOURCE) in (0, 1)
    assert value(aggregate, "minmai_aggregate_records_total", stream="facility", outcome="counted") == 1
    assert value(aggregate, "minmai_aggregate_counted_seconds_count") == 1
    assert value(aggregate, "minmai_aggregate_insert_seconds_count", table=STREAMS["facility"].log_table) == 1
    assert value(aggregate, "minmai_aggregate_block_records_sum") >= 1
    assert value(aggregate, "minmai_aggregate_keeper") == 1
    read = sum(topic.partitions for topic in declared()) - 2  # changed figures and alerts are for others
    assert value(aggregate, "minmai_aggregate_partitions") == read
    assert len(families(aggregate)["minmai_aggregate_lag_seconds"].samples) == read
    eventually(
        lambda: value(services["alerts"], "minmai_alerts_figures_total"), _SECONDS, "figures are evaluated"
    )
    answered = value(
        services["board"], "minmai_board_response_seconds_count", route="/v1/indicators", status="2xx"
    )
    assert answered == 1


@pytest.mark.promtool
def test_prometheus_own_checker_has_no_complaint(services: dict[str, Service]) -> None:
    eventually(
        lambda: value(services["aggregate"], "minmai_aggregate_shown_seconds_count"), _SECONDS, "it is shown"
    )
    for name, service in services.items():
        checked: Any = subprocess.run(
            ["promtool", "check", "metrics"],
            input=scrape(service),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (name, checked.returncode, checked.stdout + checked.stderr) == (name, 0, "")
