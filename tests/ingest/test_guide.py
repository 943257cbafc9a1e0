"""The examples of the guide for agencies, run as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.generate import stream_schema
from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.ingest.support import Service
from tests.support.brokers import Broker

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "agencies.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
SHELL = [code for language, code in BLOCKS if language == "bash"]
PYTHON = [code for language, code in BLOCKS if language == "python"]


@pytest.fixture(scope="module")
def environment(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    ensure_topics(broker.bootstrap)
    folder = tmp_path_factory.mktemp("ingest")
    key = add(folder / "agencies.json", "county-commerce", STREAMS, ["532622"])
    service = Service(broker.bootstrap, folder)
    service.start()
    yield {**os.environ, "MINMAI": service.url, "KEY": key}
    service.stop()


def run(argv: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        argv, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide's shell examples need curl")
def test_the_shell_examples(environment: dict[str, str], tmp_path: Path) -> None:
    first, many, schema, cloudevent = [
        json.loads(run(["bash", "-euo", "pipefail", "-c", code], environment, tmp_path)) for code in SHELL
    ]
    shown_first, shown_many = (json.loads(code) for language, code in BLOCKS if language == "json")
    for answer, shown in ((first, shown_first), (many, shown_many), (cloudevent, shown_first)):
        assert answer | {"receipt": ""} == shown | {"receipt": ""}
    assert schema == stream_schema(STREAMS["childcare-place"])


def test_the_python_example(environment: dict[str, str], tmp_path: Path) -> None:
    [code] = PYTHON
    lines = run([sys.executable, "-c", code], environment, tmp_path).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"接收 {number} 重复 0 拒收 0" for number in (500, 500, 200)
    ]
