"""The journal on disk, without a broker."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ingest.journal import Journal, JournalError, newest, read
from services.ingest.message import Message
from services.platform.errors import StartError

LARGE = 1_000_000


def message(number: int) -> Message:
    value = f'{{"name":"砚山\\\\n","number":{number}}}'
    return Message("minmai.facility.v1", number, f"f-{number}".encode(), value.encode())


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal", LARGE)
    yield opened
    opened.close()


def test_what_was_appended_is_read_again(journal: Journal) -> None:
    first, second = [message(1), message(2)], [message(3)]
    journal.append(first)
    journal.append(second)
    assert journal.sealed() == []
    [segment] = journal.seal()
    assert list(read(segment)) == first + second
    assert journal.sealed() == [segment]
    journal.append([message(4)])
    assert journal.sealed() == [segment]
    assert [list(read(one)) for one in journal.seal()] == [first + second, [message(4)]]
    journal.drop(segment)
    assert [list(read(one)) for one in journal.sealed()] == [[message(4)]]


def test_a_segment_can_be_ended_by_its_age(journal: Journal) -> None:
    journal.append([message(1)])
    assert journal.seal(older_than=1_000) == []
    journal.append([message(2)])
    [segment] = journal.seal(older_than=0)
    journal.append([message(3)])
    assert journal.seal(older_than=1_000) == [segment]
    assert list(read(segment)) == [message(1), message(2)]


def test_segments_end_at_their_size_and_numbers_go_on(tmp_path: Path) -> None:
    for life in range(2):
        journal = Journal(tmp_path, 300)
        for number in range(6):
            journal.append([message(10 * life + number)])
        journal.close()
    journal = Journal(tmp_path, 300)
    segments = journal.sealed()
    assert len(segments) == 4
    numbers = [one.identity for segment in segments for one in read(segment)]
    assert numbers == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    assert all(segment.stat().st_size < 600 for segment in segments)
    journal.close()


def test_the_newest_are_read_alone(journal: Journal) -> None:
    messages = [message(number) for number in range(9)]
    journal.append(messages)
    [segment] = journal.seal()
    line = segment.stat().st_size // 9
    assert newest(segment, LARGE) == messages
    assert newest(segment, 3 * line) == messages[7:]  # a line that may be cut is left out
    segment.write_bytes(segment.read_bytes()[:-1])
    assert newest(segment, 3 * line) == messages[6:8]
    segment.write_bytes(b"")
    assert newest(segment, 3 * line) == []


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_end_is_passed_over(journal: Journal, cut: int) -> None:
    journal.append([message(1), message(2)])
    [segment] = journal.seal()
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-cut])
    assert list(read(segment)) == [message(1)]
    segment.write_bytes(whole + b"\0" * 40)
    assert list(read(segment)) == [message(1), message(2)]


def test_damage_before_the_end_is_told_after_all_that_can_be_read(journal: Journal) -> None:
    journal.append([message(number) for number in range(3)])
    [segment] = journal.seal()
    segment.write_bytes(segment.read_bytes().replace(b"f-1", b"f-7"))
    found = []
    with pytest.raises(JournalError, match="line 2"):
        found.extend(read(segment))
    lines = read(segment)
    assert [next(lines), next(lines)] == [message(0), message(2)]


def test_a_full_disk_fails_the_append_and_the_next_goes_to_a_new_segment(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append([message(1)])
    real = os.write

    def full(file: int, content: bytes) -> int:
        if len(content) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, content[: len(content) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.append([message(2)])
    journal.append([message(3)])
    assert [list(read(segment)) for segment in journal.seal()] == [[message(1)], [message(3)]]


def test_one_process_at_a_time(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="in use"):
        Journal(tmp_path / "journal", LARGE)
    journal.close()
    journal.__init__(tmp_path / "journal", LARGE)  # type: ignore[misc]  # opened again on the same folder
