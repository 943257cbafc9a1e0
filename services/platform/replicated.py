"""The same migrations on a cluster: each statement, made to hold on every replica of a shard.

Tables become replicated ones, and what makes or changes them runs `ON CLUSTER`; a statement that fills a
table runs once, since its rows are replicated. Nothing is passed on half understood: a statement of an
unknown kind is an error. See docs/decisions/0013-a-county-lives-on-one-shard.md.
"""

import re

from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster
from clickhouse_migrations.connection import Connection

from services.platform.errors import MigrationError

_REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
"""Where a table's replicas meet in Keeper; the names in braces are the server's macros.

Not the server's default, which has the table's id in it: a CREATE … IF NOT EXISTS that is run again after
only some replicas had done it would give the others another id, and so tables that never hear of each other.
"""

_TOKEN = re.compile(r"(?P<comment>--[^\n]*)|(?P<space>\s+)|'(?:\\.|''|[^'\\])*'|\w+|.", re.DOTALL)
_NAMED = re.compile(
    r"(?:CREATE (?:TABLE|VIEW|MATERIALIZED VIEW)(?: IF NOT EXISTS)?|DROP (?:TABLE|VIEW)(?: IF EXISTS)?"
    r"|ALTER TABLE) (?!IF )"
)
_AT_END = re.compile(r"(?:RENAME TABLE|EXCHANGE TABLES) ")
_ONCE = re.compile(r"INSERT INTO ")
_WINDOW = "replicated_deduplication_window"
# Tokens are kept by number alone, as on one server; the default would forget them after an hour.
_FOR_EVER = f"{_WINDOW}_seconds = {100 * 365 * 86_400}"


def replicated(statement: str, cluster: str) -> str:
    """Return a migration's statement as it is run on a cluster.

    Raises MigrationError for a statement that nothing is known of, and a table that cannot be replicated.
    """
    tokens = list(_TOKEN.finditer(statement.rstrip().removesuffix(";")))
    texts = [one[0] for one in tokens]
    told = [at for at, one in enumerate(tokens) if not one.lastgroup]
    words = [texts[at].upper() for at in told]
    head = " ".join(words[:8]) + " "
    if _ONCE.match(head):
        return statement
    on_cluster = f" ON CLUSTER '{cluster}'"
    if _AT_END.match(head):
        texts.append(on_cluster)
    elif named := _NAMED.match(head):
        name = named[0].count(" ")
        texts[told[name]] += on_cluster
        if words[:2] == ["CREATE", "TABLE"]:
            _replicate(texts, told, words)
        elif words[0] == "DROP":
            texts.append(" SYNC")  # what is made anew under the name must find its place in Keeper free
    else:
        raise MigrationError(
            f"no way is known to run this on cluster {cluster}: {' '.join(words[:6])} …; "
            "teach services/platform/replicated.py"
        )
    return re.sub(rf"\bnon_{_WINDOW}\b", _WINDOW, "".join(texts)).rstrip() + ";"


def _replicate(texts: list[str], told: list[int], words: list[str]) -> None:
    """Make the engine of a CREATE TABLE a replicated one that drops repeated blocks as the plain one does."""
    engines = [at + 2 for at, word in enumerate(words) if words[at : at + 2] == ["ENGINE", "="]]
    if len(engines) != 1 or not re.fullmatch(r"(?!REPLICATED)[A-Z]*MERGETREE", words[engines[0]]):
        raise MigrationError(f"a table that is no MergeTree cannot be replicated: {' '.join(words[:6])} …")
    engine = engines[0]
    texts[told[engine]] = f"Replicated{texts[told[engine]]}"
    if words[engine + 1 : engine + 2] == ["("]:
        texts[told[engine + 1]] = f"({_REPLICA}, "
    else:
        texts[told[engine]] += f"({_REPLICA})"
    windowed = f"NON_{_WINDOW.upper()}" in words
    texts.append(", " if "SETTINGS" in words else "\nSETTINGS ")
    texts.append(_FOR_EVER if windowed else f"{_WINDOW} = 0")


class ReplicatedCluster(ClickhouseCluster):  # type: ignore[misc]  # clickhouse-migrations has no types
    """Runs each statement of the migrations as `replicated` makes it; the files stay as they are."""

    def __init__(self, cluster: str, **options: object) -> None:
        super().__init__(migrations_table_engine=f"ReplicatedMergeTree({_REPLICA})", **options)
        self._cluster = cluster

    def connection(self, db_name: str | None = None) -> Connection:
        """Return a connection whose commands hold on all replicas."""
        connection = super().connection(db_name)
        run = connection.command

        def command(statement: str, **options: object) -> None:
            known = re.search(r"\bON CLUSTER\b", statement) or statement.startswith("OPTIMIZE TABLE")
            run(statement if known else replicated(statement, self._cluster), **options)

        connection.command = command
        return connection
