"""A filter never overlooks what it has had, and seldom suspects what it has not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import identity
from services.ingest.filter import Filter
from services.ingest.receipts import Name

STREAMS = ("facility", "consumption-voucher")


def names(first: int, number: int, stream: str = STREAMS[0]) -> list[Name]:
    return [(stream, identity("agency", str(one))) for one in range(first, first + number)]


@st.composite
def stretches(draw: st.DrawFn) -> tuple[str, list[Name]]:
    """Records that are pushed, or read from ClickHouse; they overlap with others."""
    how = draw(st.sampled_from(["pushed", "read"]))
    stream = draw(st.sampled_from(STREAMS))
    return how, names(
        draw(st.integers(0, 3_000)), draw(st.one_of(st.integers(0, 60), st.integers(0, 1_500))), stream
    )


@given(
    steps=st.lists(st.one_of(stretches(), st.integers(-10, 5_000)), max_size=8),
    pages=st.integers(1, 16),
    room=st.integers(1, 2_000),
)
def test_what_was_once_there_is_always_suspected(
    steps: list[tuple[str, list[Name]] | int], pages: int, room: int
) -> None:
    """Through growth, and beyond the memory it may take."""
    most = pages * 4096
    filter = Filter(most, room=room)
    had: set[Name] = set()
    for step in steps:
        if isinstance(step, int):
            filter.expect(step)
            continue
        how, some = step
        if how == "read":
            for stream, one in some:
                filter.add(stream, [one >> 64])
        else:
            assert had.intersection(some) <= set(filter.suspects(some))
        had.update(some)
        assert set(filter.suspects(had)) == had
        assert filter.bytes <= most
        assert filter.held <= len(had)


@pytest.mark.parametrize("room", [50_000, 1_000])
def test_new_records_are_seldom_suspected(room: int) -> None:
    """In one layer that is full, and in seven."""
    filter = Filter(64_000_000, room=room)
    assert len(filter.suspects(names(0, 50_000))) <= 10
    assert filter.held >= 49_990
    assert len(filter.suspects(names(0, 50_000, STREAMS[1]))) <= 20, "another stream's are others"


def test_beyond_its_memory_it_suspects_more() -> None:
    filter = Filter(4096)
    assert filter.bytes == 4096
    assert len(filter.suspects(names(0, 1_000))) <= 5
    filter.suspects(names(1_000, 20_000))
    assert filter.bytes == 4096
    assert len(filter.suspects(names(100_000, 1_000))) > 500


def test_what_is_expected_finds_room_at_once() -> None:
    filter = Filter(64_000_000, room=1_000)
    filter.expect(1 << 17)
    before = filter.bytes
    filter.suspects(names(0, 100_000))
    filter.expect(30_000)
    assert filter.bytes == before


def test_no_filter_without_memory() -> None:
    with pytest.raises(ValueError, match="at least"):
        Filter(4096 - 1)
