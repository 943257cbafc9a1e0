"""The users of the file of users, and the sessions that were ended before their time.

The file is JSON, `{"users": [...], "ended": {...}}`. It holds a hash of each password and never the password.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated
from unicodedata import normalize

from pydantic import Field, ValidationError, field_validator

from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.platform import files
from services.platform.access import passwords
from services.platform.access.identity import Role
from services.platform.errors import MinmaiError

log = logging.getLogger(__name__)


NAME = r"[\w.@-]{1,64}"


class UsersError(MinmaiError):
    """The file of the users cannot be read, or a user is wrong."""


class User(Contract):
    """One user. Without a password only a proxy can sign the user in; `stamp` is new with each password."""

    name: Annotated[str, Field(pattern=rf"^{NAME}$")]
    role: Role
    password: Annotated[str, Field(description="hash; empty: none")] = ""
    created: UtcDatetime
    stamp: str = Field(default_factory=lambda: token_hex(8))


class _File(Contract):
    """The whole file; `ended` has until when the sessions that were ended would have held."""

    users: list[User] = []
    ended: dict[str, UtcDatetime] = {}

    @field_validator("users")
    @classmethod
    def _names_differ(cls, users: list[User]) -> list[User]:
        names = [_key(user.name) for user in users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one user is named {', '.join(twice)}")
        return users


class Users:
    """The users of a file, read again whenever the file has changed.

    A file that is not there has no users. Raises UsersError if the file is wrong at the start; if it becomes
    wrong later, what was known before stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = files.state(path)
        self._take(_read(path))

    def find(self, name: str) -> User | None:
        """Return the user of a name, however it is written."""
        self._refresh()
        return self._users.get(_key(name))

    def has_ended(self, session: str) -> bool:
        """Whether a session was ended."""
        self._refresh()
        return session in self._ended

    def all(self) -> list[User]:
        """Return all users."""
        self._refresh()
        return list(self._users.values())

    def _refresh(self) -> None:
        state = files.state(self.path)
        if state == self._state:
            return
        self._state = state
        try:
            self._take(_read(self.path))
        except UsersError as error:
            log.error("%s; going on with the %d users known before", error, len(self._users))  # noqa: TRY400
        else:
            log.info("read %d users from %s", len(self._users), self.path)

    def _take(self, file: _File) -> None:
        self._users = {_key(user.name): user for user in file.users}
        self._ended = file.ended


def add(path: Path, name: str, role: Role, password: str | None) -> User:
    """Add a user, without a password one whom only a proxy can sign in.

    Raises UsersError if there is one of that name or the name is none, WeakPassword.
    """
    if password is not None:
        passwords.check(password, name)

    if not re.fullmatch(NAME, name):
        raise UsersError(
            f"用户名 {name} 不行：1 至 64 个文字、数字或 _ . @ - · "
            f"{name!r} is no user name: 1 to 64 letters of any script, digits, _ . @ -"
        )

    def added(file: _File) -> _File:
        if held := [user.name for user in file.users if _key(user.name) == _key(name)]:
            raise UsersError(
                f"{path}: 已有用户 {held[0]} · there is a user {held[0]!r} already; "
                "`minmai user password` and `minmai user role` change one"
            )
        user = User(
            name=name,
            role=role,
            password="" if password is None else passwords.hashed(password),
            created=datetime.now(UTC),
        )
        return _File(users=[*file.users, user], ended=file.ended)

    return _change(path, name, added).users[-1]


def set_password(path: Path, name: str, password: str) -> None:
    """Give a user another password, which ends all sessions of that user. Raises UsersError, WeakPassword."""
    passwords.check(password, name)
    changed = {"password": passwords.hashed(password), "stamp": token_hex(8)}
    _change(path, name, lambda file: _with(file, path, name, changed))


def set_role(path: Path, name: str, role: Role) -> None:
    """Give a user another role; it holds at once. Raises UsersError."""
    _change(path, name, lambda file: _with(file, path, name, {"role": role}))


def remove(path: Path, name: str) -> None:
    """Take a user away, and end all sessions of that user. Raises UsersError."""

    def without(file: _File) -> _File:
        _known(file.users, path, name)
        left = [user for user in file.users if _key(user.name) != _key(name)]
        return file.model_copy(update={"users": left})

    _change(path, name, without)


def listed(path: Path) -> list[User]:
    """Return the users of a file; one that is not there has none. Raises UsersError if it is wrong."""
    return _read(path).users


def end_session(path: Path, session: str, until: datetime) -> None:
    """Let a session hold no longer, which would have until that moment. Raises UsersError."""
    now = datetime.now(UTC)

    def ended(file: _File) -> _File:
        kept = {id: over for id, over in file.ended.items() if over > now}
        return file.model_copy(update={"ended": {**kept, session: until}})

    _change(path, "", ended)


def _with(file: _File, path: Path, name: str, changed: Mapping[str, object]) -> _File:
    _known(file.users, path, name)
    users = [
        user.model_copy(update=changed) if _key(user.name) == _key(name) else user for user in file.users
    ]
    return file.model_copy(update={"users": users})


def _known(users: Iterable[User], path: Path, name: str) -> None:
    names = [user.name for user in users]
    if _key(name) not in map(_key, names):
        raise UsersError(
            f"{path}: 没有用户 {name} · there is no user {name!r}; there are: {', '.join(names) or 'none'}"
        )


def _change(path: Path, name: str, change: Callable[[_File], _File]) -> _File:
    try:
        with files.locked(path):
            try:
                changed = change(_read(path))
            except ValidationError as error:
                raise UsersError(f"user {name!r} cannot be added to {path}: {_mistakes(error)}") from None
            content = json.dumps(changed.model_dump(mode="json"), ensure_ascii=False, indent=2)
            files.replace(path, content + "\n")
    except OSError as error:
        raise UsersError(f"{path}: cannot be written: {error.strerror}") from error
    return changed


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _File()
    except OSError as error:
        raise UsersError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsersError(f"{path}: {_mistakes(error)}") from None


def _key(name: str) -> str:
    return normalize("NFKC", name).casefold()


def _mistakes(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
