"""The statements of the operations guide that back up and restore, on the real engine."""

import re
from pathlib import Path

from services.platform.migrations import migrate
from tests.deploy.compose import ROOT
from tests.deploy.engine import answers, served

GUIDE = (ROOT / "docs/guides/operations.md").read_text()
_COUNTS = (
    "SELECT name, total_rows FROM system.tables"
    " WHERE database = 'minmai' AND engine LIKE '%MergeTree' ORDER BY name"
)
_VIEW = (
    "CREATE MATERIALIZED VIEW minmai.seen TO minmai.seen_terms"
    " DEFINER = minmai_schema SQL SECURITY DEFINER AS SELECT term FROM minmai.keeper"
)


def _statement(pattern: str) -> str:
    """The one statement of the guide that is like the pattern."""
    [found] = [one for one in re.findall(r'"([^"\n]*)"', GUIDE) if re.fullmatch(pattern, one)]
    return str(found)


def _full(name: str) -> str:
    return _statement(r"BACKUP DATABASE minmai TO Disk\([^()]*\)").replace("$DAY", name)


def test_the_guide_backs_up_and_restores_everything(folder: Path) -> None:
    incremental = _statement("BACKUP DATABASE minmai TO .* SETTINGS .*")
    incremental = incremental.replace("$DAY", "tuesday").replace("$BASE", "monday")
    restored = _statement("RESTORE DATABASE minmai FROM .*").replace("$DAY", "tuesday")
    *rest, counts = answers(
        folder,
        None,
        # As on a server, where minmai_schema has made the views.
        "CREATE TABLE minmai.seen_terms (term UInt64) ENGINE = MergeTree ORDER BY term",
        _VIEW,
        "INSERT INTO minmai.keeper (term, worker) VALUES (7, 'before')",
        _full("monday"),
        "INSERT INTO minmai.keeper (term, worker) VALUES (8, 'between')",
        incremental,
        _COUNTS,
    )
    assert [error for _, error in rest] == [""] * len(rest)
    *rest, after, worker = answers(
        folder,
        None,
        _statement("DROP DATABASE minmai SYNC"),
        restored,
        _COUNTS,
        "SELECT worker FROM minmai.keeper ORDER BY term",
    )
    assert [error for _, error in rest] == [""] * len(rest)
    assert after == counts
    assert worker == ("before\nbetween\n", "")
    # It is the newest schema, and its views work for whoever writes.
    with served(folder, "minmai_schema") as settings:
        assert not migrate(settings).applied
    inserted, seen = answers(
        folder,
        "minmai_writer",
        "INSERT INTO minmai.keeper (term, worker) VALUES (9, 'after')",
        "SELECT term FROM minmai.seen_terms ORDER BY term",
    )
    assert inserted == ("", "")
    assert seen == ("7\n8\n9\n", "")


def test_a_backup_is_never_written_over(folder: Path) -> None:
    _, (_, error) = answers(folder, None, _full("friday"), _full("friday"))
    assert "BACKUP_ALREADY_EXISTS" in error
