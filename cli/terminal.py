"""What commands print: moments in the county's time, columns, and others' texts harmless to a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

_ZONE = ZoneInfo("Asia/Shanghai")


def local(moment: datetime, *, seconds: bool = False) -> str:
    """A moment in the county's time, to the minute or the second."""
    return f"{moment.astimezone(_ZONE):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"


def utc(moment: datetime) -> datetime:
    """The moment that somebody typed in the county's time, without saying so."""
    return moment.replace(tzinfo=_ZONE).astimezone(UTC)


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells as wide as their columns, where a Chinese character takes two places."""
    return " ".join(map(_fit, cells, widths)).rstrip()


def printable(text: str) -> str:
    """A sender's text on one line, without what a terminal would obey."""
    return "".join(one if one.isprintable() else "�" for one in text)


def _fit(text: str, width: int) -> str:
    told = printable(text)
    return told + " " * (width - len(told) - sum(east_asian_width(one) in "WF" for one in told))
