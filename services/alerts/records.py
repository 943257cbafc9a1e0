"""The ledger for people: what was sent to whom, and what became of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.alerts.channels import Notice
from services.alerts.ledger import Attempt, Ledger, NoticeView
from services.alerts.log import migrated
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError

_SHORTEST_ID = 6


class NoticeError(MinmaiError):
    """A notice cannot be found, or not be sent again."""


@dataclass(frozen=True)
class Wanted:
    """Which notices; empty texts mean any."""

    subscriber: str = ""
    channel: str = ""
    state: str = ""
    alert: str = ""
    limit: int = 50


class Records:
    """Reads the ledger; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._ledger = Ledger(clickhouse)

    def listed(self, wanted: Wanted) -> list[NoticeView]:
        """Notices, the newest first."""
        terms = {
            "subscriber": (wanted.subscriber, "subscriber = %(subscriber)s"),
            "channel": (wanted.channel, "channel = %(channel)s"),
            "state": (wanted.state, "newest_state = %(state)s"),
            "alert": (wanted.alert, "arrayExists(x -> startsWith(toString(x.alert_id), %(alert)s), covered)"),
        }
        given = {name: (value, sql) for name, (value, sql) in terms.items() if value}
        where = " AND ".join(sql for _, sql in given.values()) or "1"
        params = {name: value for name, (value, _) in given.items()}
        return self._ledger.views(f"WHERE {where} ORDER BY created_at DESC LIMIT {wanted.limit:d}", params)

    def found(self, id: str) -> tuple[NoticeView, Notice, list[Attempt]]:
        """The one notice whose id begins so, as it was sent, and its attempts; raises NoticeError."""
        if len(id) < _SHORTEST_ID:
            raise NoticeError(f"{id}: 至少写 {_SHORTEST_ID} 位 · give at least {_SHORTEST_ID} characters")
        # Two rows of one id tell as much as all.
        views = self._ledger.views("WHERE startsWith(toString(notice_id), %(id)s) LIMIT 2", {"id": id})
        if len(views) != 1:
            raise NoticeError(
                f"{id}: 有多条，请多写几位 · there are several: write more of it"
                if views
                else f"{id}: 没有这条通知 · there is no such notice"
            )
        notice = self._ledger.notice(views[0].notice_id)
        return views[0], notice, self._attempts(notice.notice_id)

    def resend(self, id: str) -> Notice:
        """Have a notice sent again as it was, payload and all, by the service within seconds; return the new
        one, which has an id, and so an idempotency key, of its own. Raises NoticeError.
        """
        view, notice, _ = self.found(id)
        if view.state in ("pending", "retrying"):
            raise NoticeError(f"{id}: 仍在发送 · it is being sent still: {view.answer}")
        now = datetime.now(UTC)
        again = Notice(
            notice_id=uuid4(),
            covers=notice.covers,
            subscriber=notice.subscriber,
            channel=notice.channel,
            recipient=notice.recipient,
            payload=notice.payload,
            why="resend",
            created_at=now,
            not_before=now,
        )
        self._ledger.write([again])
        return again

    def _attempts(self, id: UUID) -> list[Attempt]:
        with migrated():
            rows = self._clickhouse.rows(
                "SELECT attempt AS number, state, answer, duration_ms, at FROM alert_notice"
                " WHERE notice_id = %(id)s ORDER BY attempt",
                {"id": str(id)},
            )
        return [Attempt.model_validate(row) for row in rows]
