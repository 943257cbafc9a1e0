"""The ledger in ClickHouse: every notice with what is sent, and every attempt to send it.

Attempt 0 is the notice as it waits. A notice is not sent unless every change it covers is in `alert_log`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.channels import Covered, Notice, Why
from services.alerts.log import migrated
from services.platform.clickhouse import ClickHouse

NoticeState = Literal["pending", "retrying", "delivered", "refused", "given_up", "muted"]

NO_ALERT = UUID(int=0)
"""What a notice that covers nothing has for its alert."""

_TABLE = "alert_notice"
_CURRENT = """
    SELECT notice_id, anyIf(covers, attempt = 0) AS covered, any(subscriber) AS subscriber,
        any(channel) AS channel, any(recipient) AS recipient, any(why) AS why,
        max(attempt) AS attempts, argMax(state, attempt) AS newest_state,
        argMax(answer, attempt) AS newest_answer, anyIf(payload, attempt = 0) AS body,
        minIf(at, attempt = 0) AS created_at, maxIf(not_before, attempt = 0) AS earliest, max(at) AS newest_at
    FROM alert_notice {where}
    GROUP BY notice_id"""


class Attempt(Contract):
    """One attempt to send a notice, and the notice's state after it."""

    number: int
    state: NoticeState
    answer: str
    duration_ms: int
    at: datetime


class NoticeView(Contract):
    """A notice as the API shows it."""

    notice_id: UUID
    alert_ids: list[UUID]
    change: str
    subscriber: str
    channel: str
    recipient: str
    why: Why
    state: NoticeState
    attempts: int
    answer: str
    created_at: UtcDatetime
    at: UtcDatetime


class Ledger:
    """Reads and writes; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def waiting(self) -> list[Notice]:
        """The notices that are to be sent and have come to no end, oldest first."""
        with migrated():
            rows = self._clickhouse.rows(
                f"SELECT * FROM ({_CURRENT.format(where='')}) AS notice"
                " WHERE newest_state IN ('pending', 'retrying') AND arrayAll(one ->"
                " (one.alert_id, one.state) IN (SELECT alert_id, state FROM alert_log)"
                " AND (toUnixTimestamp(one.changed_at) = 0"  # of before, when it was not kept
                " OR (one.alert_id, one.changed_at) IN (SELECT alert_id, changed_at FROM alert_log)),"
                " covered) ORDER BY created_at, covered, notice_id"  # 'firing' comes before 'resolved'
            )
        return [_notice(row) for row in rows]

    def write(self, notices: Sequence[Notice], state: NoticeState = "pending", answer: str = "") -> None:
        """Keep notices in one insert: such as wait, or `muted` ones, never sent, with the reason."""
        rows = []
        for one in notices:
            kept = Attempt(number=0, state=state, answer=answer, duration_ms=0, at=one.created_at)
            rows.append(
                {
                    **_entry(one, kept),
                    "payload": one.payload,
                    "covers": [
                        (
                            covered.alert_id,
                            covered.state,
                            covered.changed_at,
                            covered.rule,
                            covered.division,
                            covered.subject,
                        )
                        for covered in one.covers
                    ],
                }
            )
        self._insert(rows)

    def record(self, made: Sequence[tuple[Notice, Attempt]]) -> None:
        """Keep attempts, in one insert."""
        self._insert([{**_entry(notice, attempt), "payload": "", "covers": []} for notice, attempt in made])

    def notices(self, alert_ids: Sequence[UUID]) -> list[NoticeView]:
        """The notices that tell of any of these alerts, newest first."""
        if not alert_ids:
            return []
        about = (
            "WHERE notice_id IN (SELECT notice_id FROM alert_notice"
            " WHERE attempt = 0 AND hasAny(covers.alert_id, arrayMap(id -> toUUID(id), %(alerts)s)))"
        )
        return self.views(
            "ORDER BY created_at DESC, channel, recipient",
            {"alerts": [str(one) for one in alert_ids]},
            rows=about,
        )

    def views(self, chosen: str, params: Mapping[str, Any], *, rows: str = "") -> list[NoticeView]:
        """Notices as people see them. `chosen` is SQL behind FROM, over the columns of a notice as it stands;
        `rows` says which rows of the table to look at.
        """
        with migrated():
            found = self._clickhouse.rows(
                f"SELECT * EXCEPT (body) FROM ({_CURRENT.format(where=rows)}) AS notice {chosen}", params
            )
        return [_view(row) for row in found]

    def notice(self, id: UUID) -> Notice:
        """The notice of that id, which there must be."""
        with migrated():
            [row] = self._clickhouse.rows(_CURRENT.format(where="WHERE notice_id = %(id)s"), {"id": str(id)})
        return _notice(row)

    def asked_for(self, seconds: float) -> list[Notice]:
        """The notices that somebody had sent again in the last seconds, and that wait."""
        with migrated():
            # Nobody has, nearly always: that much is asked every other second, and one row is its answer.
            [(asked,)] = self._clickhouse.query(
                "SELECT groupUniqArray(notice_id) FROM alert_notice WHERE why = 'resend' AND attempt = 0"
                " AND at > now64(3) - toIntervalMillisecond(%(ms)s)",
                {"ms": round(seconds * 1000)},
            )
            if not asked:
                return []
            rows = self._clickhouse.rows(
                f"SELECT * FROM ({_CURRENT.format(where='WHERE notice_id IN %(asked)s')}) AS notice"
                " WHERE newest_state = 'pending'",
                {"asked": tuple(asked)},
            )
        return [_notice(row) for row in rows]

    def lately(self, seconds: float) -> dict[tuple[str, str], list[datetime]]:
        """When attempts ended in the last seconds, by channel and recipient."""
        with migrated():
            rows = self._clickhouse.query(
                "SELECT channel, recipient, groupArray(at) FROM alert_notice WHERE attempt > 0"
                " AND at > now64(3) - toIntervalMillisecond(%(ms)s) GROUP BY channel, recipient",
                {"ms": round(seconds * 1000)},
            )
        return {(channel, recipient): times for channel, recipient, times in rows}

    def _insert(self, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            with migrated():
                self._clickhouse.insert(_TABLE, {name: [row[name] for row in rows] for name in rows[0]})


def _entry(notice: Notice, attempt: Attempt) -> dict[str, Any]:
    first = next(iter(notice.covers), None)
    made = attempt.model_dump()
    return {
        "notice_id": notice.notice_id,
        "alert_id": first.alert_id if first else NO_ALERT,
        "change": first.state if first else "",
        "rule": first.rule if first else "",
        "division": first.division if first else "",
        "subscriber": notice.subscriber,
        "channel": notice.channel,
        "recipient": notice.recipient,
        "why": notice.why,
        "not_before": notice.not_before,
        "attempt": made.pop("number"),
        **made,
    }


def _notice(row: dict[str, Any]) -> Notice:
    return Notice(
        notice_id=row["notice_id"],
        covers=tuple(Covered(*one) for one in row["covered"]),
        subscriber=row["subscriber"],
        channel=row["channel"],
        recipient=row["recipient"],
        payload=row["body"].encode(),
        why=row["why"],
        created_at=row["created_at"],
        not_before=row["earliest"],
        attempts=row["attempts"],
    )


def _view(row: dict[str, Any]) -> NoticeView:
    covers = [Covered(*one) for one in row["covered"]]
    return NoticeView(
        notice_id=row["notice_id"],
        alert_ids=list(dict.fromkeys(one.alert_id for one in covers)),
        change=covers[0].state if covers else "",
        subscriber=row["subscriber"],
        channel=row["channel"],
        recipient=row["recipient"],
        why=row["why"],
        state=row["newest_state"],
        attempts=row["attempts"],
        answer=row["newest_answer"],
        created_at=row["created_at"],
        at=row["newest_at"],
    )
