"""What is dropped, and when: rows that no figure, no history and no open question needs any more.

A figure is told by the log tables, `voucher_hourly`, `indicator_history`, `indicator_live` and `task_live`;
whoever counts a record or withdraws one asks `record_identity` and `retraction_log`. Nothing of these is
dropped here (docs/retention.md says why). All else is about single pushes, letters, notices and blocks, and
goes by whole months when it is older than its setting.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from schemas.alert import FEED_STOPPED
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.settings import Common

_LONGEST_PAUSE = 5.0
# Each replica asks the subqueries of a rule itself, which a replicated table has to be allowed. What they are
# asked about has lain there for months, so all answer alike.
_SETTINGS = "mutations_sync = 0, allow_nondeterministic_mutations = 1"

_Days = Annotated[int, Field(ge=32, le=36_500)]


class RetentionSettings(Common):
    """How long what is kept, in days; it goes when the month it is of has been over for so long."""

    keep_topics_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        30,
        description="Kafka's topics, but for that of changed figures, which keeps the newest of each",
    )
    keep_pushes_days: _Days = Field(
        1_830,
        description="receipts, what became of their records, their refusals, when they were on the board",
    )
    keep_refused_pushes_days: _Days = Field(400, description="pushes refused as a whole")
    keep_dead_letters_days: _Days = Field(
        1_830, description="dead letters, settled or not, with their mends and replays"
    )
    keep_alerts_days: _Days = Field(
        1_830,
        description="alerts that have ended, with their notices, but for the newest of each rule and place; "
        "the log of sign-ins and changes",
    )
    keep_blocks_days: _Days = Field(
        90, description="which stretches were counted at once; the newest of each partition stays"
    )


class NotDropped(MinmaiError):
    """ClickHouse has taken the order to drop rows, and fails to."""


@dataclass(frozen=True)
class Rule:
    """Rows of `table` for which `old` holds go; `old` is SQL with `%(before)s`.

    `days` names the setting; `unneeded` says why nothing that is shown needs them.
    """

    table: str
    days: str
    old: str
    unneeded: str


_NEW_RECEIPTS = "SELECT receipt FROM receipt WHERE received_at >= %(before)s"
_NEW_LETTERS = "SELECT id FROM dead_letter WHERE time >= %(before)s"
_SHOWN_ALERTS = (
    "SELECT alert_id FROM alert_log WHERE changed_at >= %(before)s"
    " UNION DISTINCT SELECT argMax(alert_id, (changed_at, figure_version)) FROM alert_log"
    " GROUP BY rule, indicator, division, subject"
    " UNION DISTINCT SELECT argMax(alert_id, changed_at) FROM alert_log GROUP BY rule, division, subject"
    f" UNION DISTINCT SELECT alert_id FROM alert_log WHERE rule = '{FEED_STOPPED}'"
)
# One notice tells of many alerts, and its attempts go with it.
_SHOWN_NOTICES = (
    "SELECT notice_id FROM alert_notice WHERE at >= %(before)s"
    " UNION DISTINCT SELECT notice_id FROM alert_notice ARRAY JOIN covers.alert_id AS told"
    f" WHERE attempt = 0 AND told IN ({_SHOWN_ALERTS})"
)

# In this order: what is about a receipt or an alert goes before that itself does.
RULES: Sequence[Rule] = (
    Rule(
        "receipt_counted",
        "keep_pushes_days",
        f"counted_at < %(before)s AND receipt NOT IN ({_NEW_RECEIPTS})",
        "only its receipt is made of it",
    ),
    Rule(
        "receipt_fault",
        "keep_pushes_days",
        # A refusal may come before its receipt does: then its letter is new.
        f"receipt NOT IN ({_NEW_RECEIPTS}) AND letter NOT IN ({_NEW_LETTERS})",
        "only its receipt is made of it",
    ),
    Rule(
        "block_shown",
        "keep_pushes_days",
        "shown_at < %(before)s",
        "only receipts ask when a block was shown, and theirs are older still",
    ),
    Rule(
        "receipt",
        "keep_pushes_days",
        "received_at < %(before)s",
        "records name the receipt of their push, and stay; `GET /v1/receipts` then answers 404",
    ),
    Rule("refused_push", "keep_refused_pushes_days", "last_at < %(before)s", "only the audit lists them"),
    Rule(
        "dead_letter_mended",
        "keep_dead_letters_days",
        f"at < %(before)s AND letter NOT IN ({_NEW_LETTERS})",
        "only its letter asks for it",
    ),
    Rule(
        "dead_letter_replayed",
        "keep_dead_letters_days",
        f"at < %(before)s AND letter NOT IN ({_NEW_LETTERS})",
        "only its letter asks for it",
    ),
    Rule(
        "dead_letter",
        "keep_dead_letters_days",
        "time < %(before)s",
        "what it holds was never counted",
    ),
    Rule(
        "alert_notice",
        "keep_alerts_days",
        f"notice_id NOT IN ({_SHOWN_NOTICES})",
        "no alert it tells of is the newest of its rule and place, which board and alerts service tell of",
    ),
    Rule(
        "alert_log",
        "keep_alerts_days",
        f"changed_at < %(before)s AND alert_id NOT IN ({_SHOWN_ALERTS})",
        "the board and the alerts service tell of each rule's and place's newest alert",
    ),
    Rule("access_log", "keep_alerts_days", "at < %(before)s", "only the audit lists it"),
    Rule(
        "block",
        "keep_blocks_days",
        "claimed_at < %(before)s AND (topic_id, partition, first_offset) NOT IN"
        " (SELECT topic_id, partition, max(first_offset) FROM block GROUP BY topic_id, partition)",
        "whoever takes a partition over begins with its newest block",
    ),
)


@dataclass(frozen=True)
class Due:
    """What one rule drops now: `rows` of `of`, and about so many bytes on disk; all older than `before`."""

    rule: Rule
    before: datetime
    rows: int
    of: int
    bytes: int


class Retention:
    """Looks for what is due, and drops it; every method blocks.

    Raises Unavailable if ClickHouse is away, clickhouse_driver's ServerException if it refuses, NotDropped if
    it cannot.
    """

    def __init__(self, clickhouse: ClickHouse, settings: RetentionSettings) -> None:
        self._clickhouse = clickhouse
        self._settings = settings

    def due(self, now: datetime) -> Iterator[Due]:
        """Yield what each rule would drop."""
        sizes = {
            table: (rows, size)
            for table, rows, size in self._clickhouse.query(
                "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts"
                " WHERE database = currentDatabase() AND active GROUP BY table"
            )
        }
        for rule in RULES:
            before = self.before(rule, now)
            [(rows,)] = self._clickhouse.query(
                f"SELECT count() FROM {rule.table} WHERE {rule.old}", {"before": before}
            )
            of, size = sizes.get(rule.table, (0, 0))
            yield Due(rule, before, rows, of, round(size * rows / of) if of else 0)

    def drop(self, now: datetime) -> Iterator[Due]:
        """Drop what is due, rule by rule, and yield what went; may be repeated at any time."""
        for one in self.due(now):
            if one.rows:
                self._clickhouse.query(
                    f"ALTER TABLE {one.rule.table} DELETE WHERE {one.rule.old} SETTINGS {_SETTINGS}",
                    {"before": one.before},
                )
                self._wait(one.rule.table)
                yield one

    def _wait(self, table: str) -> None:
        """Return when the table has been rewritten, which may take longer than ClickHouse may keep silent."""
        pause = 0.05
        while unfinished := self._clickhouse.query(
            "SELECT latest_fail_reason FROM system.mutations"
            " WHERE database = currentDatabase() AND table = %(table)s AND NOT is_done",
            {"table": table},
        ):
            if failed := "".join(reason for (reason,) in unfinished):
                raise NotDropped(f"{table}: ClickHouse cannot drop its old rows, and tries on: {failed}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def before(self, rule: Rule, now: datetime) -> datetime:
        """Return the moment before which a rule's rows are old: the first of a month, in UTC.

        By the wall clock, whatever the county's is.
        """
        last = now.astimezone(UTC) - timedelta(days=getattr(self._settings, rule.days))
        return last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
