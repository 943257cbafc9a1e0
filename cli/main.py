"""The `minmai` command."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.commands import running, upkeep
from cli.commands.agencies import agency, feed
from cli.commands.alerts import alerts
from cli.commands.letters import dead_letters
from cli.commands.options import group
from cli.commands.users import user
from services.platform.errors import MinmaiError

app = group("民脉: live, explainable figures for a county's service-sector plan.")
_COMMANDS: Sequence[Callable[..., None]] = (
    *(running.up, running.ingest, running.aggregate, running.board),
    *(upkeep.migrate, upkeep.rebuild, upkeep.retention, upkeep.overview),
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(alerts, name="alerts")
app.add_typer(upkeep.topics, name="topics")
app.add_typer(upkeep.plan, name="plan")
app.add_typer(agency, name="agency")
app.add_typer(feed, name="feed")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(upkeep.grafana, name="grafana")
app.add_typer(user, name="user")


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def sample(context: typer.Context) -> None:
    """Write an invented county's records to files."""
    from cli.sample import command

    inner = group()
    inner.command()(command.sample)
    inner(context.args, prog_name="minmai sample")


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def push(context: typer.Context) -> None:
    """Push files or folders of records to ingest."""
    from cli.push import command

    raise typer.Exit(command.run(context.args))


@app.command()
def doctor(
    data: Annotated[Path, typer.Option(help="folder that `minmai up` shall keep its data in")] = Path("data"),
) -> None:
    """Check whether this machine can run `minmai up`."""
    from cli import doctor as checks

    raise typer.Exit(checks.report(data))


def main() -> None:
    """Run the command; a named error becomes one message and exit code 1, any other keeps its traceback."""
    # A command itself says what is wrong; a service sets up its own log.
    logging.basicConfig(level=logging.CRITICAL)
    try:
        app(prog_name="minmai")
    except MinmaiError as error:
        print(f"minmai: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
