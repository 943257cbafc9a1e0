"""Ingest answers as its OpenAPI document says, whatever schemathesis thinks of sending."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
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

_SECONDS = 900
_QUICK_EXAMPLES = 5
_SHOWN_STREAM = "ConsumptionVoucher"

# A record that fits its schema may be refused, with 400: no schema knows a county's divisions, what fields
# say together, what was pushed before, or of which of its streams the address is. An invented receipt is 404;
# of several records some can be wrong, which is 207; too many are 413.
_CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404"]

[checks.negative_data_rejection]
expected-statuses = ["207", "400", "401", "404", "413", "415", "422"]

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
    """All its phases and checks. MINMAI_TEST_SCHEMATHESIS=50 takes every stream, with so many examples."""
    ingest, key = service
    asked = os.environ.get("MINMAI_TEST_SCHEMATHESIS")
    config, document = tmp_path / "schemathesis.toml", tmp_path / "openapi.json"
    config.write_text(_CONFIG, encoding="utf-8")
    whole = httpx.get(f"{ingest.url}/openapi.json").json()
    document.write_text(json.dumps(whole if asked else _of_one_stream(whole)), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", str(document), "--url", ingest.url, "--header", f"Authorization: Bearer {key}"),
            *("--max-examples", asked or str(_QUICK_EXAMPLES), "--seed", "1", "--no-color"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{ingest.tail()}"
    assert "No issues found" in done.stdout, done.stdout
    assert "(disabled)" not in done.stdout, done.stdout


def _of_one_stream(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the bodies of one stream only: thousands of cases are hundreds then."""
    for path in ("/v1/events", "/v1/streams/{stream}"):
        for content in document["paths"][path]["post"]["requestBody"]["content"].values():
            if "anyOf" in content["schema"]:
                *one, many = content["schema"]["anyOf"]
                mine = [ref for ref in one if _SHOWN_STREAM in ref["$ref"]]
                assert mine
                many["items"]["anyOf"] = mine
                content["schema"]["anyOf"] = [*mine, many]
    return document
