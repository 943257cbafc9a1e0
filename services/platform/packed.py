"""Many rows sent to ClickHouse as one row, whose texts the server takes apart again.

clickhouse-driver writes value by value: 0.07 µs a text, 0.3 to 1 µs a UUID, a moment or a decimal. A packed
column costs what it costs to copy its bytes: numbers lie as ClickHouse keeps them, texts one after another.
To take the one row apart costs the server some 10 ms, however little is in it: a FEW rows go value by value.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.platform.clickhouse import ClickHouse, Given

Numbers = NDArray[Any]

_LAYOUTS = {
    **dict.fromkeys(("UInt8", "Bool"), "<u1"),
    **dict.fromkeys(("UInt16", "Date"), "<u2"),
    "UInt32": "<u4",
    **dict.fromkeys(("UInt64", "UUID"), "<u8"),
    **dict.fromkeys(("Int64", "DateTime64(6, 'UTC')"), "<i8"),
}
FEW = 500
"""Up to so many rows it is cheaper, for both sides together, to send them value by value."""

_EPOCH = date(1970, 1, 1).toordinal()
_DECIMAL = re.compile(r"Decimal\((1[0-8]), (\d+)\)")
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")


@dataclass(frozen=True)
class Column:
    """The values of one column.

    Texts, None among them, are a list. All else is an array: whole numbers, days and microseconds since 1970,
    decimals as whole numbers of their last of `places`, UUIDs as rows of two halves; `null` says which of
    them mean nothing.
    """

    values: Sequence[str | None] | Numbers
    null: NDArray[np.bool_] | None = None
    places: int = 0

    @property
    def texts(self) -> Sequence[Any]:
        """The values, where they are texts."""
        assert not isinstance(self.values, np.ndarray)
        return self.values

    @property
    def numbers(self) -> Numbers:
        """The values, where they are none."""
        assert isinstance(self.values, np.ndarray)
        return self.values

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return some rows, in the order asked for."""
        null = None if self.null is None else self.null[rows]
        if isinstance(self.values, np.ndarray):
            return type(self)(self.values[rows], null, self.places)
        return type(self)([self.values[row] for row in rows.tolist()], null)

    def items(self, type: str) -> list[Any]:
        """Return value by value what clickhouse-driver takes for this type; TypeError if it does not fit."""
        if not isinstance(self.values, np.ndarray):
            return list(self.values)
        bare, _layout = _laid_out(self, type)
        items: list[Any] = self.values.tolist()
        if bare == "UUID":
            items = [UUID(int=upper << 64 | lower) for upper, lower in items]
        elif bare == "Date":
            items = [date.fromordinal(_EPOCH + days) for days in items]
        elif self.places:
            items = [Decimal(value).scaleb(-self.places) for value in items]
        if self.null is not None:
            items = [None if null else item for item, null in zip(items, self.null.tolist(), strict=True)]
        return items


class Packed:
    """Columns of equal length, ready for a statement that reads them `FROM` what `source` says.

    At least one of them must be an array, of at least one row. `given` goes along with the statement, which
    names a column by its own name.
    """

    def __init__(self, columns: Mapping[str, Column], types: Mapping[str, str]) -> None:
        """`types`: ClickHouse's name of each column's type. Raises TypeError where they do not fit."""
        self._sent: dict[str, list[bytes]] = {}
        self._joined: list[str] = []
        self._aliases: list[str] = []
        for name, column in columns.items():
            self._add(name, column, types[name])

    @property
    def given(self) -> Given:
        """The one row; see `ClickHouse.query`."""
        return {"packed": {f"{name} String": value for name, value in self._sent.items()}}

    @property
    def source(self) -> str:
        """A table expression in SQL."""
        return f"(SELECT {', '.join(self._aliases)} FROM packed ARRAY JOIN {', '.join(self._joined)})"

    def _add(self, name: str, column: Column, type: str) -> None:
        values = column.values
        if isinstance(values, np.ndarray):
            self._add_numbers(name, column, values, type)
        elif values.count(values[0]) == len(values):
            self._add_one(name, values[0])
        else:
            self._add_texts(name, values)

    def _add_one(self, name: str, value: str | None) -> None:
        self._aliases.append(f"NULL AS {name}" if value is None else f"one_{name} AS {name}")
        if value is not None:
            self._sent[f"one_{name}"] = [value.encode()]

    def _add_texts(self, name: str, values: Sequence[str | None]) -> None:
        null = None
        if None in values:
            null = np.array([value is None for value in values], np.bool_)
            values = ["" if value is None else value for value in values]
        text, array = "\0".join(values), f"splitByChar('\\0', all_{name})"  # type: ignore[arg-type]  # no None is left
        if text.count("\0") != len(values) - 1:
            text = "\0".join(value.encode().hex() for value in values if value is not None)
            array = f"arrayMap(text -> unhex(text), {array})"
        self._join(name, text.encode(), array, null)

    def _add_numbers(self, name: str, column: Column, values: Numbers, type: str) -> None:
        null = column.null
        if null is not None and null.all():
            self._add_one(name, None)
            return
        try:
            type, layout = _laid_out(column, type)
        except TypeError as error:
            raise TypeError(f"column {name}: {error}") from None
        quoted = type.replace("'", "\\'")
        array = f"reinterpret(all_{name}, 'Array({quoted})')"
        self._join(name, np.ascontiguousarray(values, layout).tobytes(), array, null)

    def _join(self, name: str, data: bytes, array: str, null: NDArray[np.bool_] | None) -> None:
        self._sent[f"all_{name}"] = [data]
        self._joined.append(f"{array} AS each_{name}")
        if null is None or not null.any():
            self._aliases.append(f"each_{name} AS {name}")
            return
        self._sent[f"null_{name}"] = [null.tobytes()]
        self._joined.append(f"reinterpret(null_{name}, 'Array(Bool)') AS none_{name}")
        self._aliases.append(f"if(none_{name}, NULL, each_{name}) AS {name}")


def _laid_out(column: Column, type: str) -> tuple[str, str]:
    """Return a type without what wraps it, and how ClickHouse keeps its numbers."""
    while wrapped := _WRAPPED.fullmatch(type):
        type = wrapped[1]
    places, layout = 0, _LAYOUTS.get(type)
    if decimal := _DECIMAL.fullmatch(type):
        places, layout = int(decimal[2]), "<i8"
    if layout is None or places != column.places:
        raise TypeError(f"values with {column.places} decimals do not fit {type}")
    return type, layout


def insert_packed(
    clickhouse: ClickHouse,
    table: str,
    columns: Mapping[str, Column],
    *,
    constants: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Insert rows, one at least, as one block. `constants`: columns that are the same in every row."""
    types = clickhouse.types(table)
    rows = len(next(iter(columns.values())).values)
    if rows <= FEW:
        items = {name: column.items(types[name]) for name, column in columns.items()}
        same = {name: [value] * rows for name, value in constants.items()}
        clickhouse.insert(table, items | same, settings=settings)
        return
    packed = Packed(columns, types)
    values = ", ".join([*columns, *(f"%({name})s AS {name}" for name in constants)])
    clickhouse.insert_select(
        table,
        [*columns, *constants],
        f"SELECT {values} FROM {packed.source}",
        constants,
        given=packed.given,
        settings=settings,
    )
