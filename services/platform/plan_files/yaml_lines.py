"""YAML together with the lines its entries stand on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

Step = str | int
# The C reader is six times as fast; where PyYAML was built without it the other gives the same.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # chosen at run time
    """Leaves days as text: PyYAML stops at 2025-02-30, while a contract names the field that is wrong."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Document:
    """A YAML file: its content as plain Python, and its nodes, which know their lines."""

    content: Any
    root: yaml.Node | None

    def place(self, steps: Sequence[Step]) -> tuple[tuple[Step, ...], int]:
        """Follow steps (keys, and places in lists) and return those that exist and the line they lead to.

        Steps that name nothing in the file are passed over: a contract's errors also name the variants it
        tried, and a part that stands alone as the first of a list.
        """
        node, line, found = self.root, 1, []
        if node is not None:
            line = node.start_mark.line + 1
        for step in steps:
            below = _below(node, step)
            if below:
                node, line = below
                found.append(step)
        return tuple(found), line

    def repeated_keys(self) -> Iterator[tuple[str, int]]:
        """Yield each key that stands twice in one mapping, and its line: YAML silently keeps the last."""
        waiting, seen = [self.root], set[int]()
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                keys = set[str]()
                for key, value in node.value:
                    if str(key.value) in keys:
                        yield str(key.value), key.start_mark.line + 1
                    keys.add(str(key.value))
                    waiting.append(value)
            elif isinstance(node, yaml.SequenceNode):
                waiting.extend(node.value)


def read(text: str) -> Document:
    """Read one YAML document; raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return Document(None if root is None else loader.construct_document(root), root)
    finally:
        loader.dispose()


def _below(node: yaml.Node | None, step: Step) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None
