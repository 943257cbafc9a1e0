"""What `minmai user …` does: who may sign in to the board."""

import getpass
import sys
from pathlib import Path

from cli.terminal import local
from services.platform.access import passwords, users
from services.platform.access.identity import ROLE_NAMES, Role


def add(file: Path, name: str, role: Role, way: str | None) -> None:
    """Add a user; `way` as in `_password`, None: without a password, for a proxy to sign in."""
    password = _password(name, way) if way is not None else None
    user = users.add(file, name, role, password)
    print(f"已添加 · added: {user.name} ({ROLE_NAMES[role]} {role})")
    if way == "generate":
        _show_once(password)


def show(file: Path) -> None:
    """Print the users of a file; one that is not there has none."""
    known = users.listed(file)
    if not known:
        print(f"{file}: 尚无用户 · no users yet; `minmai user add NAME --role admin` adds one")
    for user in known:
        way = "密码 password" if user.password else "代理 proxy"
        role = f"{ROLE_NAMES[user.role]} {user.role}"
        print(f"{user.name:<24} {role:<16} {way:<12} {local(user.created)}")


def change_password(file: Path, name: str, way: str) -> None:
    """Give a user another password."""
    password = _password(name, way)
    users.set_password(file, name, password)
    print(f"{name}: 密码已改，该用户的会话都已结束 · changed; all sessions of this user have ended")
    if way == "generate":
        _show_once(password)


def change_role(file: Path, name: str, role: Role) -> None:
    """Give a user another role."""
    users.set_role(file, name, role)
    print(f"{name}: {ROLE_NAMES[role]} {role}")


def remove(file: Path, name: str) -> None:
    """Take a user away."""
    users.remove(file, name)
    print(f"{name}: 已删除，该用户的会话都已结束 · removed; all sessions of this user have ended")


def _password(name: str, way: str) -> str:
    """A new password: generated, from standard input, or asked for twice; raises WeakPassword."""
    if way == "generate":
        return passwords.generated()
    if way == "stdin":
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"{name}: 新密码 · new password: ")
    passwords.check(first, name)
    if getpass.getpass("再输一次 · once more: ") != first:
        raise passwords.WeakPassword("两次输入不同 · the two are not the same; nothing was changed")
    return first


def _show_once(password: str | None) -> None:
    print("密码只显示这一次，请交给本人并让其更改 · the password, shown this once:")
    print(password)
