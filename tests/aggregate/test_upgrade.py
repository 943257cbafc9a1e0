"""A database of the version before keeps what it has: every figure is there again after the upgrade."""

import shutil
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

from services.aggregate.keeper import Keeper
from services.platform.clickhouse import ClickHouse
from services.platform.migrations import FOLDER, migrate
from services.platform.plan import Plan
from services.platform.settings import Common
from tests.aggregate.conftest import PLAN
from tests.support.clickhouse import ClickHouse as Server

BEFORE = ("0001", "0002", "0003", "0004")
NOON = datetime(2024, 5, 1, 4)  # noqa: DTZ001 - as ClickHouse's UTC columns take it


def test_vouchers_counted_before_the_upgrade_count_after_it(
    clickhouse: Server, database: str, plan: Plan, tmp_path: Path
) -> None:
    settings = Common(clickhouse_port=clickhouse.port, clickhouse_database=database, plan=PLAN)
    for file in FOLDER.glob("*.sql"):
        if file.name.startswith(BEFORE):
            shutil.copy(file, tmp_path)
    migrate(settings, folder=tmp_path)
    pool = ClickHouse(settings)
    steps = ["issued", "redeemed", "redeemed"]
    orders = [None, 50, 8]
    pool.insert(
        "consumption_voucher_log",
        {
            "identity": [uuid4() for _ in steps],
            "source": ["commerce-bureau"] * 3,
            "id": ["a", "b", "c"],
            "subject": ["V1", "V1", "V2"],
            "time": [NOON] * 3,
            "received_at": [NOON] * 3,
            "fingerprint": [uuid4() for _ in steps],
            "campaign": ["qihua"] * 3,
            "step": steps,
            "face_value": [20, 20, 20],
            "order_amount": orders,
            "sector": ["retail"] * 3,
            "division": ["532622101"] * 3,
        },
    )
    pool.query(
        "INSERT INTO indicator_live (indicator, division, numerator, status, as_of, version, updated_at)"
        " VALUES ('voucher_issued_value', '532622', 7, 'below', '2024-05-01', 400000000000000, now())"
    )
    report = migrate(settings)
    assert report.before == [1, 2, 3, 4]
    keeper = Keeper(pool, plan, "after")
    keeper.begin()
    keeper.refresh(date(2024, 5, 1))
    rows = pool.query(
        "SELECT indicator, toString(numerator), version > 400000000000000 FROM indicator_live FINAL"
        " WHERE division = '532622'"
        " AND indicator IN ('voucher_issued_value', 'voucher_redeemed_value', 'voucher_redeemed_count')"
        " ORDER BY indicator"
    )
    assert rows == [
        ("voucher_issued_value", "20", 1),
        ("voucher_redeemed_count", "2", 1),
        ("voucher_redeemed_value", "28", 1),  # of an order of 8 no more than 8 was redeemed
    ]
    pool.close()
