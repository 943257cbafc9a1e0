"""The mistakes of a plan folder, collected so that all of them are told at once."""

from typing import NamedTuple

FILES = (
    "plan.yaml",
    "divisions.csv",
    "indicators.yaml",
    "tasks.yaml",
    "rules.yaml",
    "feeds.yaml",
    "schematic.yaml",
)


class Mistake(NamedTuple):
    """What is wrong, in which file, on which line (0: in the file as a whole)."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class Mistakes:
    """Mistakes in the order of the files and their lines, each once."""

    def __init__(self) -> None:
        self._found: dict[Mistake, None] = {}

    def add(self, file: str, line: int, text: str) -> None:
        """Note one mistake."""
        self._found[Mistake(file, line, text)] = None

    def sorted(self) -> list[Mistake]:
        """Return them by file and line; those of one line in the order they were found."""
        return sorted(self._found, key=lambda one: (FILES.index(one.file), one.line))
