"""Texts cut by bytes: never too long, never half a character, and what is left out is said."""

import unicodedata
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.channels.cut import Part, Parts, Size, cut, fitted, in_json, utf8

MARKS = "\u0301\u0308\u200d\ufe0f"
LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from('托位👩👨👧é"\\\n\t' + MARKS)
TEXTS = st.text(LETTERS, max_size=60)
SIZES = st.sampled_from([utf8, in_json])


def more(left: int) -> str:
    return f" [{left} more: https://board.example/] "


def joined(head: str, items: Parts, foot: str, most: int, size: Size) -> str:
    def rest(left: int) -> Part:
        return Part.of(more(left))

    parts = fitted(Part.of(head), items, Part.of(foot), most, more=rest, size=size)
    return "".join(part.text for part in parts)


def length(text: str, size: Size) -> int:
    return size(Part.of(text))


@given(text=TEXTS, most=st.integers(0, 250), size=SIZES)
def test_a_cut_text_fits_and_is_the_longest_that_does(text: str, most: int, size: Size) -> None:
    kept = cut(text, most, size)
    assert length(kept, size) <= most
    if length(text, size) <= most:
        assert kept == text
        return
    if most < length("…", size):
        assert kept == ""
        return
    beginning = kept.removesuffix("…") if kept.endswith("…") else pytest.fail(kept)
    assert text.startswith(beginning)
    after = text[len(beginning) :]
    assert not unicodedata.combining(after[0])
    assert after[0] not in "\u200d\ufe0f" or not beginning
    # One character more, with all that belongs to it, would have been too much.
    end = 1
    while end < len(after) and (
        unicodedata.combining(after[end]) or after[end] in "\u200d\ufe0e\ufe0f" or after[end - 1] == "\u200d"
    ):
        end += 1
    assert length(beginning + after[:end] + "…", size) > most


@given(head=TEXTS, items=st.lists(TEXTS, max_size=8), foot=TEXTS, most=st.integers(120, 700), size=SIZES)
def test_what_is_left_out_of_a_list_is_counted(
    head: str, items: list[str], foot: str, most: int, size: Size
) -> None:
    text = joined(head, [*map(Part.of, items)], foot, most, size)
    assert length(text, size) <= most
    if length(head + "".join(items) + foot, size) <= most:
        assert text == head + "".join(items) + foot
        return
    said = [left for left in range(len(items) + 1) if more(left) in text]
    assert said
    if text.endswith(foot) and text.startswith(head):
        kept = len(items) - max(said)
        assert text.startswith(head + "".join(items[:kept])[:10])


class Rendered:
    """Items that are made when they are asked for."""

    def __init__(self, items: list[str]) -> None:
        self._items = items
        self.made = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Part]:
        self.made = 0
        for item in self._items:
            self.made += 1
            yield Part.of(item)


@given(items=st.lists(TEXTS.filter(bool), min_size=1, max_size=40), most=st.integers(120, 700), size=SIZES)
def test_what_cannot_fit_is_not_rendered(items: list[str], most: int, size: Size) -> None:
    rendered = Rendered(items)
    whole = [*map(Part.of, items)]
    assert joined("", rendered, "", most, size) == joined("", whole, "", most, size)
    assert sum(map(size, whole[: rendered.made - 1])) <= most


@given(texts=st.lists(TEXTS, max_size=8))
def test_parts_are_in_json_what_their_text_is(texts: list[str]) -> None:
    parts = [Part.of(text) for text in texts]
    whole = orjson.dumps("".join(texts))
    assert b'"%b"' % b"".join(part.json for part in parts) == whole
    assert sum(map(in_json, parts)) == len(whole) - 2
    assert sum(map(utf8, parts)) == len("".join(texts).encode())
