"""Whoever asks, and what a role lets do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from services.platform.errors import MinmaiError

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may. A viewer looks; an operator acknowledges and silences alerts and sees
refused records; an admin sees users, agencies and who did what."""

ROLE_NAMES: dict[Role, str] = {"viewer": "查看", "operator": "值班", "admin": "管理"}


class Denied(MinmaiError):
    """Whoever asks may not."""


@dataclass(frozen=True)
class Session:
    """A session that was begun; whether it still holds says `Sessions`."""

    id: str
    name: str
    stamp: str
    ends: datetime


@dataclass(frozen=True)
class Identity:
    """Who asks, and how that is known: `by` is the way of signing in, or the token of a machine."""

    name: str
    role: Role
    by: Literal["none", "password", "proxy", "token"]
    session: Session | None = None

    def may(self, role: Role) -> bool:
        """Whether this is someone of that role, or of one above it."""
        return ROLES.index(self.role) >= ROLES.index(role)
