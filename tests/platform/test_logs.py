"""A log that people and programs can read line by line."""

import io
import logging
import re
from collections.abc import Iterator

import pytest

from services.platform import logs
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common
from services.platform.topics import answers
from tests.support.ports import free_port


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


def test_a_neighbour_that_is_away_is_named_once_a_minute(written: io.StringIO) -> None:
    now = [0.0]
    handler = logging.getLogger().handlers[0]
    handler.filters[:] = [logs.OncePerReason(lambda: now[0])]

    def tell() -> int:
        """How many lines an attempt is worth."""
        before = len(written.getvalue().splitlines())
        client = logging.getLogger("aiokafka")
        client.error("Unable connect to node with id %s: %s", 1, "[Errno 111] ('127.0.0.1', 9092)")
        logging.getLogger("aiokafka.consumer.fetcher").error("Failed fetch messages from %s", 1)
        return len(written.getvalue().splitlines()) - before

    assert [tell() for _ in range(50)] == [2] + [0] * 49
    logging.getLogger("aiokafka").error("Unable connect to node with id %s: %s", 2, "another reason")
    assert written.getvalue().splitlines()[-1].endswith("another reason")
    now[0] = 61.0
    assert tell() == 2
    for _ in range(2):
        logging.getLogger("services.x").warning("ours is never kept back")
    assert written.getvalue().count("ours is never kept back") == 2


def test_a_neighbours_network_error_is_one_line_its_defect_a_traceback(written: io.StringIO) -> None:
    library = logging.getLogger("aiokafka.conn")
    for error in (ConnectionResetError(104, "reset by peer"), KeyError("a defect")):
        try:
            raise error
        except (OSError, KeyError):
            library.exception("Unexpected exception")
    first, second, *others = written.getvalue().splitlines()
    assert first.endswith("Unexpected exception: ConnectionResetError(104, 'reset by peer')")
    assert second.endswith("Unexpected exception")
    assert "KeyError" in others[-1]


def test_a_refused_connection_is_told_by_us_alone(written: io.StringIO) -> None:
    port = free_port()
    with pytest.raises(Unavailable, match=f"no Kafka broker answers at 127.0.0.1:{port}"):
        answers(f"127.0.0.1:{port}", timeout=1)
    with pytest.raises(Unavailable, match=f"ClickHouse at 127.0.0.1:{port} does not answer"):
        ClickHouse(Common(clickhouse_port=port)).query("SELECT 1")
    assert written.getvalue() == ""


def test_debug_keeps_nothing_back(written: io.StringIO) -> None:
    stream = io.StringIO()
    logs.configure("ingest", "DEBUG", stream)
    for _ in range(2):
        logging.getLogger("kafka.net.manager").debug("step")
    assert stream.getvalue().count("step") == 2
