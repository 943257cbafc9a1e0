"""Tables across counties: every table of the schema, read from all shards at once.

A county is a database on one shard (docs/decisions/0013-a-county-lives-on-one-shard.md). The overview is a
database on every server: for each table a view of it over the server's own counties, which says whose a row
is and leaves out what newer rows have replaced, and a Distributed table over the views of all shards. Both
are only read.
"""

import re
from dataclasses import dataclass

from clickhouse_driver.errors import ServerException

from services.platform.clickhouse import ClickHouse
from services.platform.errors import MigrationError
from services.platform.settings import Common

# Rows of the same key stand for one, or for their sum, and may not have been merged yet.
_MERGING = re.compile(r"Replacing|Summing|Aggregating")


@dataclass(frozen=True)
class Table:
    """A table of a county: its engine, and its columns with their types."""

    name: str
    engine: str
    columns: dict[str, str]


def tables(clickhouse: ClickHouse) -> list[Table]:
    """Return the tables with rows of a county's database; not whom it alerts, addresses hold tokens."""
    rows = clickhouse.query(
        "SELECT table, any(engine), groupArray(name), groupArray(type) FROM (SELECT table, name, type, engine"
        " FROM system.columns AS one INNER JOIN system.tables AS its"
        " ON its.database = one.database AND its.name = one.table"
        " WHERE one.database = currentDatabase() AND endsWith(engine, 'MergeTree')"
        " AND table NOT IN ('schema_versions', 'alert_subscriber')"
        " ORDER BY table, position) GROUP BY table ORDER BY table"
    )
    return [Table(name, engine, dict(zip(names, types, strict=True))) for name, engine, names, types in rows]


def statements(cluster: str, counties: str, database: str, found: list[Table]) -> list[str]:
    """Return what makes the overview `database` on every server of a cluster; it may be run again.

    `counties`: a regular expression that matches the names of the counties' databases, and no other's.
    """
    on_cluster = f"ON CLUSTER '{cluster}'"
    pattern = counties.replace("\\", "\\\\").replace("'", "\\'")
    made = [f"CREATE DATABASE IF NOT EXISTS {database} {on_cluster}"]
    for one in found:
        final = " FINAL" if _MERGING.search(one.engine) else ""
        names = ", ".join(f"`{name}`" for name in one.columns)
        columns = ", ".join(f"`{name}` {kind}" for name, kind in one.columns.items())
        made += [
            f"CREATE OR REPLACE VIEW {database}.{one.name}_here {on_cluster} AS"
            f" SELECT toString(_database) AS county, {names}"
            f" FROM merge(REGEXP('{pattern}'), '^{one.name}$'){final}",
            f"CREATE OR REPLACE TABLE {database}.{one.name} {on_cluster} (county String, {columns})"
            f" ENGINE = Distributed('{cluster}', '{database}', '{one.name}_here')",
        ]
    return made


def make(settings: Common, cluster: str, counties: str, database: str) -> list[str]:
    """Make the overview, with the tables of the county in the settings; return their names.

    Raises MigrationError if that database has no tables, or a server refuses; Unavailable if none answers.
    """
    clickhouse = ClickHouse(settings)
    found = tables(clickhouse)
    if not found:
        raise MigrationError(f"database {clickhouse.database} has no tables: run `minmai migrate` first")
    try:
        for statement in statements(cluster, counties, database, found):
            clickhouse.query(statement)
    except ServerException as error:
        raise MigrationError(
            f"overview on cluster {cluster}: {' '.join(str(error).splitlines()[:2])}"
        ) from error
    finally:
        clickhouse.close()
    return [one.name for one in found]
