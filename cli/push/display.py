"""What a push tells: bars on a terminal, a line a file elsewhere, in quiet mode only trouble."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from cli.push.sources import Source
from cli.push.state import Counts


def _plain(text: str) -> str:
    """Text of others fit for a terminal: no escape sequences."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


class Display:
    """Tells on standard error; results go to standard output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._bars: Progress | None = None
        self._bar: TaskID | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show bars meanwhile, if there is a terminal to show them on."""
        if self._quiet or not self._console.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as self._bars:
            yield
        self._bars = None

    def begin(self, source: Source, size: int, done: int) -> None:
        """A file of `size` bytes is being sent, of which `done` are."""
        if self._bars is not None:
            self._bar = self._bars.add_task(_plain(source.path.name), total=size, completed=done)

    def at(self, done: int) -> None:
        """So many bytes of the file are sent."""
        if self._bars is not None and self._bar is not None:
            self._bars.update(self._bar, completed=done)

    def note(self, text: str) -> None:
        """Tell what happens; not in quiet mode."""
        if not self._quiet:
            self._console.print(_plain(text))

    def complain(self, text: str) -> None:
        """Tell what went wrong, also in quiet mode."""
        self._console.print(_plain(text))

    def result(self, name: str, counts: Counts, more: str, *, calm: bool) -> None:
        """Tell what became of a file; in quiet mode only if it is nothing to be calm about."""
        said = _plain(
            f"{name}  共 {counts.received} 接收 {counts.accepted} 重复 {counts.duplicate} "
            f"拒收 {counts.rejected}{more}"
        )
        if self._quiet and calm:
            return
        if self._bars is not None:
            self._console.print(said)
        else:
            print(said, file=sys.stderr if self._quiet else sys.stdout, flush=True)
