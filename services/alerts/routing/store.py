"""Subscribers, silences and acknowledgements in ClickHouse, for service and command line.

Every method blocks, and raises Unavailable if ClickHouse does not answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.alerts.log import migrated
from services.alerts.routing.orders import Acknowledgement, Silence
from services.alerts.routing.subscriber import BUILT_IN, Subscriber
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError

_SILENCES_DAYS = 32
"""How long a silence that is over is of interest: to what fires still and was told before it."""


class UnknownOrder(MinmaiError):
    """A subscriber, silence or alert is named that there is none of."""


class ReservedId(MinmaiError):
    """A subscriber would have the name of one that the settings make."""


@dataclass(frozen=True)
class Firing:
    """An alert that fires; `since` by the county's clock."""

    alert_id: UUID
    rule: str
    division: str
    subject: str
    severity: str
    state: str
    since: datetime


class Store:
    """Reads and writes them."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def revision(self) -> tuple[int, ...]:
        """Differs whenever anything has been changed."""
        tables = ("alert_subscriber", "alert_silence", "alert_ack")
        return tuple(self._rows(f"SELECT max(version) FROM {table}")[0][0] for table in tables)

    def subscribers(self) -> list[Subscriber]:
        """All who are subscribed, by their ids."""
        rows = self._rows("SELECT subscriber FROM alert_subscriber FINAL WHERE NOT deleted ORDER BY id")
        return [Subscriber.model_validate_json(said) for (said,) in rows]

    def subscriber(self, id: str) -> Subscriber:
        """Raises UnknownOrder."""
        rows = self._rows(
            "SELECT subscriber FROM alert_subscriber FINAL WHERE id = %(id)s AND NOT deleted", {"id": id}
        )
        if not rows:
            raise UnknownOrder(
                f"没有订阅者 {id} · there is no subscriber {id}; `minmai alerts list` shows all"
            )
        return Subscriber.model_validate_json(rows[0][0])

    def subscribe(self, subscriber: Subscriber, by: str, now: datetime | None = None) -> Subscriber:
        """Keep a subscriber, new or changed. Raises ReservedId, or UnknownOrder for escalate_to."""
        now = now or datetime.now(UTC)
        if subscriber.id in BUILT_IN:
            raise ReservedId(
                f"{subscriber.id} 由服务设置生成 · {subscriber.id} is made by the settings; take another id"
            )
        if subscriber.escalate_to and subscriber.escalate_to not in BUILT_IN:
            self.subscriber(subscriber.escalate_to)
        known = self._rows(
            "SELECT subscriber FROM alert_subscriber FINAL WHERE id = %(id)s AND NOT deleted",
            {"id": subscriber.id},
        )
        since = Subscriber.model_validate_json(known[0][0]).created_at if known else now
        kept = subscriber.model_copy(update={"created_at": since})
        self._put_subscriber(kept, by, now, deleted=False)
        return kept

    def unsubscribe(self, id: str, by: str, now: datetime | None = None) -> Subscriber:
        """Let a subscriber hear no more. Raises UnknownOrder."""
        if id in BUILT_IN:
            raise ReservedId(f"{id} 由服务设置生成，请改设置 · {id} is made by the settings: change those")
        now = now or datetime.now(UTC)
        gone = self.subscriber(id).model_copy(update={"unsubscribed_at": now})
        self._put_subscriber(gone, by, now, deleted=True)
        return gone

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """Those that hold, are to come, or ended of late; the first that begins first."""
        since = (now or datetime.now(UTC)) - timedelta(days=_SILENCES_DAYS)
        rows = self._rows("SELECT silence FROM alert_silence FINAL WHERE ends >= %(since)s", {"since": since})
        found = [Silence.model_validate_json(said) for (said,) in rows]
        return sorted(found, key=lambda one: (one.begins, one.id))

    def silence(self, silence: Silence, by: str, now: datetime | None = None) -> None:
        """Keep a silence, new or changed."""
        self._put(
            "alert_silence",
            "id",
            silence.id,
            {
                "silence": silence.model_dump_json(),
                "ends": silence.ends,
                "by": by,
                "at": now or datetime.now(UTC),
            },
        )

    def end_silence(self, id: UUID, by: str, now: datetime | None = None) -> Silence:
        """Let a silence end now. Raises UnknownOrder if there is none that holds or is to come."""
        now = now or datetime.now(UTC)
        found = next((one for one in self.silences(now) if one.id == id and one.ends > now), None)
        if found is None:
            raise UnknownOrder(
                f"没有生效中的静默 {id} · no silence {id} holds; `minmai alerts silences` shows them"
            )
        begins = min(found.begins, now)
        over = found.model_copy(update={"ends": now, "begins": begins})
        self.silence(over, by, now)
        return over

    def acknowledgements(self) -> list[Acknowledgement]:
        """All of the last months; those of alerts that are over mean nothing."""
        rows = self._rows(
            "SELECT alert_id, author, note, at FROM alert_ack FINAL"
            " WHERE NOT deleted AND alert_id IN (SELECT alert_id FROM alert_log GROUP BY alert_id"
            " HAVING argMax(condition, changed_at) NOT IN ('resolved', 'ok'))"
        )
        return [Acknowledgement(alert_id=id, author=who, note=note, at=at) for id, who, note, at in rows]

    def acknowledge(self, alert_id: UUID, author: str, note: str, now: datetime | None = None) -> None:
        """Take an alert on. Raises UnknownOrder if it does not fire."""
        self._firing(alert_id)
        kept = Acknowledgement(alert_id=alert_id, author=author, note=note, at=now or datetime.now(UTC))
        said = kept.model_dump(exclude={"alert_id"})
        self._put("alert_ack", "alert_id", alert_id, {**said, "deleted": False})

    def take_back(self, alert_id: UUID, author: str, now: datetime | None = None) -> None:
        """Take an acknowledgement back. Raises UnknownOrder if there is none."""
        if alert_id not in {one.alert_id for one in self.acknowledgements()}:
            raise UnknownOrder(f"{alert_id} 未被确认 · nobody has acknowledged {alert_id}")
        row = {"author": author, "note": "", "deleted": True, "at": now or datetime.now(UTC)}
        self._put("alert_ack", "alert_id", alert_id, row)

    def firing(self) -> list[Firing]:
        """The alerts that fire, the first that began first."""
        rows = self._rows(
            "SELECT alert_id, any(rule), any(division), any(subject), any(severity),"
            " argMax(state, changed_at), min(changed_at) AS since"
            " FROM alert_log WHERE condition != 'pending' GROUP BY alert_id"
            " HAVING argMax(condition, changed_at) IN ('firing', 'recovering')"
            " OR argMax(held, changed_at) IN ('firing', 'recovering') ORDER BY since, alert_id"
        )
        return [Firing(*row) for row in rows]

    def _firing(self, alert_id: UUID) -> None:
        if alert_id not in {one.alert_id for one in self.firing()}:
            raise UnknownOrder(
                f"告警 {alert_id} 未在触发 · alert {alert_id} does not fire; "
                "`minmai alerts firing` lists those that do"
            )

    def _put_subscriber(self, one: Subscriber, by: str, now: datetime, *, deleted: bool) -> None:
        said = one.model_dump_json()
        self._put(
            "alert_subscriber", "id", one.id, {"subscriber": said, "deleted": deleted, "by": by, "at": now}
        )

    def _put(self, table: str, key: str, id: UUID | str, row: Mapping[str, Any]) -> None:
        """Versions grow whatever the clock does, so that the last word holds."""
        [(newest,)] = self._rows(f"SELECT max(version) FROM {table} WHERE {key} = %(id)s", {"id": id})
        version = max(newest + 1, int(datetime.now(UTC).timestamp() * 1e6))
        with migrated():
            columns = {key: [id], "version": [version], **{name: [value] for name, value in row.items()}}
            self._clickhouse.insert(table, columns)

    def _rows(self, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[tuple[Any, ...]]:
        with migrated():
            return self._clickhouse.query(sql, params)
