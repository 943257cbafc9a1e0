"""Reads a plan's YAML files into entries: what stands there, what was meant, and on which lines."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.platform.plan_files.mistakes import Mistakes
from services.platform.plan_files.words import describe
from services.platform.plan_files.yaml_lines import Document, Step, read

M = TypeVar("M", bound=BaseModel)


class Entry(Generic[M]):
    """One entry of a file.

    `raw` is what stands there, so that an entry with a mistake can still be checked for others; `model` is
    the declaration it makes once unknown fields are left out, or None.
    """

    def __init__(
        self,
        file: str,
        document: Document,
        at: int | None,
        model: type[M],
        mistakes: Mistakes,
    ) -> None:
        raw = document.content[at] if at is not None else document.content
        self.file = file
        self.raw: dict[str, Any] = raw if isinstance(raw, dict) else {}
        self._document = document
        self._at: tuple[int, ...] = () if at is None else (at,)
        self._mistakes = mistakes
        self._told: list[tuple[Step, ...]] = []
        self._later: list[tuple[tuple[Step, ...], str]] = []
        self.model: M | None = None
        self._validate(raw, model)

    @property
    def name(self) -> str:
        """What people call it: its id or number, or its place in the file."""
        if "id" in self.raw:
            return str(self.raw["id"])
        if "agency" in self.raw:
            return f"{self.raw['agency']}/{self.raw.get('stream', '')}"
        if "number" in self.raw:
            return f"任务{self.raw['number']}"
        return f"第{self._at[0] + 1}条" if self._at else ""

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self._document.place(self._at)[1]

    def tell(self, steps: Sequence[Step], text: str) -> None:
        """Note a mistake at a place in the entry."""
        self._told.append(self._found(steps))
        self._note(steps, text)

    def tell_the_rest(self) -> None:
        """Note what the contract refuses as a whole, where no check has said more exactly what is wrong."""
        for steps, text in self._later:
            if not any(told[: len(steps)] == steps for told in self._told):
                self._note(steps, text)

    def _note(self, steps: Sequence[Step], text: str) -> None:
        line = self._document.place((*self._at, *steps))[1]
        told = [part for part in (self.name, _path(self._found(steps))) if part]
        self._mistakes.add(self.file, line, ": ".join([*told, text]))

    def _found(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        return self._document.place((*self._at, *steps))[0][len(self._at) :]

    def _validate(self, raw: Any, model: type[M]) -> None:
        self.model, errors = _attempt(raw, model)
        if any(error["type"] == "extra_forbidden" for error in errors):
            self.model, more = _attempt(_without(raw, errors), model)
            errors = errors + more
        for error in errors:
            steps, text = error["loc"], describe(error, model)
            if "where" in steps:
                # A condition is tried as each thing it could be; the checks of parts say which it is not.
                end = steps.index("where") + 1
                self._later.append((self._found(steps[:end]), "看不懂这个条件 · not a condition"))
            elif error["type"] == "value_error":
                self._later.append((self._found(steps), text))
            else:
                self._note(steps, text)


def read_entry(path: Path, model: type[M], mistakes: Mistakes) -> Entry[M] | None:
    """Read a file that is one entry; notes what is wrong with it."""
    document = _read(path, mistakes)
    return Entry(path.name, document, None, model, mistakes) if document else None


def read_entries(
    path: Path, model_for: Callable[[Any], type[M]], mistakes: Mistakes
) -> list[Entry[M]] | None:
    """Read a file that is a list of entries and note what is wrong with them; None if it cannot be read.

    `model_for` tells the contract of an entry by what stands there.
    """
    document = _read(path, mistakes)
    if document is None:
        return None
    content = [] if document.content is None else document.content
    if not isinstance(content, list):
        mistakes.add(path.name, 1, "应为列表，每条以“- ”开头 · must be a list: each entry begins with `- `")
        return None
    return [Entry(path.name, document, place, model_for(raw), mistakes) for place, raw in enumerate(content)]


def _read(path: Path, mistakes: Mistakes) -> Document | None:
    try:
        document = read(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        mistakes.add(path.name, 0, f"无法读取 · cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        mistakes.add(path.name, 0, "不是 UTF-8，请另存为 UTF-8 · is not UTF-8; save it as UTF-8")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error)
        mistakes.add(
            path.name,
            mark.line + 1 if mark else 0,
            f"不是正确的 YAML，请检查缩进、引号、冒号后的空格 · not YAML (look at indents, quotes, "
            f"spaces after colons): {told}",
        )
    else:
        for key, line in document.repeated_keys():
            mistakes.add(path.name, line, f"{key} 写了两次 · {key} stands twice here")
        return document
    return None


def _attempt(raw: Any, model: type[M]) -> tuple[M | None, list[ErrorDetails]]:
    try:
        return model.model_validate(raw), []
    except ValidationError as refused:
        return None, refused.errors()


def _without(raw: Any, errors: Iterable[ErrorDetails]) -> Any:
    """Return the content without its unknown fields."""
    content = deepcopy(raw)
    for error in errors:
        if error["type"] != "extra_forbidden":
            continue
        inner: Any = content
        for step in error["loc"][:-1]:
            # A step that is not in the content names a variant that the contract tried.
            with suppress(LookupError, TypeError):
                inner = inner[step]
        if isinstance(inner, dict):
            inner.pop(error["loc"][-1], None)
    return content


def _path(steps: Sequence[Step]) -> str:
    return "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
