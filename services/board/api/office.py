"""Routes for operators (refused records) and admins (users, agencies, the log)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from schemas.fields import Contract
from services.board.api.asked import Limit
from services.board.tables.office import Entry, Letter, Office, Refusals
from services.ingest.agencies import AgenciesError, listed
from services.platform.access.gate import require
from services.platform.access.identity import Role
from services.platform.access.users import Users
from services.platform.errors import Unavailable

Name = Annotated[str, Query(max_length=200)]


class RefusalList(Contract):
    """Refused records by agency, stream and reason."""

    refusals: list[Refusals]


class LetterList(Contract):
    """Refused records of one agency, stream and reason."""

    letters: list[Letter]


class UserView(Contract):
    """A user; how the user signs in is `password` or `proxy`."""

    name: str
    role: Role
    way: Literal["password", "proxy"]
    created: datetime


class UserList(Contract):
    """All users."""

    users: list[UserView]


class AgencyView(Contract):
    """An agency: what it may push, and of its keys how many hold, and until when the last of them does."""

    name: str
    streams: list[str]
    divisions: list[str]
    feed: bool
    keys: int
    expires: datetime | None
    created: datetime


class AgencyList(Contract):
    """All agencies."""

    agencies: list[AgencyView]


class Log(Contract):
    """Sign-ins and changes, the newest first."""

    entries: list[Entry]


def routes(office: Office, users: Users, agencies: Path) -> APIRouter:
    """The routes; `agencies` is the file of the agencies."""
    router = APIRouter(prefix="/v1")
    for_operators = [Depends(require("operator"))]
    for_admins = [Depends(require("admin"))]

    @router.get("/dead-letters/counts", dependencies=for_operators)
    def refusals() -> RefusalList:
        return RefusalList(refusals=office.refusals())

    @router.get("/dead-letters", dependencies=for_operators)
    def letters(agency: Name, stream: Name, code: Name, limit: Limit = 100) -> LetterList:
        return LetterList(letters=office.letters(agency, stream, code, limit))

    @router.get("/users", dependencies=for_admins)
    def all_users() -> UserList:
        return UserList(
            users=[
                UserView(
                    name=user.name,
                    role=user.role,
                    way="password" if user.password else "proxy",
                    created=user.created,
                )
                for user in users.all()
            ]
        )

    @router.get("/agencies", dependencies=for_admins)
    def all_agencies() -> AgencyList:
        now = datetime.now(UTC)
        found = []
        try:
            known = listed(agencies)
        except AgenciesError as error:
            raise Unavailable(str(error)) from error
        for one in known:
            ends = [key.expires for key in one.keys if key.holds(now)]
            found.append(
                AgencyView(
                    name=one.name,
                    streams=sorted(one.streams),
                    divisions=list(one.divisions),
                    feed=one.feed,
                    keys=len(ends),
                    expires=None if None in ends else max(filter(None, ends), default=None),
                    created=one.created,
                )
            )
        return AgencyList(agencies=found)

    @router.get("/access-log", dependencies=for_admins)
    def log(limit: Limit = 200) -> Log:
        return Log(entries=office.entries(limit))

    return router
