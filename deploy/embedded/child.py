"""A child process of the one-machine default: it ends when its parent ends, and says why it ended."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.embedded import tether
from services.platform.errors import StartError

_TAIL_BYTES = 2_000


class Child:
    """One program, started at once.

    It gets `parting` when the *thread* that made this object ends (Linux): start it from a thread that lives
    as long as the child shall. Its output goes to `log`, appended, or to an unnamed file read only to
    explain an early end.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        log: Path | None = None,
        parting: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start `argv` (its first entry an absolute path); raises StartError if that is impossible."""
        self.name = name
        self._asked = False
        # Open as long as the child: `tail` reads it.
        self._output: IO[bytes] = log.open("ab+") if log else tempfile.TemporaryFile()  # noqa: SIM115
        tethered = [
            *(sys.executable, "-I", "-S", tether.__file__),
            *(str(os.getpid()), str(int(parting)), *argv),
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the argument list is our own
                tethered,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is its parent's to handle
            )
        except OSError as error:
            self._output.close()
            raise StartError(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def tail(self) -> str:
        """The last lines of its output."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - _TAIL_BYTES))
        return self._output.read().decode(errors="replace").strip()

    def check(self) -> None:
        """Raise StartError with the last output if it has ended."""
        if not self.running:
            raise StartError(f"{self.name} ended with code {self._process.returncode}: {self.tail()}")

    def ask_to_stop(self) -> None:
        """SIGTERM without waiting, once: our services take a second one for "at once"."""
        if not self._asked:
            self._asked = True
            self._process.terminate()

    def stop(self, grace: float = 10.0) -> None:
        """End it: SIGTERM, then SIGKILL after `grace` seconds. Does nothing if it has ended."""
        self.ask_to_stop()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def kill(self) -> None:
        """End it as a crash would: SIGKILL, and wait until it is gone."""
        self.strike()
        self._process.wait()
        self._output.close()

    def strike(self) -> None:
        """SIGKILL without waiting; may be called from a signal handler."""
        self._process.kill()
