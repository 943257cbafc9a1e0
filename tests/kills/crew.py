"""The crew: the aggregators that are at work, joining, leaving, dying and being replaced."""

import os
import signal
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from string import ascii_lowercase

from tests.kills.worker import ORDERS
from tests.support.services import Service
from tests.support.waiting import eventually

_ENDED_SECONDS = 300.0


class Crew:
    """Workers by a letter of their own; a dead one is replaced by one of the next letter."""

    def __init__(self, env: Mapping[str, str], orders: Path, directory: Path) -> None:
        self._env = {**env, ORDERS: str(orders)}
        self._directory = directory
        self._number = count()
        self.members: dict[str, Service] = {}

    def join(self) -> str:
        """Start one more; it need not be ready."""
        number = next(self._number)
        name = ascii_lowercase[number % 26] + str(number // 26 or "")
        member = Service(
            "aggregate", self._env, self._directory, log=f"worker-{name}", module="tests.kills.worker"
        )
        member.start(ready=False)
        self.members[name] = member
        return name

    def named(self, pid: int) -> str:
        """Return whose process it is."""
        [name] = [name for name, member in self.members.items() if member.pid == pid]
        return name

    def leave(self, name: str) -> None:
        """Ask one to end by itself."""
        os.kill(self.members[name].pid, signal.SIGTERM)

    def buried(self, name: str, *codes: int) -> None:
        """Wait until one has ended with one of these exit codes, and forget it."""
        member = self.members[name]
        code = eventually(lambda: member.code, _ENDED_SECONDS, f"worker {name} ends", until=_is_code)
        assert code in codes, f"worker {name} ended with code {code}\n{member.tail()}"
        member.kill()
        del self.members[name]

    def check(self) -> None:
        """Raise RuntimeError if one has ended that nobody has ended: no waiting makes up for that."""
        for name, member in self.members.items():
            if member.code is not None:
                raise RuntimeError(f"worker {name} ended with code {member.code}\n{member.tail()}")

    def end(self) -> None:
        """End all, at once."""
        for member in self.members.values():
            member.kill()

    def tail(self) -> str:
        """The end of everybody's log, the dead ones' too."""
        logs = sorted(self._directory.glob("worker-*.log"), key=lambda log: log.stat().st_mtime)[-4:]
        return "\n".join(f"--- {log.name}\n" + "\n".join(_lines(log)[-40:]) for log in logs)


def _is_code(code: int | None) -> bool:
    return code is not None


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()
