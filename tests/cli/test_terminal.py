"""What commands print."""

from datetime import UTC, datetime

from cli.terminal import line, local, printable, utc


def test_moments_are_of_the_county() -> None:
    moment = datetime(2025, 12, 31, 16, 5, 9, tzinfo=UTC)
    assert local(moment) == "2026-01-01 00:05"
    assert local(moment, seconds=True) == "2026-01-01 00:05:09"
    assert utc(datetime(2026, 1, 1, 0, 5, 9)) == moment  # noqa: DTZ001 - as somebody types it


def test_what_a_sender_wrote_commands_no_terminal() -> None:
    assert printable("托位\x1b[2J\r\n60") == "托位�[2J��60"


def test_columns_stand_under_each_other_whatever_is_in_them() -> None:
    assert line(("单位", "60", "x"), (6, 3, 0)) == "单位   60  x"
    assert line(("abcd", "60", ""), (6, 3, 0)) == "abcd   60"
