"""`minmai` as the process it is in use, and what it leaves behind."""

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from signal import SIGINT, SIGKILL

import httpx

from deploy.embedded.up import Ports
from tests.support import web
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120.0
END_SECONDS = 60.0


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with these settings, by field name, and no other of minmai's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")}
    return clean | {f"MINMAI_{name.upper()}": str(value) for name, value in settings.items()}


def minmai(
    *words: object, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """Run `minmai` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, words)],
        cwd=cwd,
        env=environment() if env is None else env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )


def refused(done: "subprocess.CompletedProcess[str]", code: int = 1) -> str:
    """What a `minmai` said that ended as it should: exit code `code`, a message and no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def descendants(pid: int) -> dict[int, str]:
    """The processes below `pid` that still run, with their command lines."""
    found: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if state != "Z":
            found[int(folder.name)] = int(parent), command
    below = {pid}
    while more := {child for child, (parent, _) in found.items() if parent in below} - below:
        below |= more
    return {child: command for child, (_, command) in found.items() if child in below - {pid}}


def running(pids: dict[int, str]) -> dict[int, str]:
    """Those of `pids` that still run."""
    left = {}
    for pid, command in pids.items():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            left[pid] = command
    return left


class Up:
    """One `minmai up` on a folder and free ports."""

    def __init__(self, data: Path, *words: str) -> None:
        self.data = data
        self.ports = Ports(**{name: free_port() for name in asdict(Ports())})
        self.words = [
            *("up", "--data", str(data), *words),
            *(word for name, port in self.ports.named() for word in (f"--{name}-port", str(port))),
        ]
        self.output = data.parent / f"{data.name}.out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> None:
        """Start it; with `ready` return when it says that it is."""
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *self.words],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if ready:
            self.says("已就绪")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """All it has said."""
        return self.output.read_text()

    def says(self, text: str) -> None:
        """Return once it has said `text`."""

        def seen() -> bool:
            assert self._process is not None
            assert text in self.said or self._process.poll() is None, self.said
            return text in self.said

        eventually(seen, READY_SECONDS, f"minmai up says {text!r}")

    def children(self) -> dict[int, str]:
        """Its processes with their command lines."""
        return descendants(self.pid)

    def child(self, word: str) -> int:
        """The process with `word` in its command line; waits until there is exactly one."""
        found = eventually(
            lambda: [pid for pid, command in self.children().items() if word in command],
            READY_SECONDS,
            f"one process of {word!r}",
            until=lambda pids: len(pids) == 1,
        )
        return found[0]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ends(self) -> int:
        """Wait until it has ended; return its exit code."""
        assert self._process is not None
        return self._process.wait(END_SECONDS)

    def get(self, port: int, path: str) -> httpx.Response:
        return web.get(f"http://127.0.0.1:{port}{path}", timeout=10)

    def answers(self, port: int) -> bool:
        """Whether a service is ready."""
        try:
            return self.get(port, "/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def counted(self) -> int:
        """How many records have been counted, as ClickHouse says."""
        try:
            answer = self.get(self.ports.clickhouse_http, "/?query=SELECT+sum(records)+FROM+minmai.feed_live")
        except httpx.TransportError as error:
            raise AssertionError(error) from error
        assert answer.status_code == 200, answer.text
        return int(answer.text)

    def discard(self) -> None:
        """End it in any case."""
        if self._process is not None and self._process.poll() is None:
            self.signal(SIGINT)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.signal(SIGKILL)
                self._process.wait()
