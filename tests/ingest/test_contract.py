"""Ingest answers as its OpenAPI document says, whatever schemathesis thinks of sending."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.examples import SOURCE
from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.ingest.support import PLAN
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment

_SECONDS = 300

# A record that fits its schema may still be refused: no schema knows the county's divisions or what the
# agency has sent before. And of several records some can be wrong, which is 207.
_CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404"]

[checks.negative_data_rejection]
expected-statuses = ["207", "400", "401", "403", "404", "413", "415", "422"]

[phases.stateful]
enabled = false

[warnings]
enabled = false
"""


@pytest.fixture
def service(
    broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path
) -> Iterator[tuple[Service, str]]:
    """Ingest with all its neighbours, and the key of an agency that may push everything."""
    ensure_topics(broker.bootstrap)
    migrate(
        Common(
            kafka=broker.bootstrap,
            clickhouse_port=clickhouse.port,
            clickhouse_database=database,
            plan=PLAN,
        )
    )
    key = add(tmp_path / "agencies.json", SOURCE, STREAMS, ["532622"])
    env = environment(
        kafka=broker.bootstrap,
        clickhouse_port=clickhouse.port,
        database=database,
        agencies=tmp_path / "agencies.json",
    )
    own = Service("ingest", env, tmp_path)
    own.start()
    yield own, key
    own.kill()


def test_schemathesis_finds_nothing(service: tuple[Service, str], tmp_path: Path) -> None:
    ingest, key = service
    config = tmp_path / "schemathesis.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
            *(f"{ingest.url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
            *("--max-examples", "15", "--seed", "1", "--no-color", "--phases", "examples,fuzzing"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{ingest.tail()}"
    assert "No issues found" in done.stdout, done.stdout
