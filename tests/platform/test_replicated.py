"""The migrations on a cluster.

No server with a Keeper can run here: chDB takes no part in replication, nor in `ON CLUSTER`. What its engine
can do it does: parse every statement, and take every table up as a server that starts without its Keeper.
"""

import re
from uuid import uuid4

import pytest
from clickhouse_migrations.migrator import Migrator

from services.platform.clickhouse import ClickHouse as Pool
from services.platform.errors import MigrationError, Unavailable
from services.platform.migrations import FOLDER, migrate
from services.platform.replicated import replicated
from services.platform.settings import Common
from tests.platform.conftest import PROVINCE, SHARDS
from tests.support.clickhouse import HOST, ClickHouse

Pair = tuple[ClickHouse, ClickHouse]

STATEMENTS = [
    pytest.param(statement, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.sql"))
    for number, statement in enumerate(Migrator.script_to_statements(path.read_text(), True), 1)
]
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_is_made_for_a_cluster_and_the_engine_parses_it(
    clickhouse: ClickHouse, statement: str
) -> None:
    with clickhouse.client() as client:

        def parsed(sql: str) -> str:
            [(text,)] = client.execute("SELECT formatQuerySingleLine(%(sql)s)", {"sql": sql})
            return str(text)

        before, after = parsed(statement), parsed(replicated(statement, "county"))
    if before.startswith("INSERT"):
        assert after == before
        return
    assert after.count(" ON CLUSTER county") == 1
    assert ("ENGINE = Replicated" in after) == ("ENGINE = " in before)
    assert "non_replicated_deduplication_window" not in after
    # Nothing else was touched.
    back = re.sub(r" ON CLUSTER county| SYNC$", "", after)
    back = re.sub(r"Replicated(\w+)\('[^']*', '\{replica\}'\)", r"\1", back)
    back = re.sub(r"Replicated(\w+)\('[^']*', '\{replica\}', ", r"\1(", back)
    back = back.replace(" replicated_dedup", " non_replicated_dedup")
    back = re.sub(r"( SETTINGS|,) non_replicated_deduplication_window(_seconds = \d+| = 0)$", "", back)
    assert back == before


def test_the_engine_takes_every_table_as_a_replicated_one(pair: Pair) -> None:
    with pair[0].client() as client:
        for kind in ("plain", "copies"):
            client.execute(f"CREATE DATABASE {kind}")
        made = {
            name[1]: statement
            for statement in (str(one.values[0]) for one in STATEMENTS)
            if (name := TABLE.search(statement))
        }
        for name, statement in made.items():
            client.execute("USE plain")
            client.execute(statement)
            client.execute("USE copies")
            attach = TABLE.sub(rf"ATTACH TABLE \1 UUID '{uuid4()}'", replicated(statement, SHARDS[0]))
            client.execute(attach.replace(f" ON CLUSTER '{SHARDS[0]}'", ""))
            assert client.execute(f"DESCRIBE copies.{name}") == client.execute(f"DESCRIBE plain.{name}")
        told = "name, sorting_key, partition_key, primary_key"
        plain = client.execute(
            f"SELECT {told}, concat('Replicated', engine) FROM system.tables WHERE database = 'plain'"
        )
        copies = client.execute(f"SELECT {told}, engine FROM system.tables WHERE database = 'copies'")
        assert sorted(copies) == sorted(plain)
        assert len(copies) == len(made)
        places = client.execute("SELECT table, zookeeper_path, replica_name FROM system.replicas")
    assert set(places) == {
        (name, f"/clickhouse/tables/{SHARDS[0]}/copies/{name}", f"{SHARDS[0]}-1") for name in made
    }


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE TABLE touch;",
        "CREATE TABLE t (a Int8) ENGINE = Memory;",
        "ALTER TABLE IF EXISTS t DROP COLUMN a;",
    ],
)
def test_what_is_not_understood_is_an_error(statement: str) -> None:
    with pytest.raises(MigrationError):
        replicated(statement, "county")


def test_tables_are_renamed_and_exchanged_on_all_replicas() -> None:
    assert replicated("RENAME TABLE a TO b;", "c") == "RENAME TABLE a TO b ON CLUSTER 'c';"
    assert replicated("EXCHANGE TABLES a AND b", "c") == "EXCHANGE TABLES a AND b ON CLUSTER 'c';"


def _settings(server: ClickHouse, database: str, **others: str) -> Common:
    return Common.model_validate({"clickhouse_port": server.port, "clickhouse_database": database, **others})


@pytest.mark.parametrize("cluster", [PROVINCE, "nowhere"])
def test_a_county_is_made_on_one_shard_alone(pair: Pair, cluster: str) -> None:
    with pytest.raises(MigrationError, match=f"{cluster} is no cluster of one shard; .* {SHARDS[0]}"):
        migrate(_settings(pair[0], "county", clickhouse_cluster=cluster))


def test_a_database_of_one_server_is_not_taken_for_a_replicated_one(pair: Pair) -> None:
    migrate(_settings(pair[0], "alone"))
    with pytest.raises(MigrationError, match="alone was made for one server"):
        migrate(_settings(pair[0], "alone", clickhouse_cluster=SHARDS[0]))


def test_migrate_asks_all_replicas(pair: Pair) -> None:
    """The embedded server is none, and says so at the first `ON CLUSTER`."""
    with pytest.raises(MigrationError, match="Replicated DDL queries are disabled"):
        migrate(_settings(pair[0], "county", clickhouse_cluster=SHARDS[0]))


def test_a_replica_that_cannot_catch_up_is_not_read_and_another_is(pair: Pair) -> None:
    first, second = pair
    with first.client() as client, second.client() as other:
        for one in (client, other):
            one.execute("CREATE DATABASE lagging")
        client.execute(
            f"ATTACH TABLE lagging.t UUID '{uuid4()}' (a Int8)"
            " ENGINE = ReplicatedMergeTree('/{shard}/t', '{replica}') ORDER BY a"
        )
        other.execute("CREATE TABLE lagging.t (a Int8) ENGINE = MergeTree ORDER BY a")
        other.execute("INSERT INTO lagging.t VALUES", [(7,)])
    hosts = f"{HOST}:{first.port},{HOST}:{second.port}"
    settings = _settings(first, "lagging", clickhouse_cluster=SHARDS[0], clickhouse_host=hosts)
    shows, decides = Pool(settings, fresh=False), Pool(settings)
    assert shows.query("SELECT a FROM t") == []
    with pytest.raises(Unavailable, match="cannot serve now"):
        decides.query("SELECT a FROM t")
    assert decides.query("SELECT a FROM t") == [(7,)]
    for pool in (shows, decides):
        pool.close()


def test_the_next_replica_is_used_while_the_first_is_away(pair: Pair) -> None:
    hosts = f"{HOST}:1,{HOST}:{pair[1].port}"
    pool = Pool(_settings(pair[0], "default", clickhouse_cluster=SHARDS[1], clickhouse_host=hosts))
    assert pool.query("SELECT getMacro('shard')") == [(SHARDS[1],)]
    pool.close()
