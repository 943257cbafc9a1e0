"""An insert that a crash cut short is made good by its repetition."""

from pathlib import Path
from shutil import rmtree

import pytest

from tests.support.clickhouse import ClickHouse

_INSERT = "INSERT INTO log SETTINGS insert_deduplication_token = '{}',"
_VIEWS_TOO = " deduplicate_blocks_in_dependent_materialized_views = 1 SELECT {} AS number"


def insert(server: ClickHouse, token: str, number: int) -> None:
    with server.client() as client:
        client.execute(_INSERT.format(token) + _VIEWS_TOO.format(number))


def rows(server: ClickHouse, table: str) -> list[int]:
    with server.client() as client:
        return [number for (number,) in client.execute(f"SELECT number FROM {table} ORDER BY number")]


@pytest.mark.parametrize("lost", ["log", "seen"])
def test_a_token_whose_rows_are_lost_is_forgotten(tmp_path: Path, lost: str) -> None:
    """The engine notes the token before the rows are in their place: here it is killed in between."""
    server = ClickHouse(tmp_path)
    server.start()
    try:
        with server.client() as client:
            for name in ("log", "seen"):
                client.execute(
                    f"CREATE TABLE {name} (number UInt64) ENGINE = MergeTree ORDER BY number"
                    " SETTINGS non_replicated_deduplication_window = 100"
                )
            client.execute("CREATE MATERIALIZED VIEW view TO seen AS SELECT number FROM log")
        for number in (1, 2, 3):
            insert(server, f"token {number}", number)
        with server.client() as client:
            client.execute("OPTIMIZE TABLE seen FINAL")  # what has been merged is not lost
        insert(server, "token 4", 4)
        with server.client() as client:
            [(part,)] = client.execute(
                f"SELECT path FROM system.parts WHERE table = '{lost}' AND active"
                " ORDER BY max_block_number DESC LIMIT 1"
            )
        server.kill()
        rmtree(part)
        server.start()
        assert rows(server, lost) == [1, 2, 3]
        for _ in range(2):
            for number in (1, 2, 3, 4):
                insert(server, f"token {number}", number)
            assert rows(server, "log") == rows(server, "seen") == [1, 2, 3, 4]
    finally:
        server.kill()
