"""One language of a text that has both: every message is written `中文 · English`."""

import re
from typing import Literal

Language = Literal["zh", "en"]

_LANGUAGES: dict[str, Language] = {"zh": "zh", "en": "en"}
_BESIDE = " · "
_QUALITY = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)")


def asked_for(accept_language: str) -> Language | None:
    """Return the language that an Accept-Language header likes best; None (both) if it names neither."""
    best: Language | None = None
    highest = 0.0
    for part in accept_language.split(","):
        tag, _, rest = part.partition(";")
        quality = float(found[1]) if (found := _QUALITY.search(rest)) else 1.0
        primary = tag.strip().lower().partition("-")[0]
        if quality > highest and primary in _LANGUAGES:
            best, highest = _LANGUAGES[primary], quality
    return best


def said_in(language: Language | None, text: str) -> str:
    """Return a text in one language, or as it is if both are wanted or it has but one.

    A text of several faults is `field：中文 · English；field：中文 · English`.
    """
    if language is None or _BESIDE not in text:
        return text
    parts = text.split("；")
    if len(parts) == 1 or not all(_BESIDE in part for part in parts):
        return _half(text, language)
    if language == "zh":
        return "；".join(_half(part, "zh") for part in parts)
    named = [part.partition("：") for part in parts]
    return "; ".join(f"{name}: {_half(rest, 'en')}" if rest else _half(name, "en") for name, _, rest in named)


def _half(text: str, language: Language) -> str:
    chinese, _, english = text.rpartition(_BESIDE)  # what a sender wrote is quoted in the Chinese half
    return chinese if language == "zh" else english
