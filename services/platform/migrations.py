"""The database schema: numbered SQL files, applied by clickhouse-migrations over the same driver."""

from dataclasses import dataclass
from pathlib import Path

from clickhouse_driver.errors import Error
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migrator import STATUS_APPLIED, STATUS_PENDING

from services.platform.clickhouse import AWAY
from services.platform.errors import MigrationError, Unavailable
from services.platform.settings import Common

FOLDER = Path(__file__).parents[2] / "deploy" / "clickhouse" / "migrations"


@dataclass(frozen=True)
class Report:
    """Versions that were applied before this run, and those it applied (or, in a dry run, would apply)."""

    before: list[int]
    applied: list[int]


def migrate(settings: Common, *, dry_run: bool = False, folder: Path = FOLDER) -> Report:
    """Bring the database to the newest version; a second run changes nothing.

    Raises Unavailable if ClickHouse does not answer, MigrationError if a file that was applied has changed or
    gone since, or a statement fails.
    """
    cluster = ClickhouseCluster(
        db_host=settings.clickhouse_host,
        db_port=str(settings.clickhouse_port),
        db_user=settings.clickhouse_user,
        db_password=settings.clickhouse_password.get_secret_value(),
    )
    database = settings.clickhouse_database
    where = f"database {database} on {settings.clickhouse_host}:{settings.clickhouse_port}"
    try:
        status = cluster.status(database, folder)
        strange = [row for row in status if row.state not in (STATUS_APPLIED, STATUS_PENDING)]
        if strange:
            named = ", ".join(f"{row.version:04d} ({row.state})" for row in strange)
            raise MigrationError(
                f"{where}: applied migrations are not the files in {folder}: {named}. A migration that was "
                "applied must never change: restore its file and add a new number for the change"
            )
        pending = [row.version for row in status if row.state == STATUS_PENDING]
        if pending and not dry_run:
            cluster.migrate(database, folder, multi_statement=True)
    except MigrationException as error:
        raise MigrationError(f"{where}: {error}") from error
    except AWAY as error:
        raise Unavailable(f"{where}: ClickHouse does not answer ({error}); is it running?") from error
    except Error as error:
        raise MigrationError(f"{where}: {str(error).splitlines()[0]}") from error
    return Report([row.version for row in status if row.state == STATUS_APPLIED], pending)
