"""From the JSON values of one field, over many records, to a column; and which of them could be taken."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.platform.packed import Column

Sure = NDArray[np.bool_] | None
"""Which values could be taken; None: all."""
Convert = Callable[[Sequence[Any]], tuple[Column, Sure]]

_EPOCH = date(1970, 1, 1).toordinal()
_LAST_DAY = (1 << 16) - 1

_FIRST_MOMENT = (1 - _EPOCH) * 86_400_000_000

_HEX = np.full(256, 255, np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16, dtype=np.uint8)
_DASHES = [8, 13, 18, 23]
_DIGITS = [at for at in range(36) if at not in _DASHES]

_SECONDS = "0000-00-00T00:00:00"
_WHOLE = len(_SECONDS + "+00:00")


def texts(values: Sequence[Any]) -> tuple[Column, Sure]:
    return Column(values), None


def numbers(values: Sequence[Any]) -> tuple[Column, Sure]:
    """Whole numbers, and `true` and `false`."""
    if None not in values:
        return Column(np.array(values, np.int64)), None
    null = np.array([value is None for value in values], np.bool_)
    return Column(np.array([value or 0 for value in values], np.int64), null), None


def decimals(places: int, *, below: int) -> Convert:
    """Return what takes decimals of 0 to `below` that are written with exactly so many places."""
    end = below * 10**places
    return lambda values: _by_text(values, lambda text: _unscaled(text, places, end), places)


def days(values: Sequence[Any]) -> tuple[Column, Sure]:
    return _by_text(values, _day)


def moments(values: Sequence[Any]) -> tuple[Column, Sure]:
    """Moments in UTC, to the microsecond."""
    different = list(set(values))
    if len(different) > len(values) // 8:
        return _moments(values)
    column, sure = _moments(different)  # of one push, say
    which = _places_in(different, values)
    return column.take(which), None if sure is None else sure[which]


def _moments(values: Sequence[str]) -> tuple[Column, Sure]:
    found = np.zeros(len(values), np.int64)
    sure = np.zeros(len(values), np.bool_)
    lengths = set(map(len, values))
    if lengths == {_WHOLE, _WHOLE + 7}:  # as our own services write them: at most the fraction differs
        values = [f"{one[:-6]}.000000{one[-6:]}" if len(one) == _WHOLE else one for one in values]
        lengths = {_WHOLE + 7}
    for length in lengths:
        if len(lengths) == 1:
            found, sure = _moments_of_one_length(values, length)
            break
        rows = [row for row, value in enumerate(values) if len(value) == length]
        found[rows], sure[rows] = _moments_of_one_length([values[row] for row in rows], length)
    return Column(found), None if sure.all() else sure


def uuids(values: Sequence[Any]) -> tuple[Column, Sure]:
    """UUIDs in their usual form, in small letters."""
    if set(map(len, values)) != {36}:
        values = [value if len(value) == 36 else " " * 36 for value in values]
    letters = _letters(values, 36)
    digits = _HEX[letters[:, _DIGITS]]
    sure = (letters[:, _DASHES] == ord("-")).all(axis=1) & (digits < 16).all(axis=1)
    data = (digits[:, ::2] << 4 | digits[:, 1::2]).tobytes()
    return uuid_column(data), None if sure.all() else sure


def uuid_column(data: bytes) -> Column:
    """Return UUIDs whose bytes lie one after another."""
    return Column(np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2))


def _moments_of_one_length(values: Sequence[str], length: int) -> tuple[NDArray[np.int64], Any]:
    letters = _letters(values, length)
    for zone in (b"Z", b"+00:00"):
        pattern = _pattern(length - len(zone))
        if pattern is None:
            continue
        shown = np.frombuffer(pattern.encode() + zone, np.uint8)
        is_digit = np.append(shown[: len(pattern)] == ord("0"), np.zeros(len(zone), np.bool_))
        fits = (letters >= shown) & (letters <= np.where(is_digit, ord("9"), shown))
        sure = fits.all(axis=1)
        if not sure.any():
            continue
        written = np.array(letters[:, : len(pattern)], order="C")
        written[~sure] = np.frombuffer(pattern.replace("0000-00-00", "1970-01-01").encode(), np.uint8)
        try:
            found = written.view(f"S{len(pattern)}").ravel().astype("datetime64[us]").view(np.int64)
        except ValueError:  # a thirteenth month, say
            break
        return found, sure & (found >= _FIRST_MOMENT)
    return np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)


def _pattern(length: int) -> str | None:
    """What a moment of so many letters looks like, without its zone."""
    fraction = length - len(_SECONDS)
    if fraction == 0:
        return _SECONDS
    return f"{_SECONDS}.{'0' * (fraction - 1)}" if 1 < fraction <= 7 else None


def _letters(values: Sequence[str], length: int) -> NDArray[np.uint8]:
    return np.frombuffer("".join(values).encode("ascii", "replace"), np.uint8).reshape(-1, length)


def _by_text(
    values: Sequence[Any], convert: Callable[[Any], int | None], places: int = 0
) -> tuple[Column, Sure]:
    """Numbers of texts of which many are the same; None where there is none for a text."""
    different = list(set(values))
    numbers = [convert(text) for text in different]
    which = _places_in(different, values)
    known = np.array([0 if number is None else number for number in numbers], np.int64)
    null = np.array([text is None for text in different], np.bool_)
    sure = np.array([number is not None for number in numbers], np.bool_) | null
    return (
        Column(known[which], null[which] if null.any() else None, places),
        None if sure.all() else sure[which],
    )


def _places_in(different: Sequence[Any], values: Sequence[Any]) -> NDArray[np.intp]:
    """Where in `different` each value stands."""
    at = {value: place for place, value in enumerate(different)}
    return np.fromiter(map(at.__getitem__, values), np.intp, len(values))


def _unscaled(text: Any, places: int, end: int) -> int | None:
    if not isinstance(text, str) or not text.isascii():
        return None
    whole, _point, rest = text.partition(".")
    if not (whole.isdigit() and rest.isdigit() and len(rest) == places):
        return None
    value = int(whole + rest)
    return value if value < end else None


def _day(text: Any) -> int | None:
    if not isinstance(text, str) or len(text) != 10:
        return None
    try:
        day = date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None
    return min(max(day, 0), _LAST_DAY)
