"""Example records, one CloudEvent a file: every kind, measure, step and status there is. All is invented."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOURCE = "example-agency"
"""The agency that every example is from."""


def paths() -> list[Path]:
    """Return the files, those of a stream together, streams by name."""
    return sorted(FOLDER.glob("*/*.json"))


def events() -> list[dict[str, Any]]:
    """Return the examples as an agency sends them to `/v1/events`."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths()]
