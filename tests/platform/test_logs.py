"""A log that people and programs can read line by line."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from services.platform import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged while the test runs; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("ingest", "INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_line_has_time_level_service_and_place(written: io.StringIO) -> None:
    logging.getLogger("services.x").warning("it is %s", "late")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING ingest services\.x: it is late\n", written.getvalue()
    )


def test_a_message_cannot_forge_a_line_or_steer_a_terminal(written: io.StringIO) -> None:
    logging.getLogger("services.x").info("id %s", "a\r\n2026 ERROR forged\x1b[2J 县")
    [line] = written.getvalue().splitlines()
    assert line.endswith(r"id a\r\n2026 ERROR forged\x1b[2J 县")


def test_a_traceback_follows_indented(written: io.StringIO) -> None:
    try:
        int("no\nnumber")
    except ValueError:
        logging.getLogger("services.x").exception("a defect")
    first, *others = written.getvalue().splitlines()
    assert first.endswith("a defect")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert "number" in others[-1]


def test_libraries_are_heard_from_warning_on(written: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("trouble")
    assert "chatter" not in written.getvalue()
    assert "trouble" in written.getvalue()
