"""Texts cut to what a receiver takes, which counts bytes and not characters."""

import unicodedata
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

import orjson


class Part(NamedTuple):
    """A part of a text, measured and escaped once for all the texts it is part of."""

    text: str
    json: bytes
    """The text within a JSON string, quotes left out: that of two parts together is the one behind the other.
    """
    utf8: int
    """Bytes of the text itself."""
    in_json: int
    """Bytes of `json`."""

    @classmethod
    def of(cls, text: str) -> "Part":
        json = orjson.dumps(text)[1:-1]
        return cls(text, json, len(text.encode()), len(json))


Size = Callable[[Part], int]
"""Bytes of a part; that of two parts together is the sum."""

utf8: Final[Size] = attrgetter("utf8")
in_json: Final[Size] = attrgetter("in_json")

_MARK = "…"


class Parts(Protocol):
    """Parts in their order: a list, or what makes them one by one when they are asked for."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Part]: ...


def cut(text: str, most: int, size: Size = utf8) -> str:
    """Return the text, or its longest beginning with … that has no more bytes.

    No character is cut in two, nor parted from the marks that belong to it. Empty where not even … fits.
    """
    if size(Part.of(text)) <= most:
        return text
    room = most - size(Part.of(_MARK))
    if room < 0:
        return ""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(Part.of(text[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    while low and _belongs(text, low):
        low -= 1
    return text[:low] + _MARK


def fitted(
    head: Part,
    items: Parts,
    foot: Part,
    most: int | None,
    *,
    more: Callable[[int], Part],
    size: Size = utf8,
) -> list[Part]:
    """Return head, items and foot; where that is too much, as many items as fit, then `more` of how many are
    left, which says where they are. A first item that does not fit alone is cut.

    No item is asked for behind the first that does not fit.
    """
    if most is None:
        return [head, *items, foot]
    room = left = most - size(head) - size(foot)
    if isinstance(items, list) and sum(map(size, items)) <= room:  # much quicker than one by one
        return [head, *items, foot]
    kept: list[Part] = []
    for item in items:
        left -= size(item)
        kept.append(item)
        if left < 0:
            break
    if left >= 0:
        return [head, *kept, foot]
    reserve = max(size(more(1)), size(more(len(items))))
    while kept and left < reserve:
        left += size(kept.pop())
    if kept:
        return [head, *kept, more(len(items) - len(kept)), foot]
    room -= reserve
    whole = more(len(items))
    if room > size(Part.of(_MARK)):
        first = next((item.text for item in items), "")
        return [head, Part.of(cut(first, room, size)), whole, foot]
    return [Part.of(cut(head.text, most - size(whole), size)), whole]


def _belongs(text: str, at: int) -> bool:
    """Whether the character there belongs to the one before: a mark, a joiner, or what one joins."""
    here, before = text[at], text[at - 1]
    return bool(unicodedata.combining(here)) or here in "\u200d\ufe0e\ufe0f" or before == "\u200d"
