"""`minmai agency …` and `minmai feed …`: who may push records, and how."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import AgenciesFile, group

agency = group("Agencies that may push records.")
feed = group("Agencies' own topics.")


@agency.command("add")
def agency_add(
    *,
    name: Annotated[str, typer.Argument(help="its name, which becomes the source of its records")],
    stream: Annotated[list[str], typer.Option(help="a stream it may push; may be given several times")],
    division: Annotated[
        list[str] | None,
        typer.Option(help="a division code it may tell of, those below included; the plan's county if none"),
    ] = None,
    feed: Annotated[bool, typer.Option("--feed", help="it also writes to minmai.feed.NAME")] = False,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Add an agency and print its key, which is shown this once."""
    from cli import admin

    admin.add_agency(file, name, stream, division or [], feed)


@agency.command("list")
def agency_list(file: AgenciesFile = Path("data/agencies.json")) -> None:
    """List the agencies and the ids of their keys."""
    from cli import admin

    admin.list_agencies(file)


@agency.command("rotate")
def agency_rotate(
    name: Annotated[str, typer.Argument(help="the agency")],
    overlap: Annotated[
        float, typer.Option(min=0, max=8760, help="hours that the keys it has still hold; 0: none")
    ] = 24.0,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Give an agency a new key and print it, which is shown this once."""
    from cli import admin

    admin.rotate_key(file, name, timedelta(hours=overlap))


@agency.command("revoke")
def agency_revoke(
    name: Annotated[str, typer.Argument(help="the agency")],
    key: Annotated[str | None, typer.Option(help="id of one key, as `list` shows it; all if none")] = None,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Take an agency's keys away at once; the agency and its records stay."""
    from cli import admin

    admin.revoke_keys(file, name, key)


@agency.command("audit")
def agency_audit(
    name: Annotated[str, typer.Argument(help="only of this agency; none: of all, also of unknown keys")] = "",
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], help="from then on, in Beijing time"
        ),
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="only pushes refused as a whole")] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many lines, the newest")] = 50,
) -> None:
    """List pushes, the newest first: who, what, how many, from where, and what was refused."""
    from cli import audit

    audit.show(audit.Wanted(name, since, refused, limit))


@feed.command("list")
def feed_list(file: AgenciesFile = Path("data/agencies.json")) -> None:
    """List the agencies' topics and whether they are read."""
    from cli import feeds

    feeds.show(file)


@feed.command("resume")
def feed_resume(name: Annotated[str, typer.Argument(help="the agency")]) -> None:
    """Let a stopped feed go on from where it was stopped."""
    from cli import feeds

    feeds.resume(name)
