"""Signing in with a password, and out."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from services.platform.access import passwords, users
from services.platform.access.access import Access
from services.platform.access.attempts import Attempts
from services.platform.access.audit import Audit, Entry
from services.platform.access.identity import Identity
from services.platform.access.users import User
from services.platform.errors import MinmaiError, Unavailable

_AT_ONCE = 2
"""A hash takes 64 MiB and a tenth of a second of the processor."""
_MOST_WAITING = 20

T = TypeVar("T")


class WrongPassword(MinmaiError):
    """Name and password do not belong together; which of them is wrong is not said."""

    def __init__(self) -> None:
        super().__init__("用户名或密码不对 · the name or the password is wrong")


class TooManyAttempts(MinmaiError):
    """A password may be tried again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("尝试次数过多，请稍后再试 · too many attempts, try again later")


class SignIn:
    """Signs users in and out, and changes their passwords."""

    def __init__(self, access: Access, audit: Audit) -> None:
        self._access = access
        self._audit = audit
        self._attempts = Attempts()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        passwords.nobodys()  # else the first name that there is none of would take longer

    async def begin(self, name: str, password: str, remote: str, before: Identity | None) -> str:
        """Return the cookie of a new session; that of the same browser before it ends.

        Raises WrongPassword, TooManyAttempts, UsersError, and Unavailable if too many are signing in.
        """
        user = await self._checked("sign in", name, password, remote)
        if before:
            await self._end(before)
        self._tell("sign in", user, remote)
        return self._access.sessions.begin(user)

    async def end(self, who: Identity, remote: str) -> None:
        """End the session of who asks. Raises UsersError if that cannot be kept."""
        await self._end(who)
        self._audit.tell(Entry("sign out", "done", who.name, who.role, who.by, remote))

    async def change_password(self, who: Identity, old: str, new: str, remote: str) -> str:
        """Give who asks another password; return the cookie of a new session, for all others have ended.

        Raises WrongPassword, TooManyAttempts, Unavailable, UsersError, and WeakPassword.
        """
        user = await self._checked("change password", who.name, old, remote)
        passwords.check(new, user.name)
        await self._in_turn(lambda: users.set_password(self._access.users.path, user.name, new))
        self._tell("change password", user, remote)
        changed = self._access.users.find(user.name)
        if changed is None:
            raise WrongPassword
        return self._access.sessions.begin(changed)

    async def _checked(self, action: str, name: str, password: str, remote: str) -> User:
        if seconds := self._attempts.wait(name, remote):
            self._refuse(action, self._access.users.find(name), remote, limited=True)
            raise TooManyAttempts(seconds)
        user = self._access.users.find(name)
        kept = user.password if user else ""
        fits = await self._in_turn(lambda: passwords.matches(kept, password))
        if user is None or not fits:
            self._refuse(action, user, remote)
            raise WrongPassword
        self._attempts.succeeded(name, remote)
        return user

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("正在登录的人太多，请稍后再试 · too many are signing in, try again in a moment")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    async def _end(self, who: Identity) -> None:
        if who.session:
            await asyncio.to_thread(self._access.sessions.end, who.session)

    def _refuse(self, action: str, user: User | None, remote: str, *, limited: bool = False) -> None:
        """A name that there is none of is not kept: some type their password there."""
        name, role = (user.name, user.role) if user else ("", "")
        self._audit.tell(Entry(action, "limited" if limited else "refused", name, role, "password", remote))

    def _tell(self, action: str, user: User, remote: str) -> None:
        self._audit.tell(Entry(action, "done", user.name, user.role, "password", remote))
