"""The log tables have the columns that the contracts ask for, and old rows keep their meaning."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from schemas.streams import STREAMS
from services.platform.clickhouse import ClickHouse
from services.platform.migrations import FOLDER, migrate
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse as Server

COMMON = {
    "identity", "source", "id", "subject", "time", "received_at", "receipt", "fingerprint",
    "topic_id", "partition", "offset",
}  # fmt: skip
MOMENT = datetime(2024, 5, 1, 1, 30, tzinfo=UTC)


@pytest.fixture
def settings(clickhouse: Server, database: str) -> Common:
    return Common(
        clickhouse_host=clickhouse.host, clickhouse_port=clickhouse.port, clickhouse_database=database
    )


@pytest.fixture
def pool(settings: Common) -> Iterator[ClickHouse]:
    pool = ClickHouse(settings)
    yield pool
    pool.close()


def test_every_field_has_a_column_and_every_column_a_field(settings: Common, pool: ClickHouse) -> None:
    migrate(settings)
    for stream in STREAMS.values():
        rows = pool.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = %(table)s",
            {"table": stream.log_table},
        )
        assert {name for (name,) in rows} == COMMON | {*stream.columns} | stream.derived.keys(), stream.name


def test_every_log_feeds_the_identities_and_the_feeds(settings: Common, pool: ClickHouse) -> None:
    migrate(settings)
    views = pool.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'"
    )
    wanted = {
        f"{stream.name.replace('-', '_')}_{what}"
        for stream in STREAMS.values()
        for what in ("identity", "feed")
    }
    assert wanted <= {name for (name,) in views}


def test_what_was_counted_before_is_carried_over(settings: Common, pool: ClickHouse, tmp_path: Path) -> None:
    files = sorted(FOLDER.glob("*.sql"))
    for file in files[:4]:
        shutil.copy(file, tmp_path)
    migrate(settings, folder=tmp_path)
    steps = [("issued", None), ("redeemed", Decimal("168.80")), ("redeemed", Decimal("30.00"))]
    pool.insert("consumption_voucher_log", _old_rows(steps))

    shutil.copy(files[4], tmp_path)
    migrate(settings, folder=tmp_path)
    assert pool.query("SELECT order_amount, redeemed_value FROM consumption_voucher_log ORDER BY id") == [
        (None, None),
        (Decimal("168.80"), Decimal("50.00")),
        (Decimal("30.00"), Decimal("30.00")),
    ]
    pool.insert(
        "consumption_voucher_log",
        _old_rows([("redeemed", Decimal("99.00"))]) | {"redeemed_value": [Decimal("20.00")]},
    )
    assert pool.query(
        "SELECT step, sum(records), sum(face_value), sum(order_amount), sum(redeemed_value)"
        " FROM voucher_hourly GROUP BY step ORDER BY step"
    ) == [
        ("issued", 1, Decimal("50.00"), Decimal("0.00"), Decimal("0.00")),
        ("redeemed", 3, Decimal("150.00"), Decimal("297.80"), Decimal("100.00")),
    ]


def _old_rows(steps: list[tuple[str, Decimal | None]]) -> dict[str, list[object]]:
    """Rows of the voucher log with the columns it had at first."""
    number = len(steps)
    return {
        "identity": [uuid4() for _ in steps],
        "source": ["commerce"] * number,
        "id": [f"id-{at}" for at in range(number)],
        "subject": ["EXAMPLE-1"] * number,
        "time": [MOMENT] * number,
        "received_at": [MOMENT] * number,
        "receipt": ["r"] * number,
        "fingerprint": [uuid4() for _ in steps],
        "topic_id": [uuid4()] * number,
        "partition": [0] * number,
        "offset": list(range(number)),
        "campaign": ["qihua"] * number,
        "step": [step for step, _order in steps],
        "face_value": [Decimal(50)] * number,
        "order_amount": [order for _step, order in steps],
        "merchant_id": [None] * number,
        "sector": ["retail"] * number,
        "division": ["532622101"] * number,
    }
