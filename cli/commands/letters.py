"""`minmai dead-letters …`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import AgenciesFile, group

dead_letters = group("Refused records: listed, counted, shown, mended and sent again.")

ByAgency = Annotated[str, typer.Option("--agency", help="only of this agency")]
ByStream = Annotated[str, typer.Option("--stream", help="only of this stream")]
ByCode = Annotated[str, typer.Option("--code", help="only with this reason")]
LetterId = Annotated[str, typer.Argument(help="id of the dead letter, or its beginning")]


@dead_letters.command("list")
def dead_letters_list(
    *,
    agency: ByAgency = "",
    stream: ByStream = "",
    code: ByCode = "",
    settled: Annotated[bool, typer.Option("--all", help="also those that are settled")] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 50,
) -> None:
    """List dead letters, the newest first."""
    from cli import dead_letters as letters

    letters.show_list(letters.Wanted(agency, stream, code, settled, limit))


@dead_letters.command("count")
def dead_letters_count(agency: ByAgency = "", stream: ByStream = "", code: ByCode = "") -> None:
    """Count dead letters by agency, stream and reason."""
    from cli import dead_letters as letters

    letters.show_counts(letters.Wanted(agency, stream, code))


@dead_letters.command("show")
def dead_letters_show(id: LetterId) -> None:
    """Show a dead letter: the record as it came, the reason, and what has been done about it."""
    from cli import dead_letters as letters

    letters.show(id)


@dead_letters.command("mend")
def dead_letters_mend(
    id: LetterId,
    *,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE; may be given several times")
    ] = None,
    removed: Annotated[list[str] | None, typer.Option("--unset", help="a field to leave out")] = None,
    record: Annotated[Path | None, typer.Option(help="file of the whole record, a JSON object")] = None,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Change what a dead letter's record says, for `replay`; exit code 1 if it would still be refused."""
    from cli import replay

    raise typer.Exit(replay.mend(id, change or [], removed or [], record, file))


@dead_letters.command("replay")
def dead_letters_replay(
    ids: Annotated[list[str] | None, typer.Argument(help="ids; none: those that the options choose")] = None,
    *,
    agency: ByAgency = "",
    stream: ByStream = "",
    code: ByCode = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 500,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would become of them")] = False,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Send dead letters again, mended or as they are; exit code 1 if any stays unsettled."""
    from cli import replay
    from cli.dead_letters import Wanted

    wanted = Wanted(agency, stream, code, limit=limit)
    raise typer.Exit(replay.replay(ids or [], wanted, dry_run, file))
