"""What a sheet is, whichever file it becomes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from schemas.declaration import Text

Cell = str | bool | int | float | Decimal | date | datetime | None


@dataclass(frozen=True)
class Head:
    """The head of a column. `decimals`: how many are shown of its numbers where a file can hold more."""

    text: str
    decimals: int | None = None


@dataclass(frozen=True)
class Sheet:
    """A table to download, and what it is: `what` (`id` in letters that every system takes), of which `place`
    (by its name and code), as of `when`.

    Moments are shown by the clock of `zone`. `notes` are more lines that say what it is, each with a name.
    """

    what: Text
    id: str
    place: tuple[str, str]
    when: str
    zone: ZoneInfo
    heads: Sequence[Head]
    rows: Iterable[Sequence[Cell]]
    notes: Sequence[tuple[Text, str]] = ()

    def name(self, ending: str) -> str:
        """Return the name of its file."""
        return _file(f"{self.place[0]}-{self.what.zh}-{self.when}.{ending}")

    def plain_name(self, ending: str) -> str:
        """Return it in ASCII, for programs that read no other."""
        return _file(f"{self.place[1]}-{self.id}-{self.when}.{ending}")


def head(text: Text, unit: str = "", decimals: int | None = None) -> Head:
    """Return the head of a column: `中文 · English`, and the unit of its numbers."""
    return Head(f"{text.both} ({unit})" if unit else text.both, decimals)


def moment_head(text: Text, zone: ZoneInfo) -> Head:
    """Return the head of a column of moments, which says by which clock they are."""
    return head(text, zone.key)


def _file(name: str) -> str:
    """Leave out what a file system may not take."""
    return re.sub(r'[\s/\\:*?"<>|\x00-\x1f]+', "-", name)
