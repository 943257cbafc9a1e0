"""Ingest answers as its OpenAPI document says, whatever schemathesis thinks of sending."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
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
from tests.support.services import ROOT, Service, environment

_SECONDS = 900
_QUICK_EXAMPLES = 5
_QUICK_STREAMS = ("consumption-voucher",)

# A record that fits its schema may be refused, with 400: no schema knows a county's divisions, what fields
# say together or what was pushed before; for which reasons, the hooks check. An invented receipt is 404; of
# several records some can be wrong, which is 207; too many are 413.
_CONFIG = """
hooks = "tests.ingest.schemathesis_hooks"

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
    precise = _by_stream(
        httpx.get(f"{ingest.url}/openapi.json").json(), tuple(STREAMS) if asked else _QUICK_STREAMS
    )
    document.write_text(json.dumps(precise), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", str(document), "--url", ingest.url, "--header", f"Authorization: Bearer {key}"),
            *("--max-examples", asked or str(_QUICK_EXAMPLES), "--seed", "1", "--no-color"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{ingest.tail()}"
    assert "No issues found" in done.stdout, done.stdout
    assert "(disabled)" not in done.stdout, done.stdout


def _by_stream(document: dict[str, Any], streams: Sequence[str]) -> dict[str, Any]:
    """The document with an address, and bodies, for each of these streams: so the right body goes to each."""
    paths = document["paths"]
    records = paths.pop("/v1/streams/{stream}")
    for name in streams:
        own = paths[f"/v1/streams/{name}"] = deepcopy(records)
        own["post"]["operationId"] += f"_{name}"
        own["post"]["parameters"] = [one for one in own["post"]["parameters"] if one["in"] != "path"]
        _keep(own["post"], [name], "Record", "Withdrawal")
    _keep(paths["/v1/events"]["post"], streams, "Event", "EventWithdrawal")
    return document


def _keep(operation: dict[str, Any], streams: Sequence[str], kind: str, withdrawal: str) -> None:
    """Leave of the bodies those of some streams."""
    records = ["".join(word.capitalize() for word in stream.split("-")) + kind for stream in streams]
    names = [*records, withdrawal]
    mine = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    for content in operation["requestBody"]["content"].values():
        if "anyOf" in content["schema"]:
            *one, many = content["schema"]["anyOf"]
            assert all(ref in one for ref in mine)
            many["items"]["anyOf"] = mine
            content["schema"]["anyOf"] = [*mine, many]
        if "examples" in content:
            content["examples"] = {
                name: example
                for name, example in content["examples"].items()
                if name.removesuffix("-many") in streams
            }
