"""`minmai sample`."""

import json
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.sample import county
from cli.sample.command import SampleError, sample
from cli.sample.outbox import AGENCIES
from schemas.streams import STREAMS
from services.platform.plan import load_plan
from tests.sample.conftest import YANSHAN

app = typer.Typer()
app.command()(sample)

DAYS = ("--from", "2023-01-01", "--to", "2023-03-31")


def run(*options: str) -> str:
    result = CliRunner().invoke(app, ["--plan", str(YANSHAN), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_writes_every_record_in_a_file_of_its_agency_and_stream(tmp_path: Path) -> None:
    run("--out", str(tmp_path), "--records", "1500", "--seed", "3", *DAYS)
    wanted = list(
        county.sample(load_plan(YANSHAN), 1500, seed=3, begin=date(2023, 1, 1), end=date(2023, 3, 31))
    )
    for agency, streams in AGENCIES.items():
        for stream in streams:
            lines = (tmp_path / agency / f"{stream}.ndjson").read_text(encoding="utf-8").splitlines()
            records = [json.loads(line) for line in lines]
            mine = [one.event for one in wanted if (one.agency, one.stream) == (agency, stream)]
            assert [record["id"] for record in records] == [event["id"] for event in mine]
            for record in records:
                assert record.pop("id")
                assert record.pop("time") >= "2023-01-01"
                STREAMS[stream].model.model_validate(record)
    assert len(list(tmp_path.rglob("*.ndjson"))) == sum(map(len, AGENCIES.values()))


def test_it_never_writes_over_a_sample(tmp_path: Path) -> None:
    run("--out", str(tmp_path), "--records", "100", *DAYS)
    with pytest.raises(SampleError, match="exists: choose another"):
        run("--out", str(tmp_path), "--records", "100", *DAYS)


def test_days_the_wrong_way_round_are_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="2024-01-01 is after --to 2023-01-01"):
        run("--out", str(tmp_path), "--from", "2024-01-01", "--to", "2023-01-01")
