"""Groups of commands, and the options that several have."""

from pathlib import Path
from typing import Annotated

import typer


def group(help: str | None = None) -> typer.Typer:
    """Return a group of commands; one without help is a command by itself."""
    return typer.Typer(
        help=help,
        no_args_is_help=help is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


Check = Annotated[bool, typer.Option("--check", help="only validate the settings and the plan")]
AgenciesFile = Annotated[
    Path, typer.Option("--file", envvar="MINMAI_AGENCIES", help="file of the agencies and their key hashes")
]
