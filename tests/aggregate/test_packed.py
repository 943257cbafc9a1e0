"""Packed columns come out of ClickHouse as they went in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.aggregate.columns import uuid_column
from services.platform.clickhouse import ClickHouse
from services.platform.packed import Column, Packed

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.uuids(),
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
        st.one_of(st.none(), st.integers(0, 10**16 - 1)),
        st.integers(0, 2**52),
        st.one_of(st.none(), st.integers(0, 65535)),
    ),
    min_size=1,
    max_size=20,
)
TYPES = {
    "name": "UUID",
    "text": "LowCardinality(Nullable(String))",
    "amount": "Nullable(Decimal(18, 2))",
    "time": "DateTime64(6, 'UTC')",
    "number": "Nullable(UInt16)",
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(ROWS)
def test_what_is_packed_comes_out_again(
    pool: ClickHouse, rows: list[tuple[UUID, str | None, int | None, int, int | None]]
) -> None:
    names, texts, amounts, times, numbers = zip(*rows, strict=True)
    columns = {
        "name": uuid_column(b"".join(name.bytes for name in names)),
        "text": Column(list(texts)),
        "amount": column(amounts, 2),
        "time": column(times),
        "number": column(numbers),
    }
    packed = Packed(columns, TYPES)
    found = pool.query(f"SELECT name, text, amount, time, number FROM {packed.source}", given=packed.given)
    items = {f"{name} {TYPES[name]}": column.items(TYPES[name]) for name, column in columns.items()}
    one_by_one = pool.query("SELECT name, text, amount, time, number FROM items", given={"items": items})
    assert one_by_one == found
    assert found == [
        (
            name,
            text,
            None if amount is None else Decimal(amount) / 100,
            BEGIN + timedelta(microseconds=time),
            number,
        )
        for name, text, amount, time, number in rows
    ]


def column(values: tuple[int | None, ...], places: int = 0) -> Column:
    null = np.array([value is None for value in values])
    return Column(np.array([value or 0 for value in values]), null if null.any() else None, places)


def test_decimals_of_another_scale_are_not_taken() -> None:
    with pytest.raises(TypeError, match="amount"):
        Packed({"amount": Column(np.array([2000]), places=2)}, {"amount": "Decimal(18, 4)"})
    with pytest.raises(TypeError, match="2 decimals"):
        Column(np.array([2000]), places=2).items("Decimal(18, 4)")
