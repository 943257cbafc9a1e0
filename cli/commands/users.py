"""`minmai user …`: who may sign in to the board."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import group
from services.platform.access.identity import Role

user = group("Users who may sign in to the board.")

_FILE = Path("data/users.json")

UsersFile = Annotated[
    Path, typer.Option("--file", envvar="MINMAI_USERS", help="file of the users and their password hashes")
]
Name = Annotated[str, typer.Argument(help="the user: letters of any script, digits, . _ @ -")]
Generate = Annotated[bool, typer.Option("--generate", help="make the password and print it, this once")]
Stdin = Annotated[bool, typer.Option("--stdin", help="read the password from standard input, one line")]


@user.command("add")
def user_add(
    name: Name,
    *,
    role: Annotated[
        Role, typer.Option(help="viewer looks, operator handles alerts, admin sees all")
    ] = "viewer",
    generate: Generate = False,
    stdin: Stdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="only a proxy signs the user in: MINMAI_SIGN_IN=proxy")
    ] = False,
    file: UsersFile = _FILE,
) -> None:
    """Add a user. The password is asked for, unless an option says otherwise."""
    from cli import users

    users.add(file, name, role, None if no_password else _way(generate, stdin))


@user.command("list")
def user_list(file: UsersFile = _FILE) -> None:
    """List the users and their roles."""
    from cli import users

    users.show(file)


@user.command("password")
def user_password(
    name: Name, *, generate: Generate = False, stdin: Stdin = False, file: UsersFile = _FILE
) -> None:
    """Give a user another password, which ends all sessions of that user."""
    from cli import users

    users.change_password(file, name, _way(generate, stdin))


@user.command("role")
def user_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="viewer, operator or admin")],
    file: UsersFile = _FILE,
) -> None:
    """Give a user another role; it holds at once."""
    from cli import users

    users.change_role(file, name, role)


@user.command("remove")
def user_remove(name: Name, file: UsersFile = _FILE) -> None:
    """Take a user away, and end all sessions of that user."""
    from cli import users

    users.remove(file, name)


def _way(generate: bool, stdin: bool) -> str:
    return "generate" if generate else "stdin" if stdin else "ask"
