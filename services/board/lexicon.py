"""The page's words, made of `schemas/words.py`: `python -m services.board.lexicon` writes them.

A test fails when they are stale.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas import words
from schemas.declaration import Text

FILE = Path(__file__).parent / "static" / "lexicon.js"

SAID: Mapping[str, Mapping[Any, Text]] = {
    "STATUS": words.STATUS,
    "THEMES": words.THEMES,
    "REPORT": dict(words.REPORT) | {"not_reported": words.NOT_REPORTED},
    "STREAMS": words.STREAMS,
    "SECTOR": words.SECTOR,
    "DIMENSIONS": words.DIMENSIONS,
    "REFUSED": words.REFUSED,
    "SEVERITY": words.SEVERITY,
    "ALERT_STATE": words.ALERT_STATE,
}


def module() -> str:
    """Return the module: an object of pairs by each name."""
    parts = ["// The words for what data only names. Made of schemas/words.py by `make generate`.\n"]
    for name, said in SAID.items():
        keys = ((key if key.isidentifier() else json.dumps(key), text) for key, text in said.items())
        lines = [f"  {key}: {_pair(text)},\n" for key, text in keys]
        parts.append(f"\nexport const {name} = {{\n{''.join(lines)}}};\n")
    return "".join(parts)


def _pair(text: Text) -> str:
    zh, en = (json.dumps(one, ensure_ascii=False) for one in (text.zh, text.en))
    return f"{{ zh: {zh}, en: {en} }}"


if __name__ == "__main__":
    FILE.write_text(module(), encoding="utf-8")
