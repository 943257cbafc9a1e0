"""The lines of a growing log file that a person at the terminal should see."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

# The level stands near the start of a line, whoever wrote it: our own services, or the broker.
_IMPORTANT = re.compile(r"^.{0,60}?\b(WARNING|WARN|ERROR|CRITICAL|FATAL)\b")
_WINDOW_SECONDS = 10.0
_LINES_A_WINDOW = 5
_LONGEST = 300


class LogLines:
    """Warnings and errors as they are written, no more than a few in ten seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._window = 0.0
        self._shown = 0
        self._held_back = 0

    def begin(self) -> None:
        """Pass over what the file has by now."""
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def important(self) -> Iterator[str]:
        """The important lines since the last call."""
        now = time.monotonic()
        if now - self._window > _WINDOW_SECONDS:
            if self._held_back:
                yield f"{self._path.stem}: 另有 {self._held_back} 行 · {self._held_back} more in {self._path}"
            self._window, self._shown, self._held_back = now, 0, 0
        for line in self._new_lines():
            if not _IMPORTANT.match(line):
                continue
            if self._shown < _LINES_A_WINDOW:
                self._shown += 1
                yield f"{self._path.stem}: {line[:_LONGEST]}"
            else:
                self._held_back += 1

    def _new_lines(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _begun = file.read().rpartition(b"\n")
        except FileNotFoundError:  # its process has not been started yet
            return []
        self._offset += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()
