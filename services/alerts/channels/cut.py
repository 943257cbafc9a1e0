"""Texts cut to what a receiver takes, which counts bytes and not characters."""

import unicodedata
from collections.abc import Callable, Sequence

import orjson

Size = Callable[[str], int]
"""Bytes of a text; that of two texts together is the sum."""

_MARK = "…"


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
    items: Sequence[str],
    foot: str,
    most: int | None,
    *,
    more: Callable[[int], str],
    size: Size = utf8,
) -> str:
    """Return head, items and foot; where that is too much, as many items as fit, then `more` of how many are
    left, which says where they are. A first item that does not fit alone is cut.
    """
    whole = head + "".join(items) + foot
    if most is None or size(whole) <= most:
        return whole
    reserve = size(head) + size(foot) + max(size(more(1)), size(more(len(items))))
    room = most - reserve
    kept: list[str] = []
    for item in items:
        if size(item) > room:
            break
        kept.append(item)
        room -= size(item)
    if kept:
        return head + "".join(kept) + more(len(items) - len(kept)) + foot
    if room > size(_MARK):
        return head + cut(items[0] if items else "", room, size) + more(len(items)) + foot
    return cut(head, most - size(more(len(items))), size) + more(len(items))


def _belongs(text: str, at: int) -> bool:
    """Whether the character there belongs to the one before: a mark, a joiner, or what one joins."""
    here, before = text[at], text[at - 1]
    return bool(unicodedata.combining(here)) or here in "\u200d\ufe0e\ufe0f" or before == "\u200d"
