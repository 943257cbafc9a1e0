"""minmai's services as the processes they are in use: `python -m cli.main ingest` and the others."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from deploy.embedded.child import Child
from services.platform.errors import StartError
from tests.support import web
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
YANSHAN = ROOT / "plans" / "yanshan"

_READY_SECONDS = 90.0  # on the embedded broker a group waits for a member that was killed
_STOP_SECONDS = 30.0


def environment(*, kafka: str, clickhouse_port: int, database: str, **more: object) -> dict[str, str]:
    """The environment of a service on these neighbours; `more` are settings by field name."""
    settings = {
        "kafka": kafka,
        "clickhouse_port": clickhouse_port,
        "clickhouse_database": database,
        "plan": YANSHAN,
        **more,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MINMAI_")}
    return clean | {f"MINMAI_{name.upper()}": str(value) for name, value in settings.items()}


class Service:
    """One service on a port of its own; it can be killed and started again.

    Its output goes to `directory`/{name}.log, through all its lives.
    """

    def __init__(
        self,
        name: str,
        env: Mapping[str, str],
        directory: Path,
        *command: str,
        module: str = "cli.main",
        log: str | None = None,
    ) -> None:
        """`name` as in MINMAI_{NAME}_PORT; `command`: the words after `minmai`, by default `name`.

        `module` is run instead of `minmai`; `log` names the log where several of one name run.
        """
        self.name = name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / f"{log or name}.log"
        self._argv = [sys.executable, "-m", module, *(command or (name,))]
        self._env = {**env, f"MINMAI_{name.upper()}_PORT": str(self.port)}
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Its process id; it must have been started."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    @property
    def code(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._child.code if self._child is not None else None

    def start(self, *, ready: bool = True) -> None:
        """Start it; return when it is ready, or without `ready` when it runs."""
        # A test that is ended from outside leaves nothing that waits for neighbours that are gone.
        self._child = Child(
            self.name, self._argv, env=self._env, cwd=ROOT, log=self.log, parting=signal.SIGKILL
        )
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it can do its work; fails with its last output if it has ended."""
        eventually(self._ready, _READY_SECONDS, f"{self.name} is ready (its log: {self.log})")

    def stop(self) -> None:
        """End it with SIGTERM, as `minmai up` does; fails if its exit code is not 0."""
        child, self._child = self._child, None
        assert child is not None, f"{self.name} was not started"
        os.kill(child.pid, signal.SIGTERM)
        eventually(lambda: not child.running, _STOP_SECONDS, f"{self.name} ends on SIGTERM")
        try:
            child.check()
        except StartError as ended:
            assert "ended with code 0" in str(ended), str(ended)  # noqa: PT017 - how Child tells its end

    def kill(self) -> None:
        """End it with SIGKILL, as a crash; does nothing if it does not run."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def tail(self, lines: int = 60) -> str:
        """The end of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return f"--- {self.name} ---\n" + "\n".join(text.splitlines()[-lines:])

    def _ready(self) -> bool:
        assert self._child is not None, f"{self.name} was not started"
        self._child.check()
        try:
            response = web.get(f"{self.url}/readyz", timeout=10)
        except httpx.TransportError as error:
            raise AssertionError(error) from error
        assert response.status_code == 200, response.text
        return True
