"""What a subscriber's page tells: the alerts that fire and are theirs, and the notices sent of late."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from schemas.alert import AlertChange
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.log import migrated
from services.alerts.routing.episodes import Index, phase_of
from services.alerts.routing.masks import members
from services.alerts.routing.match import meant
from services.alerts.routing.orders import Acknowledgement, Silence
from services.alerts.routing.store import Store
from services.alerts.routing.subscriber import Subscriber
from services.platform.clickhouse import ClickHouse

MOST_ALERTS = 200
MOST_NOTICES = 20
_SEVERE = {"critical": 0, "warning": 1, "info": 2}


class Firing(Contract):
    """An alert that fires, as its subscribers see it."""

    alert: AlertChange
    acknowledged: Acknowledgement | None
    silenced: Silence | None


class Sent(Contract):
    """A notice to a subscriber."""

    created_at: UtcDatetime
    channel: str
    recipient: str
    state: str
    why: str
    alerts: int


class News:
    """Reads them; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(
        self, clickhouse: ClickHouse, themes: Mapping[str, str], current: Callable[[AlertChange], AlertChange]
    ) -> None:
        """`themes`: the theme of each indicator; `current` says how what a change tells of stands now."""
        self._clickhouse = clickhouse
        self._store = Store(clickhouse)
        self._themes = themes
        self._current = current

    def firing(self, subscriber: Subscriber, now: datetime) -> list[Firing]:
        """The alerts that fire and that the subscriber hears of, the most severe first."""
        with migrated():
            rows = self._clickhouse.query(
                "SELECT argMax(change, changed_at) FROM alert_log GROUP BY alert_id"
                " HAVING argMax(condition, changed_at) NOT IN ('ok', 'pending', 'resolved')"
            )
        changes = [AlertChange.model_validate_json(said) for (said,) in rows if said]
        index = Index(self._themes)
        for slot, change in enumerate(changes):
            index.put(slot, change)
        theirs = [changes[slot] for slot in members(meant(subscriber, index))]
        live = [change for change in theirs if phase_of(change) == "live"]
        live.sort(key=lambda one: (_SEVERE[one.severity], -one.changed_at.timestamp(), one.division))
        acknowledged = {one.alert_id: one for one in self._store.acknowledgements()}
        silenced = {
            id: silence
            for silence in self._store.silences(now)
            if silence.holds(now)
            for id in silence.alerts
        }
        return [
            Firing(
                alert=self._current(one),
                acknowledged=acknowledged.get(one.alert_id),
                silenced=silenced.get(one.alert_id),
            )
            for one in live[:MOST_ALERTS]
        ]

    def is_theirs(self, subscriber: Subscriber, alert_id: UUID, now: datetime) -> bool:
        """Whether an alert fires, and is one that the subscriber hears of."""
        return any(one.alert.alert_id == alert_id for one in self.firing(subscriber, now))

    def sent(self, subscriber: str) -> list[Sent]:
        """The newest notices to a subscriber."""
        with migrated():
            rows = self._clickhouse.rows(
                "SELECT minIf(at, attempt = 0) AS created_at, any(channel) AS channel,"
                " any(recipient) AS recipient, argMax(state, attempt) AS state, any(why) AS why,"
                " max(length(covers)) AS alerts FROM alert_notice WHERE notice_id IN (SELECT notice_id"
                " FROM alert_notice WHERE attempt = 0 AND subscriber = %(subscriber)s"
                " ORDER BY at DESC LIMIT %(most)s) GROUP BY notice_id ORDER BY created_at DESC",
                {"subscriber": subscriber, "most": MOST_NOTICES},
            )
        return [Sent.model_validate(row) for row in rows]
