"""Tables across counties, read from two servers that are two shards."""

import re
from datetime import date
from decimal import Decimal

import pytest

from services.platform.clickhouse import ClickHouse as Pool
from services.platform.errors import MigrationError
from services.platform.migrations import migrate
from services.platform.overview import make, statements, tables
from services.platform.settings import Common
from tests.platform.conftest import PROVINCE
from tests.support.clickhouse import ClickHouse

COUNTIES = ("county_1", "county_2", "county_3")


def _settings(server: ClickHouse, database: str) -> Common:
    return Common(clickhouse_port=server.port, clickhouse_database=database)


def test_an_overview_reads_every_county_of_every_shard_as_it_stands(
    pair: tuple[ClickHouse, ClickHouse],
) -> None:
    places = dict(zip(COUNTIES, (pair[0], pair[1], pair[1]), strict=True))
    for number, (county, server) in enumerate(places.items(), 1):
        migrate(_settings(server, county))
        with server.client(county) as client:
            for version in (1, 2):  # two parts: what is replaced is not merged yet
                client.execute(
                    "INSERT INTO indicator_live (indicator, division, numerator, as_of, version) VALUES",
                    [("beds", "5326", Decimal(10 * number + version), date(2025, 1, 1), version)],
                )
                client.execute(
                    "INSERT INTO voucher_hourly (campaign, records, face_value) VALUES",
                    [("qihua", 1, Decimal(number * version))],
                )
    for server in set(places.values()):
        pool = Pool(_settings(server, next(name for name, at in places.items() if at is server)))
        for statement in statements(PROVINCE, "^county_[0-9]$", "overview", tables(pool)):
            # The embedded server has no ON CLUSTER: each is told by itself.
            assert statement.count(f" ON CLUSTER '{PROVINCE}'") == 1
            pool.query(statement.replace(f" ON CLUSTER '{PROVINCE}'", ""))
        pool.close()
    for server in pair:
        with server.client("overview") as client:
            live = client.execute("SELECT county, indicator, numerator, version FROM indicator_live")
            assert sorted(live) == [
                (name, "beds", Decimal(10 * number + 2), 2) for number, name in enumerate(COUNTIES, 1)
            ]
            sums = client.execute("SELECT county, campaign, records, face_value FROM voucher_hourly")
            assert sorted(sums) == [
                (name, "qihua", 2, Decimal(3 * number)) for number, name in enumerate(COUNTIES, 1)
            ]
            assert client.execute("SELECT county, subject FROM facility_log") == []


def test_what_the_servers_refuse_is_told(pair: tuple[ClickHouse, ClickHouse]) -> None:
    with pair[0].client() as client:
        client.execute("CREATE DATABASE bare")
    with pytest.raises(MigrationError, match=re.escape("`minmai migrate` first")):
        make(_settings(pair[0], "bare"), PROVINCE, "^county_", "overview")
    with pair[0].client("bare") as client:
        client.execute("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(MigrationError, match="overview on cluster province"):
        make(_settings(pair[0], "bare"), PROVINCE, "^county_", "overview")
