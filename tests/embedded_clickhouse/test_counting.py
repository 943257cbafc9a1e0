"""What the aggregator's "each record counted once" stands on: insert tokens, and views behind the table."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from tests.support.clickhouse import ClickHouse
from tests.support.waiting import eventually

AMOUNT = Decimal("12.34")
ROWS = 50

Totals = tuple[int, Decimal, int, Decimal]


def prepare(client: Client, database: str) -> None:
    client.execute(f"CREATE DATABASE IF NOT EXISTS {database}")
    client.execute(f"USE {database}")
    client.execute(
        "CREATE TABLE log (id UInt64, campaign LowCardinality(String), amount Decimal(18, 2)) "
        "ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000"
    )
    client.execute(
        "CREATE TABLE sums (campaign LowCardinality(String), records UInt64, amount Decimal(18, 2)) "
        "ENGINE = SummingMergeTree ORDER BY campaign SETTINGS non_replicated_deduplication_window = 1000"
    )
    client.execute(
        "CREATE MATERIALIZED VIEW log_to_sums TO sums AS "
        "SELECT campaign, count() AS records, sum(amount) AS amount FROM log GROUP BY campaign"
    )


def put(client: Client, token: str, first: int = 0) -> None:
    ids = list(range(first, first + ROWS))
    campaigns = ["spring" if number % 2 else "autumn" for number in ids]
    client.execute(
        "INSERT INTO log (id, campaign, amount) VALUES",
        [ids, campaigns, [AMOUNT] * ROWS],
        columnar=True,
        settings={
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
        },
    )


def totals(client: Client) -> Totals:
    (records, amount) = client.execute("SELECT count(), sum(amount) FROM log")[0]
    (summed, summed_amount) = client.execute("SELECT sum(records), sum(amount) FROM sums")[0]
    return records, amount, summed, summed_amount


def blocks(number: int) -> Totals:
    return number * ROWS, number * ROWS * AMOUNT, number * ROWS, number * ROWS * AMOUNT


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Iterator[Client]:
    with clickhouse.client(database) as own:
        prepare(own, database)
        yield own


def test_a_retried_block_counts_once_in_table_and_view(client: Client) -> None:
    for _ in range(3):
        put(client, "minmai.consumption-voucher.v1/0/0-49")
    assert totals(client) == blocks(1)


def test_other_tokens_count_even_when_their_rows_are_the_same(client: Client) -> None:
    put(client, "a")
    put(client, "b", first=ROWS)  # other records, the same rows in the view
    assert totals(client) == blocks(2)
    put(client, "c")  # the same records once more
    assert totals(client) == blocks(3)
    for token in "abc":
        put(client, token)
    assert totals(client) == blocks(3)


def test_clients_that_insert_the_same_token_at_once_count_once(
    clickhouse: ClickHouse, database: str, client: Client
) -> None:
    rounds, writers = 15, 3
    gate = threading.Barrier(writers)
    failures: list[Exception] = []

    def write() -> None:
        try:
            with clickhouse.client(database) as own:
                for round_ in range(rounds):
                    gate.wait(timeout=30)
                    put(own, f"round {round_}", first=round_ * ROWS)
        except (Error, threading.BrokenBarrierError) as error:
            failures.append(error)
            gate.abort()

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert totals(client) == blocks(rounds)


def test_tokens_over_http_are_the_same_tokens(clickhouse: ClickHouse, database: str, client: Client) -> None:
    import httpx

    put(client, "shared")
    rows = "".join(f"{number},{'spring' if number % 2 else 'autumn'},{AMOUNT}\n" for number in range(ROWS))
    for _ in range(2):
        answer = httpx.post(
            f"http://{clickhouse.host}:{clickhouse.http_port}/",
            params={
                "query": "INSERT INTO log FORMAT CSV",
                "database": database,
                "insert_deduplication_token": "shared",
                "deduplicate_blocks_in_dependent_materialized_views": "1",
            },
            content=rows,
        )
        assert answer.status_code == 200, answer.text
    assert totals(client) == blocks(1)


def test_tokens_and_acknowledged_rows_survive_kills(tmp_path: Path) -> None:
    server = ClickHouse(tmp_path)
    server.start()
    try:
        with server.client() as client:
            prepare(client, "counting")
        known = 0
        for _ in range(2):
            acknowledged = _insert_until_killed(server, known)
            server.start()
            with server.client("counting") as client:
                # What was acknowledged is there; the insert that the kill met is there whole or not at all.
                records = totals(client)[0]
                assert records in {acknowledged * ROWS, (acknowledged + 1) * ROWS}
                for number in range(acknowledged + 1):
                    put(client, f"block {number}", first=number * ROWS)
                assert totals(client) == blocks(acknowledged + 1)
            known = acknowledged + 1
    finally:
        server.kill()


def _insert_until_killed(server: ClickHouse, first: int) -> int:
    """Insert block after block until the server is killed; returns how many are acknowledged in all."""
    acknowledged = first

    def write() -> None:
        nonlocal acknowledged
        with server.client("counting") as client:
            while True:
                try:
                    put(client, f"block {acknowledged}", first=acknowledged * ROWS)
                except (Error, OSError, EOFError):
                    return
                acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: acknowledged >= first + 20, 30, "20 blocks are acknowledged")
    server.kill()
    writer.join(timeout=30)
    assert not writer.is_alive()
    return acknowledged
