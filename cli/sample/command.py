"""`minmai sample`: the synthetic county as files."""

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

import orjson
import typer

from cli.sample import county
from cli.sample.outbox import Sent
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan

_DAY = ["%Y-%m-%d"]


class SampleError(MinmaiError):
    """The sample cannot be written."""


def sample(
    *,
    out: Annotated[Path, typer.Option(help="folder to write to; it must not hold a sample yet")],
    records: Annotated[int, typer.Option(min=1, help="about how many records")] = 20_000,
    seed: Annotated[int, typer.Option(help="another seed, another county")] = 1,
    begin: Annotated[datetime, typer.Option("--from", formats=_DAY, help="first day")] = datetime(  # noqa: DTZ001
        county.BEGIN.year, county.BEGIN.month, county.BEGIN.day
    ),
    end: Annotated[datetime, typer.Option("--to", formats=_DAY, help="last day")] = datetime(2025, 12, 31),  # noqa: DTZ001
    plan: Annotated[
        Path, typer.Option(envvar="MINMAI_PLAN", help="plan folder of the county to invent")
    ] = Path("plans/yanshan"),
) -> None:
    """Write a synthetic county's records as NDJSON: OUT/{agency}/{stream}.ndjson, in the order of sending."""
    if end < begin:
        raise SampleError(f"--from {begin:%Y-%m-%d} is after --to {end:%Y-%m-%d}: swap them")
    sent = county.sample(load_plan(plan), records, seed=seed, begin=begin.date(), end=end.date())
    for path, lines in write(sent, out).items():
        typer.echo(f"{lines:>9,}  {path}")


def write(sent: Iterable[Sent], out: Path) -> dict[Path, int]:
    """Write plain records, one file for each agency and stream; return the number of lines by file.

    Each line can be pushed to `POST /v1/streams/{stream}` with its agency's key. Raises SampleError if a file
    exists or cannot be written.
    """
    lines: dict[Path, int] = {}
    files: dict[Path, IO[bytes]] = {}
    try:
        with ExitStack() as opened:
            for one in sent:
                path = out / one.agency / f"{one.stream}.ndjson"
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
