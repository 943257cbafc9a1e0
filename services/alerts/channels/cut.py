"""Texts cut to what a receiver takes, which counts bytes and not characters."""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Protocol

import orjson

Size = Callable[[str], int]
"""Bytes of a text; that of two texts together is the sum."""

_MARK = "…"
_WIDEST = 6
"""Bytes a character has at most, as one that JSON escapes; it has one at least."""


class Items(Protocol):
    """Texts in their order: a list, or what makes them one by one when they are asked for."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]: ...


def utf8(text: str) -> int:
    """Bytes of the text itself."""
    return len(text.encode())


def in_json(text: str) -> int:
    """Bytes of the text within a JSON string, quotes left out."""
    return len(orjson.dumps(text)) - 2


def cut(text: str, most: int, size: Size = utf8) -> str:
    """Return the text, or its longest beginning with … that has no more bytes.

    No character is cut in two, nor parted from the marks that belong to it. Empty where not even … fits.
    """
    if size(text) <= most:
        return text
    room = most - size(_MARK)
    if room < 0:
        return ""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    while low and _belongs(text, low):
        low -= 1
    return text[:low] + _MARK


def joined(
    head: str,
    items: Items,
    foot: str,
    most: int | None,
    *,
    more: Callable[[int], str],
    size: Size = utf8,
) -> str:
    """Return head, items and foot; where that is too much, as many items as fit, then `more` of how many are
    left, which says where they are. A first item that does not fit alone is cut.

    No item is taken of which it is plain by the characters before that it does not fit.
    """
    if most is None:
        return head + "".join(items) + foot
    room = left = most - size(head) - size(foot)
    kept: list[str] = []
    characters = 0
    for item in items:
        kept.append(item)
        characters += len(item)
        if characters > room:
            break
    if len(kept) == len(items) and characters * _WIDEST <= room:
        return head + "".join(kept) + foot
    for number, item in enumerate(kept):
        left -= size(item)
        if left < 0:
            kept = kept[: number + 1]
            break
    if left >= 0:
        return head + "".join(kept) + foot
    reserve = max(size(more(1)), size(more(len(items))))
    while kept and left < reserve:
        left += size(kept.pop())
    if kept:
        return head + "".join(kept) + more(len(items) - len(kept)) + foot
    room -= reserve
    if room > size(_MARK):
        return head + cut(next(iter(items), ""), room, size) + more(len(items)) + foot
    return cut(head, most - size(more(len(items))), size) + more(len(items))


def _belongs(text: str, at: int) -> bool:
    """Whether the character there belongs to the one before: a mark, a joiner, or what one joins."""
    here, before = text[at], text[at - 1]
    return bool(unicodedata.combining(here)) or here in "\u200d\ufe0e\ufe0f" or before == "\u200d"
