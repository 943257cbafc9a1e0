"""`minmai sample`."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.sample import county, truth
from cli.sample.command import SampleError, sample
from cli.sample.outbox import AGENCIES, Sent
from schemas.streams import STREAMS
from services.platform.plan import Plan, load_plan
from tests.sample.receiver import Receiver
from tests.support.services import YANSHAN

app = typer.Typer()
app.command()(sample)

BEGIN, END = date(2023, 1, 1), date(2023, 2, 15)
DAYS = ("--from", BEGIN.isoformat(), "--to", END.isoformat())


def run(*options: str) -> str:
    result = CliRunner().invoke(app, ["--plan", str(YANSHAN), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(YANSHAN)


@pytest.fixture(scope="module")
def wanted(plan: Plan) -> list[Sent]:
    return list(county.sample(plan, scale=0.5, seed=3, begin=BEGIN, end=END, mistakes=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    run("--out", str(out), "--scale", "0.5", "--seed", "3", *DAYS)
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_record_is_in_a_file_of_its_agency_and_stream_what_is_wrong_apart(
    folder: Path, wanted: list[Sent]
) -> None:
    files = {path.relative_to(folder) for path in folder.rglob("*.ndjson")}
    found: dict[Path, list[str]] = {}
    for one in wanted:
        name = f"{one.stream}{'.wrong' if one.wrong else ''}.ndjson"
        found.setdefault(Path(one.agency, name), []).append(one.event["id"])
    assert files == set(found)
    assert any(one.wrong for one in wanted)
    for path, ids in found.items():
        records = lines(folder / path)
        assert [record["id"] for record in records] == ids
        for record in records if ".wrong" not in path.name else []:
            assert record.pop("id")
            assert record.pop("time") >= "2022-12-31"
            STREAMS[path.stem].model.model_validate(record)


def test_the_truth_beside_it_is_the_count_of_what_is_accepted(
    folder: Path, wanted: list[Sent], plan: Plan
) -> None:
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert told["through"] == END.isoformat()
    accepted = [one.event for one in wanted if not one.wrong]
    figures = truth.figures(plan, accepted, END)
    last = {(row[1], row[2]): row[5:] for row in told["figures"] if row[0] == END.isoformat()}
    assert last == {key: [one.value, one.status] for key, one in figures.items()}


def test_the_same_seed_writes_the_same_files(folder: Path, tmp_path: Path) -> None:
    run("--out", str(tmp_path), "--scale", "0.5", "--seed", "3", *DAYS)
    for path in folder.rglob("*.*"):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_it_can_be_pushed_each_agency_with_its_key(tmp_path: Path, wanted: list[Sent]) -> None:
    keys = {agency: f"key-of-{agency}" for agency in AGENCIES}
    (tmp_path / "keys.json").write_text(json.dumps(keys), encoding="utf-8")
    receiver = Receiver()
    push = ("--push", receiver.url, "--keys", str(tmp_path / "keys.json"))
    with receiver.serving():
        assert f"{len(wanted):,}  pushed" in run(*push, "--scale", "0.5", "--seed", "3", *DAYS)
    assert sorted(event["id"] for event in receiver.events) == sorted(one.event["id"] for one in wanted)
    assert all(key == keys[event["source"]] for key, event in receiver.received)


def test_it_never_writes_over_a_sample(folder: Path) -> None:
    with pytest.raises(SampleError, match="exists: choose another"):
        run("--out", str(folder), "--scale", "0.1", *DAYS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "x", "--from", "2024-01-01", "--to", "2023-01-01"), "2024-01-01 is after --to 2023-01-01"),
        ((), "give --out FOLDER to write files, or --push URL"),
        (("--out", "x", "--push", "http://127.0.0.1:1"), "one of the two"),
        (("--push", "http://127.0.0.1:1"), "--push needs --keys"),
    ],
    ids=["days the wrong way round", "nowhere", "both ways", "no keys"],
)
def test_what_cannot_be_is_named(options: tuple[str, ...], said: str) -> None:
    with pytest.raises(SampleError, match=said):
        run(*options)
