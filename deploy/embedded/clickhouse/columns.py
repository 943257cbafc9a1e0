"""Where one block in ClickHouse's Native format ends, and what its columns are called.

A block carries no length: columns, rows, and then per column its name, its type and its values, one
after another. To cut a block out of a stream every column has to be walked over by its type. Types
whose values cannot be delimited that way (AggregateFunction, Variant, Dynamic, JSON) raise EngineError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from deploy.embedded.clickhouse.errors import NOT_IMPLEMENTED, EngineError
from deploy.embedded.clickhouse.wire import Reader, string, varint

_WIDTHS = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Decimal64", "Time64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("Int256", "UInt256", "Decimal256"), 32),
}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
_INDEX_WIDTHS = (1, 2, 4, 8)
_SPLIT = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|[(),]", re.DOTALL)
_NAMED = re.compile(r"(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.|``)*`)\s+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Kind:
    """A parsed type: `shape` says how its values lie, `inner` what they consist of."""

    shape: str
    width: int = 0
    inner: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a block; the bytes of its type begin at `at` and its values at `values`."""

    name: str
    type: str
    at: int
    values: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its rows, its columns, and all its bytes in Native format."""

    rows: int
    columns: tuple[Column, ...]
    data: bytes

    @property
    def header(self) -> bytes:
        """The same columns with no rows."""
        return header([(column.name, column.type) for column in self.columns])

    def retyped(self, types: Mapping[int, str]) -> Block:
        """The same values, the columns at these positions called by another type of the same layout."""
        out, done = bytearray(), 0
        columns = list(self.columns)
        for index, name in sorted(types.items()):
            column = columns[index]
            out += self.data[done : column.at] + string(name)
            done = column.values
        out += self.data[done:]
        return read_block(Reader(start=bytes(out))) if types else self


def header(columns: list[tuple[str, str]]) -> bytes:
    """A block of these (name, type) columns and no rows."""
    return varint(len(columns)) + b"\0" + b"".join(string(name) + string(kind) for name, kind in columns)


def read_block(reader: Reader) -> Block:
    """Take one block from `reader`, waiting for its bytes; EOFError when they end inside it."""
    start = reader.position
    count, rows = reader.varint(), reader.varint()
    columns = []
    for _ in range(count):
        name, at = reader.string(), reader.position - start
        type_name = reader.string()
        columns.append(Column(name, type_name, at, reader.position - start))
        if rows:
            kind = parse_type(type_name)
            _skip_prefix(reader, kind)
            _skip_values(reader, kind, rows)
    return Block(rows, tuple(columns), bytes(reader.buffer[start : reader.position]))


def read_blocks(data: bytes) -> Iterator[Block]:
    """The blocks that lie one behind another in `data`."""
    reader = Reader(start=data)
    while not reader.exhausted():
        yield read_block(reader)


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Kind:  # noqa: PLR0911 - one line per family of types
    """How values of the type named `text` lie in a block; EngineError when that is not delimitable."""
    name, parameters = _split(text.strip())
    if name in _ALIASES:
        return parse_type(_ALIASES[name])
    if name in _WIDTHS:
        return Kind("fixed", _WIDTHS[name])
    if name.startswith("Interval"):
        return Kind("fixed", 8)
    match name:
        case "String":
            return Kind("string")
        case "FixedString":
            return Kind("fixed", int(parameters[0]))
        case "Decimal":
            digits = int(parameters[0])
            return Kind("fixed", 4 if digits <= 9 else 8 if digits <= 18 else 16 if digits <= 38 else 32)
        case "Nullable":
            return Kind("nullable", inner=(parse_type(parameters[0]),))
        case "LowCardinality":
            inner = parse_type(parameters[0])
            # The dictionary keeps plain values; its first entry stands for NULL.
            return Kind("dictionary", inner=inner.inner if inner.shape == "nullable" else (inner,))
        case "Array":
            return Kind("array", inner=(parse_type(parameters[0]),))
        case "Tuple":
            return Kind("tuple", inner=tuple(map(_element, parameters)))
        case "Map" | "Nested":
            return Kind("array", inner=(Kind("tuple", inner=tuple(map(_element, parameters))),))
        case "SimpleAggregateFunction":
            return parse_type(parameters[1])
    raise EngineError(
        NOT_IMPLEMENTED,
        f"The embedded ClickHouse cannot find the end of a column of type {text} on the native protocol; "
        "cast it to String, or use HTTP with a text format",
    )


def _element(text: str) -> Kind:
    named = _NAMED.match(text)
    return parse_type(text[named.end() :] if named else text)


def _split(text: str) -> tuple[str, list[str]]:
    """`Name(a, b(c, d))` as its name and its outermost parameters."""
    name, bracket, rest = text.partition("(")
    if not bracket:
        return name, []
    parts, depth, start = [], 0, 0
    for found in _SPLIT.finditer(rest):
        mark = found[0]
        if mark == "(":
            depth += 1
        elif mark in {",", ")"} and depth == 0:
            parts.append(rest[start : found.start()].strip())
            start = found.end()
        elif mark == ")":
            depth -= 1
    return name, parts


def _skip_prefix(reader: Reader, kind: Kind) -> None:
    """Versions of dictionaries come before the values of the whole column."""
    if kind.shape == "dictionary":
        reader.skip(8)
    for inner in kind.inner:
        _skip_prefix(reader, inner)


def _skip_values(reader: Reader, kind: Kind, rows: int) -> None:
    if not rows:
        return
    match kind.shape:
        case "fixed":
            reader.skip(rows * kind.width)
        case "string":
            _skip_strings(reader, rows)
        case "nullable":
            reader.skip(rows)
            _skip_values(reader, kind.inner[0], rows)
        case "array":
            reader.skip((rows - 1) * 8)
            _skip_values(reader, kind.inner[0], reader.uint64())
        case "tuple":
            if not kind.inner:
                reader.skip(rows)
            for inner in kind.inner:
                _skip_values(reader, inner, rows)
        case "dictionary":
            width = _INDEX_WIDTHS[reader.uint64() & 3]
            _skip_values(reader, kind.inner[0], reader.uint64())
            reader.skip(8)
            reader.skip(rows * width)


def _skip_strings(reader: Reader, rows: int) -> None:
    # The only loop over single values: it works on local names, and asks for bytes only at the edge.
    buffer, position, end = reader.buffer, reader.position, len(reader.buffer)
    for _ in range(rows):
        if position + 10 < end and buffer[position] < 0x80:
            position += 1 + buffer[position]
        else:
            reader.position = position
            reader.need(0)
            length = reader.varint()
            position = reader.position + length
            end = len(buffer)
        if position > end:
            reader.position = end
            reader.need(position - end)
            end = len(buffer)
    reader.position = position
