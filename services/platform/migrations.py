"""The database schema: numbered SQL files, applied by clickhouse-migrations over the same driver."""

from dataclasses import dataclass
from pathlib import Path

from clickhouse_driver.errors import Error
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.defaults import MIGRATIONS_TABLE
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migrator import STATUS_APPLIED, STATUS_PENDING
from clickhouse_migrations.util import quote_string

from services.platform.clickhouse import AWAY, addresses
from services.platform.errors import MigrationError, Unavailable
from services.platform.replicated import ReplicatedCluster
from services.platform.settings import Common

_CLUSTERS = "SELECT cluster, toUInt32(uniqExact(shard_num)) AS shards FROM system.clusters GROUP BY cluster"
_MADE = "SELECT toBool(startsWith(engine, 'Replicated')) AS replicated FROM system.tables"
_VERSIONS = quote_string(MIGRATIONS_TABLE)

FOLDER = Path(__file__).parents[2] / "deploy" / "clickhouse" / "migrations"


@dataclass(frozen=True)
class Report:
    """Versions that were applied before this run, and those it applied (or, in a dry run, would apply)."""

    before: list[int]
    applied: list[int]


def migrate(settings: Common, *, dry_run: bool = False, folder: Path = FOLDER) -> Report:
    """Bring the database to the newest version; a second run changes nothing.

    With a cluster in the settings the schema is made on all its replicas. Raises Unavailable if ClickHouse
    does not answer, MigrationError if a file that was applied has changed or gone since, the cluster is not
    the replicas of one shard, or a statement fails.
    """
    cluster = settings.clickhouse_cluster
    server = _server(settings)
    database = settings.clickhouse_database
    where = f"database {database} on {settings.clickhouse_host}:{settings.clickhouse_port}"
    try:
        _check_kind(server, database, cluster)
        status = server.status(database, folder)
        strange = [row for row in status if row.state not in (STATUS_APPLIED, STATUS_PENDING)]
        if strange:
            named = ", ".join(f"{row.version:04d} ({row.state})" for row in strange)
            raise MigrationError(
                f"{where}: applied migrations are not the files in {folder}: {named}. A migration that was "
                "applied must never change: restore its file and add a new number for the change"
            )
        pending = [row.version for row in status if row.state == STATUS_PENDING]
        if pending and not dry_run:
            server.migrate(database, folder, cluster_name=cluster or None, multi_statement=True)
    except MigrationException as error:
        raise MigrationError(f"{where}: {error}") from error
    except AWAY as error:
        raise Unavailable(f"{where}: ClickHouse does not answer ({error}); is it running?") from error
    except Error as error:
        raise MigrationError(f"{where}: {' '.join(str(error).splitlines()[:2])}") from error
    return Report([row.version for row in status if row.state == STATUS_APPLIED], pending)


def _server(settings: Common) -> ClickhouseCluster:
    (host, port), *others = addresses(settings)
    options = {
        "db_host": host,
        "db_port": str(port),
        "db_user": settings.clickhouse_user,
        "db_password": settings.clickhouse_password.get_secret_value(),
        "alt_hosts": ",".join(f"{host}:{port}" for host, port in others) or None,
    }
    if settings.clickhouse_cluster:
        return ReplicatedCluster(settings.clickhouse_cluster, **options)
    return ClickhouseCluster(**options)


def _check_kind(server: ClickhouseCluster, database: str, cluster: str) -> None:
    """Refuse a cluster that is not the replicas of one shard, and a database of the other kind."""
    with server.connection("") as connection:
        clusters = {row["cluster"]: row["shards"] for row in connection.query(_CLUSTERS)}
        made = connection.query(f"{_MADE} WHERE database = {quote_string(database)} AND name = {_VERSIONS}")
    if cluster and clusters.get(cluster) != 1:
        known = ", ".join(name for name, shards in clusters.items() if shards == 1) or "none"
        raise MigrationError(
            f"MINMAI_CLICKHOUSE_CLUSTER={cluster} is no cluster of one shard; the server knows: {known}. A "
            "county lives on one shard whole: name the cluster of that shard's replicas (docs/scaling.md)"
        )
    if made and made[0]["replicated"] != bool(cluster):
        raise MigrationError(
            f"database {database} was made {'for one server' if cluster else 'for a cluster'}, and "
            f"MINMAI_CLICKHOUSE_CLUSTER is {cluster or 'not set'}: set it as then, or choose another database"
        )
