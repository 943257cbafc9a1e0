"""`minmai sample`: the synthetic county as files, or pushed."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import orjson
import typer

from cli.sample import county, truth
from cli.sample.outbox import Sent
from cli.sample.sender import Sender, read_keys
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan

_DAY = ["%Y-%m-%d"]
_BATCH = 2_000  # the most that one push may have


class SampleError(MinmaiError):
    """The sample cannot be made as asked."""


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - typer's dates have no zone


def sample(
    *,
    out: Annotated[
        Path | None, typer.Option(help="folder to write to; it must not hold a sample yet")
    ] = None,
    push: Annotated[
        str | None, typer.Option(help="address of an ingest to push to, such as http://127.0.0.1:8100")
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="for --push: JSON file {agency: key}")] = None,
    scale: Annotated[
        float,
        typer.Option(
            min=0.01, help="how many times the usual vouchers and reports; 1 is some 60,000 records"
        ),
    ] = 1.0,
    records: Annotated[
        int | None, typer.Option(min=1, help="about how many records, instead of --scale")
    ] = None,
    seed: Annotated[int, typer.Option(help="another seed, another county")] = 1,
    begin: Annotated[datetime, typer.Option("--from", formats=_DAY, help="first day")] = _midnight(
        county.BEGIN
    ),
    end: Annotated[datetime, typer.Option("--to", formats=_DAY, help="last day")] = _midnight(county.END),
    plan: Annotated[
        Path, typer.Option(envvar="MINMAI_PLAN", help="plan folder of the county to invent")
    ] = Path("plans/yanshan"),
) -> None:
    """Write a synthetic county's records, and the figures they must come to, or push the records.

    OUT/{agency}/{stream}.ndjson has the plain records of one agency in the order of sending, contradictions
    and repetitions among them, {stream}.wrong.ndjson those that ingest must refuse. OUT/truth.json has the
    figures that follow, at each month's end and at the end of the last day, by a count of its own.
    """
    if end < begin:
        raise SampleError(f"--from {begin:%Y-%m-%d} is after --to {end:%Y-%m-%d}: swap them")
    known, last = load_plan(plan), end.date()

    def told() -> Iterator[Sent]:
        return county.sample(
            known, records, scale=scale, seed=seed, begin=begin.date(), end=last, mistakes=True
        )

    if (out is None) == (push is None):
        raise SampleError("give --out FOLDER to write files, or --push URL to push, one of the two")
    if push is not None:
        if keys is None:
            raise SampleError("--push needs --keys: a JSON file with each agency's key, {agency: key}")
        typer.echo(f"{push_all(told(), Sender(push, read_keys(keys))):>9,}  pushed to {push}")
    if out is not None:
        for path, lines in write(told(), out).items():
            typer.echo(f"{lines:>9,}  {path}")
        path = out / "truth.json"
        truth.write(known, (one.event for one in told() if not one.wrong), path, last)
        typer.echo(f"{'figures':>9}  {path}")


def push_all(sent: Iterator[Sent], sender: Sender) -> int:
    """Push everything in order; return the number of records. Raises FeedError if ingest refuses a push."""
    pushed = 0
    while batch := list(islice(sent, _BATCH)):
        sender.send(batch)
        pushed += len(batch)
    return pushed


def write(sent: Iterable[Sent], out: Path) -> dict[Path, int]:
    """Write plain records, files for each agency and stream; return the number of lines by file.

    Each line can be pushed to `POST /v1/streams/{stream}` with its agency's key. Raises SampleError if a file
    exists or cannot be written.
    """
    lines: dict[Path, int] = {}
    files: dict[Path, IO[bytes]] = {}
    try:
        with ExitStack() as opened:
            for one in sent:
                path = out / one.agency / f"{one.stream}{'.wrong' if one.wrong else ''}.ndjson"
                if path not in files:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files[path] = opened.enter_context(path.open("xb"))
                event = one.event
                files[path].write(
                    orjson.dumps({"id": event["id"], "time": event["time"], **event["data"]}) + b"\n"
                )
                lines[path] = lines.get(path, 0) + 1
    except FileExistsError as error:
        raise SampleError(f"{error.filename} exists: choose another --out, or remove it") from error
    except OSError as error:
        raise SampleError(f"{error.filename or out} cannot be written: {error.strerror}") from error
    return lines
