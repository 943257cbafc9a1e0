"""Keeps the parts of the one-machine default running, and leaves none of them behind.

Every part goes round the same states: down, starting (its process runs), up (its probe has passed). One loop
moves all of them, at the start and after every death.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from signal import SIGKILL, Signals

from deploy.embedded.child import Child
from deploy.embedded.loglines import LogLines
from services.platform.errors import MinmaiError, StartError, Unavailable

_TICK_SECONDS = 0.1
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_SECONDS = 60.0
"""A part that was up for so long begins its backoff anew."""
_GRACE_SECONDS = 15.0
_LOG_BYTES = 50_000_000
_LOOK_SECONDS = 5.0
_LAST_LINES = 6


@dataclass(frozen=True)
class Part:
    """One process and what it stands on.

    `ready` returns once the part can do its work and raises Unavailable before; it is called often and must
    answer within a second or two. `prepare` runs each time the part has become ready, before what `needs` it
    starts. A part that `follows` another is killed and started again with it. `alive` raises Unavailable
    while a part that is up does not answer: after `silence` of it the part is started again.
    """

    name: str
    title: str
    argv: Sequence[str]
    ready: Callable[[], None]
    prepare: Callable[[], None] = lambda: None
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    patience: float = 90.0
    """Seconds from its start until it must be ready."""
    alive: Callable[[], None] = lambda: None
    silence: float = 60.0
    """Seconds without an answer after which it is taken for dead."""


class _State(Enum):
    DOWN = "down"
    STARTING = "starting"
    UP = "up"


@dataclass
class _Life:
    """What the supervisor knows of one part; `since` and `due` on the monotonic clock."""

    part: Part
    log: Path
    lines: LogLines
    child: Child | None = None
    state: _State = _State.DOWN
    since: float = 0.0
    due: float = 0.0
    failures: int = 0
    trouble: str = ""
    looked: float = 0.0
    """When it was last asked whether it is alive."""
    answered: float = 0.0


class Supervisor:
    """Starts, watches, restarts and ends parts, given in the order of their needs.

    Use it in the main thread only: the children live as long as the thread that started them.
    """

    def __init__(self, parts: Sequence[Part], logs: Path, say: Callable[[str], None]) -> None:
        """Each part's output goes to `logs`/{name}.log; `say` is told what a person should know."""
        self._lives = {
            part.name: _Life(part, logs / f"{part.name}.log", LogLines(logs / f"{part.name}.log"))
            for part in parts
        }
        self._say = say
        self._stopping = False
        self._begun = False

    def start(self) -> bool:
        """Return True when every part is up, False if asked to stop before.

        Raises StartError if one ends, is not ready in time or cannot be prepared.
        """
        while not self._stopping:
            self._tick()
            if all(life.state is _State.UP for life in self._lives.values()):
                self._begun = True
                return True
            time.sleep(_TICK_SECONDS)
        return False

    def run(self) -> None:
        """Keep the parts up until asked to stop."""
        while not self._stopping:
            self._tick()
            time.sleep(_TICK_SECONDS)

    def ask_to_stop(self) -> None:
        """Make `start` and `run` return soon; may be called from a signal handler."""
        self._stopping = True

    def stop(self) -> None:
        """End every part: SIGTERM, and SIGKILL after a grace; first those that no other still needs."""
        running = {name: life for name, life in self._lives.items() if life.child is not None}
        while running:
            needed = {need for life in running.values() for need in life.part.needs}
            wave = [life for name, life in running.items() if name not in needed]
            for life in wave:
                assert life.child is not None
                life.child.ask_to_stop()
            for life in wave:
                assert life.child is not None
                life.child.stop(_GRACE_SECONDS)
                life.child = None
                del running[life.part.name]

    def strike(self) -> None:
        """SIGKILL to every part, and wait for their ends; for a signal handler that ends this process."""
        children = [life.child for life in self._lives.values() if life.child is not None]
        for child in children:
            child.strike()
        for child in children:
            with suppress(ChildProcessError):  # it has been waited for already
                os.waitpid(child.pid, 0)

    def _tick(self) -> None:
        for life in self._lives.values():
            if self._stopping:
                return
            if life.state is _State.UP:
                self._show_log(life)
            match life.state:
                case _State.DOWN if time.monotonic() >= life.due and self._stands(life.part.needs):
                    self._launch(life)
                case _State.STARTING:
                    self._await_ready(life)
                case _State.UP if life.child is None or not life.child.running:
                    self._fell(life)
                case _State.UP if time.monotonic() >= life.looked + min(_LOOK_SECONDS, life.part.silence / 4):
                    self._look(life)

    def _look(self, life: _Life) -> None:
        """A process that lives may stand still: ask."""
        life.looked = time.monotonic()
        try:
            life.part.alive()
        except Unavailable as error:
            silent = time.monotonic() - life.answered
            if silent > life.part.silence:
                self._failed(life, f"{silent:.0f} 秒没有应答 · has not answered for {silent:.0f} s: {error}")
        else:
            life.answered = time.monotonic()

    def _show_log(self, life: _Life) -> None:
        for line in life.lines.important():
            self._say(line)

    def _stands(self, needs: tuple[str, ...]) -> bool:
        return all(self._lives[need].state is _State.UP for need in needs)

    def _launch(self, life: _Life) -> None:
        part = life.part
        if life.log.exists() and life.log.stat().st_size > _LOG_BYTES:
            life.log.replace(life.log.with_suffix(".log.1"))
        # SIGKILL when this process is killed: every part survives that by design, and none stays behind.
        life.child = Child(part.title, part.argv, env=part.env, cwd=part.cwd, log=life.log, parting=SIGKILL)
        life.state = _State.STARTING
        life.since = time.monotonic()
        life.trouble = "it has not answered yet"

    def _await_ready(self, life: _Life) -> None:
        assert life.child is not None
        if not life.child.running:
            return self._fell(life)
        try:
            life.part.ready()
            life.part.prepare()
        except Unavailable as error:
            life.trouble = str(error)
            if time.monotonic() - life.since > life.part.patience:
                self._failed(life, f"{life.part.patience:g} 秒内未就绪 · not ready in time: {life.trouble}")
            return None
        except MinmaiError as error:
            return self._failed(life, str(error))
        life.state = _State.UP
        life.lines.begin()  # while starting it may well complain of what is not there yet
        if self._begun:
            self._say(f"{life.part.title} 已恢复 · is up again")
        life.since = life.looked = life.answered = time.monotonic()
        return None

    def _fell(self, life: _Life) -> None:
        assert life.child is not None
        code = life.child.code or 0
        how = f"被 {Signals(-code).name} 终止 · killed" if code < 0 else f"退出码 exit code {code}"
        last = life.child.tail().splitlines()[-_LAST_LINES:] if code >= 0 and not self._begun else []
        self._failed(life, "\n    ".join([f"意外结束（{how}） · ended", *last]))

    def _failed(self, life: _Life, why: str) -> None:
        """A part is not what it should be: at the start an error, later a reason to start it again."""
        part = life.part
        if not self._begun:
            raise StartError(f"{part.title} 无法启动 · cannot start: {why}\n  日志 log: {life.log}")
        if life.state is _State.UP and time.monotonic() - life.since > _STEADY_SECONDS:
            life.failures = 0
        pause = _BACKOFF_SECONDS[min(life.failures, len(_BACKOFF_SECONDS) - 1)]
        life.failures += 1
        self._say(f"{part.title} {why}；{pause:g} 秒后重启 · starting it again in {pause:g} s（{life.log}）")
        self._take_down(life, pause)
        for other in self._lives.values():
            if part.name in other.part.follows and other.state is not _State.DOWN:
                self._say(f"{other.part.title} 随之重启 · is started again with it")
                self._take_down(other, 0)

    def _take_down(self, life: _Life, pause: float) -> None:
        if life.child is not None:
            life.child.kill()
            life.child = None
        life.state = _State.DOWN
        life.due = time.monotonic() + pause
