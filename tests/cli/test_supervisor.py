"""The supervisor on small programs of its own."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.probes import answers_ok
from deploy.embedded.supervisor import Part, Supervisor
from services.platform.errors import StartError, Unavailable
from tests.cli.support import running
from tests.support.ports import free_port
from tests.support.waiting import eventually

SLEEP = "import time; time.sleep(600)"


class Stage:
    """Parts that are small Python programs, and what the supervisor said and did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.order: list[str] = []
        self.supervisor: Supervisor

    def part(self, name: str, program: str = SLEEP, **more: object) -> Part:
        """A part that is ready once its program has written a file of its name."""
        marker = self.folder / f"{name}.ready"
        program = f"import os, pathlib; pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\n{program}"

        def ready() -> None:
            if not marker.exists():
                raise Unavailable(f"{name} has not said it is ready")

        def prepare() -> None:
            self.order.append(name)
            marker.unlink()

        options: dict[str, object] = {"ready": ready, "prepare": prepare, **more}
        return Part(name, name, [sys.executable, "-c", program], **options)  # type: ignore[arg-type]  # any

    def set_up(self, *parts: Part) -> Supervisor:
        self.supervisor = Supervisor(parts, self.folder, self.said.append)
        return self.supervisor

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the supervisor run until `condition` holds."""
        failed: list[BaseException] = []

        def watch() -> None:
            try:
                eventually(condition, 30, f"the condition; said: {self.said}")
            except BaseException as error:
                failed.append(error)
            self.supervisor.ask_to_stop()

        watcher = threading.Thread(target=watch)
        watcher.start()
        self.supervisor.run()
        watcher.join()
        if failed:
            raise failed[0]

    def pids(self) -> dict[int, str]:
        return {
            life.child.pid: name
            for name, life in self.supervisor._lives.items()
            if life.child is not None and life.child.running
        }


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.supervisor.strike()


def test_parts_start_when_what_they_need_is_prepared(stage: Stage) -> None:
    supervisor = stage.set_up(
        stage.part("last", needs=("middle",)), stage.part("middle", needs=("first",)), stage.part("first")
    )
    assert supervisor.start()
    assert stage.order == ["first", "middle", "last"]
    pids = stage.pids()
    supervisor.stop()
    assert not running(dict.fromkeys(pids, ""))


def test_what_others_need_is_ended_after_them(stage: Stage) -> None:
    note = "import pathlib, signal, sys, time\npath = pathlib.Path({path!r})\n" + (
        "def end(*_):\n    with path.open('a') as file: file.write({name!r})\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\npathlib.Path({marker!r}).touch()\ntime.sleep(600)"
    )
    path = str(stage.folder / "ends")

    def part(name: str, *needs: str) -> Part:
        marker = stage.folder / f"{name}.armed"

        def ready() -> None:
            if not marker.exists():
                raise Unavailable("not armed")

        program = note.format(path=path, name=name, marker=str(marker))
        return stage.part(name, program, needs=needs, ready=ready)

    supervisor = stage.set_up(part("a"), part("b", "a"), part("c", "b"))
    assert supervisor.start()
    supervisor.stop()
    assert Path(path).read_text() == "cba"


def test_a_part_that_ends_at_the_start_is_an_error_with_its_last_words(stage: Stage) -> None:
    supervisor = stage.set_up(
        stage.part("well"), stage.part("ill", "import sys; sys.exit('no disk')", ready=never)
    )
    with pytest.raises(StartError, match=r"(?s)ill.*exit code 1.*no disk.*ill\.log"):
        supervisor.start()
    supervisor.stop()
    assert not stage.pids()


def test_a_part_that_is_never_ready_is_an_error_with_the_reason(stage: Stage) -> None:
    supervisor = stage.set_up(stage.part("slow", ready=never, patience=0.2))
    with pytest.raises(StartError, match="never so"):
        supervisor.start()


def test_a_part_that_cannot_be_prepared_is_an_error(stage: Stage) -> None:
    def prepare() -> None:
        raise StartError("the schema is wrong")

    supervisor = stage.set_up(stage.part("database", prepare=prepare))
    with pytest.raises(StartError, match="the schema is wrong"):
        supervisor.start()


def test_who_dies_again_and_again_is_started_again_ever_more_slowly(stage: Stage) -> None:
    supervisor = stage.set_up(stage.part("shaky", "import time; time.sleep(0.4); raise SystemExit(3)"))
    assert supervisor.start()
    stage.until(lambda: len(stage.order) >= 3)
    told = [line for line in stage.said if "starting it again in" in line]
    assert "exit code 3" in told[0]
    assert "again in 0.5 s" in told[0]
    assert "again in 1 s" in told[1]


def test_a_process_that_lives_and_does_not_answer_is_started_again(stage: Stage) -> None:
    port = free_port()
    program = f"import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"

    def alive() -> None:
        answers_ok("127.0.0.1", port, "/")

    supervisor = stage.set_up(stage.part("frozen", program, alive=alive, silence=1.0))
    assert supervisor.start()
    eventually(lambda: answers_ok("127.0.0.1", port, "/"), 30, "it answers")
    [frozen] = stage.pids()
    os.kill(frozen, signal.SIGSTOP)
    stage.until(lambda: len(stage.order) == 2)
    [told] = [line for line in stage.said if "has not answered for" in line]
    assert "starting it again" in told
    assert frozen not in stage.pids()


def test_followers_are_started_again_with_whom_they_follow_and_others_go_on(stage: Stage) -> None:
    supervisor = stage.set_up(
        stage.part("leader"),
        stage.part("follower", needs=("leader",), follows=("leader",)),
        stage.part("stranger", needs=("leader",)),
    )
    assert supervisor.start()
    before = {name: pid for pid, name in stage.pids().items()}
    leader = supervisor._lives["leader"].child
    assert leader is not None
    leader.strike()
    stage.until(lambda: stage.order[3:] == ["leader", "follower"])
    after = {name: pid for pid, name in stage.pids().items()}
    assert {name for name in before if before[name] != after[name]} == {"leader", "follower"}


def test_warnings_of_a_part_that_is_up_are_shown_and_a_flood_is_not(stage: Stage) -> None:
    program = (
        "import time, pathlib\ngo = pathlib.Path('go')\n"
        "while not go.exists(): time.sleep(0.02)\n"
        "print('an INFO line', flush=True)\n"
        "for number in range(100): print(f'2026 WARNING trouble {number}', flush=True)\n" + SLEEP
    )
    supervisor = stage.set_up(stage.part("loud", program, cwd=stage.folder))
    assert supervisor.start()
    (stage.folder / "go").touch()
    stage.until(lambda: "loud: 2026 WARNING trouble 4" in stage.said)
    assert "loud: 2026 WARNING trouble 0" in stage.said
    assert not [line for line in stage.said if "INFO" in line or line.endswith("trouble 99")]


def never() -> None:
    raise Unavailable("never so")
