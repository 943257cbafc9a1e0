"""One standing with all that is known of it, and what the log has of it."""

from dataclasses import dataclass
from typing import Literal, get_args

from schemas.alert import AlertChange, AlertState
from schemas.declaration import Text
from schemas.rules import Rule
from services.alerts.reading import Key, Reading
from services.alerts.rules.machine import Standing
from services.platform.plan import Division

Over = Literal["silenced", "inhibited", "acknowledged"]
"""What may be laid over an alert that fires."""

OVER: tuple[Over, ...] = get_args(Over)
"""Of several the first is shown."""


@dataclass(frozen=True)
class Laid:
    """Why something is laid over an alert, and by whom."""

    why: Text
    by: str = ""


@dataclass(frozen=True)
class Logged:
    """What `alert_log` has of one standing: its newest row, and the change that people were told last.

    `newest` is None where the row is from before changes were kept whole.
    """

    key: Key
    standing: Standing
    shown: AlertState
    version: int
    newest: AlertChange | None = None
    sent: AlertChange | None = None


@dataclass(frozen=True)
class Entry:
    """One rule in one place: where it stands, what is shown, its newest reading, and why it stands so.

    `seen` is the newest version that was measured, `newest` its newest change, `sent` the newest of those
    that people are told of.
    """

    rule: Rule
    division: Division
    subject: str
    standing: Standing
    shown: AlertState
    seen: int = -1
    reading: Reading | None = None
    reason: Text | None = None
    newest: AlertChange | None = None
    sent: AlertChange | None = None

    @property
    def key(self) -> Key:
        """Its key."""
        return self.rule.id, self.division.code, self.subject
