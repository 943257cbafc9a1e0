"""Each user of deploy/clickhouse/users can do its work on the real engine, and nothing beside it."""

import hashlib
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from clickhouse_driver.errors import ServerException

from services.board.grafana.alert_rules import Place
from services.board.grafana.alert_rules import of as rules_of
from services.board.panels.asking import LIMITS
from services.board.panels.every import dashboards
from services.board.panels.model import Asked, filled
from services.platform.clickhouse import ClickHouse
from services.platform.plan import load_plan
from services.platform.retention import Retention
from tests.deploy.compose import FOLDER, ROOT
from tests.deploy.engine import NAMES, answers, served

_ACCESS_DENIED = 497
_STEALS = (
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT name FROM system.users",
    "CREATE USER thief IDENTIFIED WITH no_password",
    "CREATE DATABASE other",
    "BACKUP DATABASE minmai TO Disk('backups', 'stolen')",
)


def _allowed(folder: Path, user: str, *statements: str) -> list[str]:
    """Those of the statements that a user is not refused for want of rights."""
    found = zip(statements, answers(folder, user, *statements), strict=True)
    return [statement for statement, (_, error) in found if "ACCESS_DENIED" not in error]


def test_the_writer_writes_every_table_and_drops_what_is_old(folder: Path) -> None:
    with served(folder, "minmai_writer") as settings:
        clickhouse = ClickHouse(settings)
        tables = [name for (name,) in clickhouse.query("SHOW TABLES") if not name.startswith(".")]
        assert "indicator_live" in tables
        for table in tables:
            if not clickhouse.query(
                "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = %(table)s"
                " AND engine LIKE '%%View'",
                {"table": table},
            ):
                clickhouse.query(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 0")
        clickhouse.insert("keeper", {"term": [1], "worker": ["one"]})
        given = {"asked": {"term UInt64": [1, 2]}}
        assert clickhouse.query("SELECT worker FROM keeper WHERE term IN asked", given=given) == [("one",)]
        clickhouse.insert("refused_push", {"id": [uuid4()], "last_at": [datetime(2020, 1, 1, tzinfo=UTC)]})
        dropped = {
            one.rule.table: one.rows for one in Retention(clickhouse, settings).drop(datetime.now(UTC))
        }
        assert dropped["refused_push"] == 1
        assert clickhouse.query("SELECT count() FROM refused_push") == [(0,)]
        for statement in (
            "DROP TABLE indicator_live",
            "TRUNCATE TABLE indicator_live",
            "ALTER TABLE indicator_live ADD COLUMN more UInt8",
            "ALTER TABLE indicator_live UPDATE value = 1 WHERE 1",
            "CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a",
            *_STEALS,
        ):
            with pytest.raises(ServerException) as refused:
                clickhouse.query(statement)
            assert refused.value.code == _ACCESS_DENIED, statement
        clickhouse.close()


def test_the_schema_user_can_do_nothing_beside_the_schema(folder: Path) -> None:
    assert not _allowed(folder, "minmai_schema", *_STEALS)


def test_the_board_keeps_what_operators_say_and_that_they_said_so(folder: Path) -> None:
    statements = [
        f"INSERT INTO minmai.{table} SELECT * FROM minmai.{table} LIMIT 0"
        for table in ("alert_silence", "alert_ack", "access_log")
    ]
    assert [error for _, error in answers(folder, "minmai_board", *statements)] == [""] * 3


def test_the_board_reads_figures_and_no_addresses(folder: Path) -> None:
    *sent, read, limit = answers(
        folder,
        "minmai_board",
        "CREATE TEMPORARY TABLE wanted (name String)",
        "INSERT INTO wanted VALUES ('one')",
        "SELECT count() FROM minmai.indicator_live WHERE indicator IN wanted",
        "SELECT * FROM minmai.indicator_live",
        "SELECT getSetting('max_execution_time')",
    )
    assert [error for _, error in sent] == ["", "", ""]
    assert read == ("", "")
    assert limit == ("60\n", "")
    assert not _allowed(
        folder,
        "minmai_board",
        "SELECT * FROM minmai.alert_subscriber",
        "SELECT raw FROM minmai.dead_letter",
        "INSERT INTO minmai.keeper (term, worker) VALUES (2, 'board')",
        "INSERT INTO minmai.indicator_live SELECT * FROM minmai.indicator_live LIMIT 0",
        "TRUNCATE TABLE minmai.access_log",
        "ALTER TABLE minmai.access_log DELETE WHERE 1",
        *_STEALS,
    )


def test_the_board_may_ask_every_panel_within_its_own_limits(folder: Path) -> None:
    asked = Asked(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), 86_400, "532622", "x")
    plan = load_plan(ROOT / "plans" / "yanshan")
    panels = [filled(panel.sql, asked) for one in dashboards(plan) for panel in one.panels]
    limits = ", ".join(f"{name} = '{value}'" for name, value in LIMITS.items())
    found = answers(folder, "minmai_board", "USE minmai", f"SET {limits}", *dict.fromkeys(panels))
    assert not [error for _, error in found if error]


def test_grafana_reads_figures_and_nothing_of_people(folder: Path) -> None:
    right = (
        "SELECT * FROM minmai.indicator_live",
        "SELECT * FROM minmai.indicator_history",
        "SELECT * FROM minmai.alert_log",
        "SELECT * FROM minmai.feed_live",
        "SELECT code, count() FROM minmai.dead_letter GROUP BY code",
        "SELECT channel, state, count() FROM minmai.alert_notice GROUP BY channel, state",
    )
    assert [error for _, error in answers(folder, "minmai_reader", *right)] == [""] * len(right)
    assert not _allowed(
        folder,
        "minmai_reader",
        "SELECT * FROM minmai.alert_subscriber",
        "SELECT recipient FROM minmai.alert_notice",
        "SELECT raw FROM minmai.dead_letter",
        "SELECT remote FROM minmai.refused_push",
        "SELECT user_agent FROM minmai.receipt",
        "SELECT name FROM minmai.access_log",
        "INSERT INTO minmai.keeper (term, worker) VALUES (2, 'grafana')",
        *_STEALS,
    )


def test_grafana_may_ask_all_that_we_put_there(folder: Path) -> None:
    asked = Asked(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), 86_400, "532622", "x")
    plan = load_plan(ROOT / "plans" / "yanshan")
    panels = [filled(panel.sql, asked) for one in dashboards(plan) for panel in one.panels]
    place = Place(organisation=1, folder="folder", source="source", prefix="minmai-", board="http://board")
    rules = [
        query["model"]["rawSql"]
        for rule in rules_of(plan, place)
        for query in rule["data"]
        if "rawSql" in query["model"]
    ]
    assert panels
    assert rules
    statements = list(dict.fromkeys([*panels, *rules]))
    found = answers(folder, "minmai_reader", "USE minmai", *statements)
    assert not [error for _, error in found if error]


def test_the_limits_of_grafana_hold_and_cannot_be_raised(folder: Path) -> None:
    shown = answers(
        folder,
        "minmai_reader",
        "SELECT 1 SETTINGS max_execution_time = 10",
        "SELECT 1 SETTINGS max_execution_time = 31",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_rows_to_read = 0",
        "SELECT 1 SETTINGS max_result_rows = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT getSetting('max_memory_usage')",
        "SELECT count() FROM numbers(200000001) WHERE number % 2",
        "SELECT number FROM numbers(100001)",
    )
    assert shown[0] == ("1\n", "")
    for _, error in shown[1:6]:
        assert "SETTING_CONSTRAINT_VIOLATION" in error
    assert "READONLY" in shown[6][1]
    assert shown[7] == ("1000000000\n", "")
    assert "max_rows_to_read" in shown[8][1]
    assert "TOO_MANY_ROWS_OR_BYTES" in shown[9][1]


# --- passwords --------------------------------------------------------------------------------------------


def test_the_server_starts_with_the_hashes_of_the_secrets(tmp_path: Path) -> None:
    done = _start(tmp_path, {name: f"word-of-{name}\n" for name in NAMES})
    assert done.returncode == 0, done.stderr
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    for name in NAMES:
        digest = hashlib.sha256(f"word-of-{name}".encode()).hexdigest()
        assert told[f"CLICKHOUSE_{name.upper()}_SHA256"] == digest
    assert "word-of" not in done.stdout
    assert "--config-file=/etc/clickhouse-server/config.xml" in done.stdout


def test_the_server_does_not_start_with_an_empty_secret(tmp_path: Path) -> None:
    done = _start(tmp_path, dict.fromkeys(NAMES, "word") | {"reader": "\n"})
    assert done.returncode == 1
    assert "clickhouse_reader is empty" in done.stderr
    assert "CLICKHOUSE_" not in done.stdout


def _start(folder: Path, passwords: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run start.sh with a server that tells what it is given."""
    for name, password in passwords.items():
        (folder / f"clickhouse_{name}").write_text(password)
    server = folder / "clickhouse-server"
    server.write_text('#!/bin/sh\nenv\necho "$@"\n')
    server.chmod(0o755)
    return subprocess.run(
        ["sh", FOLDER / "clickhouse" / "start.sh"],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "SECRETS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
