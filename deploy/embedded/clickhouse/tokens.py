"""Tokens of inserts whose rows a crash has lost: forgotten before the engine opens the data.

The engine notes an insert's token in its table's deduplication log, and then puts the part with the rows in
its place. Killed in between it would take every repetition of the insert for a duplicate: the rows would be
lost.
"""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

_ADDED = "1"
_PART = re.compile(r"(.+)_(\d+)_(\d+)_\d+(?:_\d+)?")
"""Partition, first and last number of the inserts in it, level, mutation."""

Numbers = tuple[int, int]


def forget_lost(data: Path) -> None:
    """Take out of every table's deduplication log the tokens whose part is not there; no engine may run."""
    for folder in data.glob("store/*/*/deduplication_logs"):
        files = {file: file.read_text().splitlines() for file in folder.glob("deduplication_log_*.txt")}
        there = _parts(entry.name for entry in folder.parent.iterdir() if entry.is_dir())
        for file, lines in files.items():
            kept = [line for line in lines if not _lost(line, there)]
            if kept != lines:
                log.warning("%s: %d inserts were cut short by a crash", file, len(lines) - len(kept))
                new = file.with_suffix(".new")
                new.write_text("".join(f"{line}\n" for line in kept))
                os.replace(new, file)


def _lost(line: str, there: dict[str, list[Numbers]]) -> bool:
    """Whether a line of a log notes a token, and there is neither its part nor one it was merged into."""
    operation, _, rest = line.partition("\t")
    named = _PART.fullmatch(rest.partition("\t")[0])
    if operation != _ADDED or named is None:
        return False
    partition, first, last = named.groups()
    return not any(low <= int(first) and int(last) <= high for low, high in there[partition])


def _parts(names: Iterable[str]) -> dict[str, list[Numbers]]:
    parts: defaultdict[str, list[Numbers]] = defaultdict(list)
    for named in map(_PART.fullmatch, names):
        if named is not None:
            parts[named[1]].append((int(named[2]), int(named[3])))
    return parts
