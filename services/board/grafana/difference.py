"""In what the things there differ from those declared.

Grafana gives back more than it was given (ids, times, defaults), writes durations its own way and hides
secrets. So only what is declared is compared, durations by their length, and what is hidden not at all.
"""

import re
from collections.abc import Iterator
from typing import Any

HIDDEN = "[REDACTED]"

_NEVER_TOLD = ("url", "password")
"""A robot's address is its password, and not every Grafana hides it."""

_LENGTHS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_PIECE = re.compile(r"(\d+)(ms|[smhdw])")


def differences(declared: Any, found: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each place where `found` is not as declared."""
    if isinstance(declared, dict) and isinstance(found, dict):
        for key, value in declared.items():
            yield from differences(value, found.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(declared, list) and isinstance(found, list) and len(declared) == len(found):
        for index, (value, other) in enumerate(zip(declared, found, strict=True)):
            yield from differences(value, other, f"{at}[{index}]")
    elif found != HIDDEN and not _same(declared, found):
        secret = at.rpartition(".")[2] in _NEVER_TOLD
        yield f"{at}: …" if secret else f"{at}: {_short(found)} → {_short(declared)}"


def hides(declared: Any, found: Any) -> bool:
    """Whether something declared cannot be compared, because Grafana does not show it."""
    if isinstance(declared, dict) and isinstance(found, dict):
        return any(hides(value, found.get(key)) for key, value in declared.items())
    return bool(found == HIDDEN)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other or (other is None and not one)
    if isinstance(one, str) and isinstance(other, str) and one != other:
        lengths = _length(one), _length(other)
        return None not in lengths and lengths[0] == lengths[1]
    return bool(one == other) or (other is None and one in ("", [], {}))


def _length(text: str) -> int | None:
    """Return the milliseconds of a duration such as 1d12h; None for what is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _LENGTHS[unit] for number, unit in _PIECE.findall(text))


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
