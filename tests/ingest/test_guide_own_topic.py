"""The examples of the guide for an agency's own topic, run as they stand, with an ingest that reads it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.ingest.feeds.names import feed_topics
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.ingest.support import Service, wait_for_subjects
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse

AGENCY = "county-commerce"
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "own-topic.md"
EXAMPLES = dict(
    re.findall(r"^```(bash|python)\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
)


@pytest.fixture
def bootstrap(broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path) -> Iterator[str]:
    """A broker whose feeds are read."""
    migrate(Common(clickhouse_port=clickhouse.port, clickhouse_database=database))
    ensure_topics(broker.bootstrap)
    ensure_topics(broker.bootstrap, topics=feed_topics([AGENCY]))
    add(tmp_path / "agencies.json", AGENCY, STREAMS, ["532622"], feed=True)
    service = Service(
        *(broker.bootstrap, tmp_path),
        MINMAI_CLICKHOUSE_PORT=str(clickhouse.port),
        MINMAI_CLICKHOUSE_DATABASE=database,
    )
    service.start()
    yield broker.bootstrap
    service.stop()


def run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def example(language: str, bootstrap: str) -> str:
    assert "127.0.0.1:9092" in EXAMPLES[language]
    return EXAMPLES[language].replace("127.0.0.1:9092", bootstrap)


@pytest.mark.skipif(shutil.which("kcat") is None, reason="the guide's shell example needs kcat")
def test_kcat(broker_kind: str, bootstrap: str, tmp_path: Path) -> None:
    if broker_kind == "embedded":
        pytest.skip(
            "kcat of Debian 12 cannot talk to the embedded broker, as the guide says: use --broker=kafka"
        )
    run(["bash", "-euo", "pipefail", "-c", example("bash", bootstrap)], tmp_path)
    wait_for_subjects(bootstrap, {"QH-000001"})


def test_confluent_kafka(bootstrap: str, tmp_path: Path) -> None:
    run([sys.executable, "-c", example("python", bootstrap)], tmp_path)
    wait_for_subjects(bootstrap, {"QH-000002"})
