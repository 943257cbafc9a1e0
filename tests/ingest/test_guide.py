"""The examples of the guide for agencies, run as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from openpyxl import load_workbook

from schemas.facility import KINDS
from schemas.facility.base import Facility
from schemas.generate import stream_schema
from schemas.statistic import LEVEL_NAME, MEASURES
from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.ingest.support import Service
from tests.support.brokers import Broker

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "agencies.md"
TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
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
    printed = [run(["bash", "-euo", "pipefail", "-c", code], environment, tmp_path) for code in SHELL]
    first, many, schema, *withdrawals, cloudevent, sheet = [json.loads(text) for text in printed if text]
    assert load_workbook(tmp_path / "childcare-place.xlsx").sheetnames[0] == "填报"
    assert len(withdrawals) == 3
    shown_first, shown_many = (json.loads(code) for language, code in BLOCKS if language == "json")
    for answer, shown in (
        (many, shown_many),
        *((one, shown_first) for one in (first, *withdrawals, cloudevent)),
    ):
        assert answer | {"receipt": ""} == shown | {"receipt": ""}
    assert schema == stream_schema(STREAMS["childcare-place"])
    assert (sheet["accepted"], sheet["rejected"]) == (1, 1), sheet
    [error] = sheet["errors"]
    assert (error["row"], error["column"], error["field"]) == (4, "E", "enrolled")
    assert sheet["marked"]


def test_it_names_every_stream_kind_and_measure_and_what_each_asks_for() -> None:
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in TEXT.splitlines()]
    named = {cells[0].strip("`"): cells[1:] for cells in rows if cells[0].startswith("`")}
    assert named.keys() >= STREAMS.keys()
    for kind in KINDS:
        [name] = get_args(kind.model_fields["kind"].annotation)
        asked = {
            field
            for field, info in kind.model_fields.items()
            if info.is_required() and field not in {*Facility.model_fields, "kind"}
        }
        assert all(f"`{field}`＊" in named[name][1] for field in asked), name
    for name, spec in MEASURES.items():
        chinese, unit, level, note = named[name]
        assert (chinese, unit) == (spec.zh, spec.unit.zh)
        assert level.startswith(LEVEL_NAME[spec.level])
        assert ("整数" in note, "本年累计" in note) == (spec.whole, spec.yearly)
        assert all(f"`{dimension}`" in note for dimension in spec.dimensions)


def test_the_python_example(environment: dict[str, str], tmp_path: Path) -> None:
    code, sheet = PYTHON
    lines = run([sys.executable, "-c", code], environment, tmp_path).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"接收 {number} 重复 0 拒收 0" for number in (500, 500, 200)
    ]
    assert run([sys.executable, "-c", sheet], environment, tmp_path).strip() == "接收 10 重复 0 拒收 0"
