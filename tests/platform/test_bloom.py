"""A Bloom filter never overlooks what it has had, and seldom suspects what it has not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.platform.bloom import Bloom, Keys

LEAST = 4096


def keys(first: int, number: int) -> Keys:
    """Uniform keys, some of the same ones for stretches that overlap."""
    mixed = np.arange(first, first + number, dtype=np.uint64) + np.uint64(1)
    for factor in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        mixed = (mixed ^ mixed >> np.uint64(31)) * np.uint64(factor)
    return mixed ^ mixed >> np.uint64(29)


def one_by_one(bloom: Bloom, some: Keys) -> NDArray[np.bool_]:
    return np.array([bloom.suspects_one(key) for key in some.tolist()], np.bool_)


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1_500), st.booleans()), max_size=8),
    st.integers(1, 16),
    st.integers(1, 2_000),
)
def test_what_was_once_there_is_always_suspected(
    stretches: list[tuple[int, int, bool]], pages: int, room: int
) -> None:
    """Through growth, and beyond the memory it may take; whole arrays and one by one."""
    bloom = Bloom(pages * LEAST, room=room)
    had = np.empty(0, np.uint64)
    for first, number, whole in stretches:
        some = keys(first, number)
        suspected = some[bloom.suspects(some) if whole else one_by_one(bloom, some)]
        assert set(np.intersect1d(had, some).tolist()) <= set(suspected.tolist())
        had = np.union1d(had, some)
        assert bloom.suspects(had).all()
        assert one_by_one(bloom, had).all()
        assert bloom.bytes <= pages * LEAST
        assert bloom.held <= len(had)


@pytest.mark.parametrize("room", [50_000, 1_000])
def test_new_keys_are_seldom_suspected(room: int) -> None:
    """In one layer that is full, and in seven."""
    bloom = Bloom(64_000_000, room=room)
    suspected = sum(int(bloom.suspects(keys(first, 1_000)).sum()) for first in range(0, 50_000, 1_000))
    assert suspected <= 10


def test_one_that_may_take_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="4096"):
        Bloom(4095, room=1)
