"""`minmai up`, whole: what it starts, heals and ends. One system serves most tests, in their order."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.cli.support import END_SECONDS, READY_SECONDS, Up, minmai, refused, running
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

PARTS = ("tansu", "deploy.embedded.clickhouse", "main ingest", "main aggregate", "main alerts", "main board")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[Up]:
    """A demo that is ready, on a county that lives a day in a second."""
    up = Up(folder / "data", "--feed", "--seconds-per-day", "1")
    up.start()
    yield up
    up.discard()


@pytest.fixture
def beginning(tmp_path: Path) -> Iterator[Up]:
    """A start that has gone as far as two processes."""
    up = Up(tmp_path / "data")
    up.start(ready=False)
    eventually(up.children, READY_SECONDS, "the first processes", until=lambda found: len(found) > 1)
    yield up
    up.discard()


def test_it_is_live(system: Up) -> None:
    for port in (system.ports.ingest, system.ports.board, system.ports.alerts, system.ports.aggregate):
        assert system.answers(port)
        assert f":{port}" in system.said
    shown = system.get(system.ports.board, "/v1/indicators").json()
    assert shown["synthetic"] is True
    assert any(figure["value"] is not None for one in shown["indicators"] for figure in one["figures"])
    assert (system.data / "sample-keys.json").stat().st_mode & 0o777 == 0o600


def test_nothing_of_it_listens_beyond_this_machine(system: Up) -> None:
    """All of 127/8 is this machine; who listens on every address answers on all of it."""
    assert all(_reached("127.0.0.1", port) for _, port in system.ports.named())
    assert [name for name, port in system.ports.named() if _reached("127.0.0.2", port)] == []


def test_a_second_start_on_the_same_data_is_refused(system: Up) -> None:
    told = refused(minmai("up", "--feed", "--data", system.data))
    assert str(system.data) in told
    assert str(system.pid) in told
    assert system.answers(system.ports.board)


def test_every_taken_port_is_named_with_what_wants_it(system: Up, tmp_path: Path) -> None:
    other = Up(tmp_path / "data")
    words = ["--board-port", system.ports.board, "--kafka-port", system.ports.kafka]
    told = refused(minmai(*other.words, *words))
    for name, port in (("board", system.ports.board), ("kafka", system.ports.kafka)):
        assert str(port) in told
        assert f"--{name}-port" in told
    assert system.answers(system.ports.board)


def test_a_service_that_dies_is_started_again(system: Up) -> None:
    before = system.child("main alerts")
    os.kill(before, SIGKILL)
    system.says("告警 alerts 已恢复")
    assert system.child("main alerts") != before
    assert "SIGKILL" in system.said
    assert system.answers(system.ports.alerts)


def test_a_broker_that_dies_comes_back_with_those_who_knew_its_topics(system: Up) -> None:
    before = {word: system.child(word) for word in PARTS}
    os.kill(before["tansu"], SIGKILL)
    for title in ("消息总线 broker", "接收 ingest", "计算 aggregate", "告警 alerts", "看板 board"):
        system.says(f"{title} 已恢复")
    changed = {word for word in PARTS if system.child(word) != before[word]}
    assert changed == set(PARTS) - {"deploy.embedded.clickhouse"}
    _records_are_counted(system)


def test_a_clickhouse_that_dies_comes_back_with_its_data(system: Up) -> None:
    before = system.counted()
    os.kill(system.child("deploy.embedded.clickhouse"), SIGKILL)
    system.says("数据库 ClickHouse 已恢复")
    assert system.counted() >= before
    _records_are_counted(system)


def test_ctrl_c_ends_everything(system: Up) -> None:
    children = system.children()
    assert len(children) == len(PARTS) + 1
    system.signal(SIGINT)
    assert system.ends() == 0
    assert not running(children)
    assert "已全部停止" in system.said
    assert "Traceback" not in system.said


def test_what_was_counted_is_there_at_the_next_start_which_two_ctrl_c_end_at_once(folder: Path) -> None:
    again = Up(folder / "data", "--feed")
    again.start()
    try:
        assert again.counted() > 1_000
        children = again.children()
        os.kill(again.child("main aggregate"), SIGSTOP)  # so that the end cannot come by itself meanwhile
        again.signal(SIGINT)
        again.says("正在停止")
        again.signal(SIGINT)
        assert again.ends() == 130
        assert not running(children)
        assert "已全部停止" not in again.said
    finally:
        again.discard()


def test_a_start_can_be_ended(beginning: Up) -> None:
    children = beginning.children()
    beginning.signal(SIGTERM)
    assert beginning.ends() == 0
    assert not running(children)
    assert "已就绪" not in beginning.said


def test_nothing_outlives_a_killed_parent(beginning: Up) -> None:
    children = beginning.children()
    beginning.signal(SIGKILL)
    beginning.ends()
    eventually(lambda: not running(children), END_SECONDS, "the orphans have ended")


def _reached(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def _records_are_counted(system: Up) -> None:
    """New ones, and every one that ingest has accepted up to now, whatever died since."""
    seen = eventually(system.counted, READY_SECONDS, "ClickHouse answers")
    eventually(system.counted, READY_SECONDS, "more records are counted", until=lambda now: now > seen)
    accepted = json.loads((system.data / "feed.json").read_text())["sent"]
    eventually(
        system.counted, READY_SECONDS, f"{accepted} records are counted", until=lambda now: now >= accepted
    )
