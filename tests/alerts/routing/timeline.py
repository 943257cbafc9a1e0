"""Timelines of routing: alerts fire and end, people say things, the clock is the test's.

Moments are seconds from noon, Beijing time. `Timeline.told` is what subscribers were told, as
`(second, subscriber, why, "alerts")`, where `+a` is a beginning, `-a` an end and `a` what is known to fire.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.alert import AlertChange, Condition
from schemas.declaration import Text
from services.alerts.routing.masks import members
from services.alerts.routing.memory import Told
from services.alerts.routing.orders import Acknowledgement, Silence
from services.alerts.routing.router import Logged, Router, Verbatim
from services.alerts.routing.subscriber import Address, Subscriber

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)
COUNTY = "532622"
TOWNSHIP = "532622101"
THEMES = {"beds": "health", "places": "childcare_education"}

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def alert(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def person(id: str = "ann", **wanted: Any) -> Subscriber:
    mail = Address(channel="mail", address=f"{id}@county.example")
    return Subscriber(**{"id": id, "name": id, "channels": [mail], **wanted})


def change(name: str, condition: Condition, tick: int, **more: Any) -> AlertChange:
    """The alert `name`; its rule is the part before a colon, unless given."""
    rule = name.partition(":")[0]
    return AlertChange(
        **{
            "alert_id": alert(name),
            "state": condition,
            "condition": condition,
            "held": "firing" if condition == "no_data" else None,
            "severity": "warning",
            "rule": rule,
            "name": Text(zh=rule, en=rule),
            "reason": Text(zh="因", en="why"),
            "indicator": "beds",
            "indicator_name": Text(zh="床位", en="beds"),
            "division": COUNTY,
            "division_name": "砚山县",
            "numerator": Decimal(1),
            "denominator": None,
            "value": 1.0,
            "shown": "1",
            "unit": Text(zh="个", en="pieces"),
            "direction": "at_least",
            "threshold": Decimal(2),
            "clear_level": Decimal(2),
            "gap": "-1",
            "as_of": date(2026, 3, 4),
            "figure_version": tick,
            "owner": "",
            "changed_at": NOON + timedelta(milliseconds=tick, microseconds=700),
            "link": "https://board.example/",
            **more,
        }
    )


@dataclass
class Timeline:
    """A router, what is logged and what the ledger has; `restart` makes another router of these."""

    subscribers: Sequence[Subscriber]
    silences: list[Silence] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)
    ledger: list[Told] = field(default_factory=list)
    told: list[tuple[float, str, str, str]] = field(default_factory=list)
    muted: list[tuple[float, str, str]] = field(default_factory=list)
    every: list[AlertChange] = field(default_factory=list)
    begun: list[tuple[str, UUID, datetime]] = field(default_factory=list)
    now: float = 0
    named: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.router = self._router()
        self._routed = 0

    def fires(self, name: str, **more: Any) -> None:
        self.says(name, "firing", **more)

    def ends(self, name: str, **more: Any) -> None:
        self.says(name, "resolved", **more)

    def says(self, name: str, condition: Condition, **more: Any) -> None:
        """A change is logged, and looked at before any time passes."""
        self.named.add(name)
        first = next((one for one, _at in self.log if one.alert_id == alert(name)), None)
        if first is not None:
            kept = ("severity", "division", "rule", "indicator", "kind")
            more = {**{key: getattr(first, key) for key in kept}, **more}
        said = change(name, condition, len(self.log) + 1, **more)
        self.log.append((said, at(self.now)))
        self.router.hear([self.log[-1]])
        self.tick()

    def silence(self, seconds: float, **meant: Any) -> None:
        self.silences.append(
            Silence(
                id=uuid5(NAMESPACE_URL, str(len(self.silences))),
                author="ann",
                reason="works",
                begins=at(self.now),
                ends=at(self.now + seconds),
                **meant,
            )
        )
        self.orders()

    def acknowledge(self, name: str) -> None:
        self.acknowledgements.append(Acknowledgement(alert_id=alert(name), author="ann", at=at(self.now)))
        self.orders()

    def orders(self) -> None:
        self.router.obey(self.subscribers, self.silences, self.acknowledgements)
        self.tick()

    def until(self, second: float) -> None:
        """Let time pass, and the router look whenever it wants to."""
        for _step in range(10_000):
            due = self.router.next
            if due is None or due > at(second):
                break
            assert due > at(self.now), "it would turn without end"
            self.now = (due - NOON).total_seconds()
            self.tick()
        else:
            raise AssertionError("it looks too often")
        self.now = second
        self.tick()

    def restart(self) -> None:
        self.router = self._router()
        self.router.recall(
            self.log, self.ledger, [one for one, _at in self.log[self._routed :]], at(self.now)
        )
        self.tick()

    def crash(self, *, after_log: tuple[str, Condition] | None = None) -> None:
        """What the router says now is lost, and so perhaps is that something was logged."""
        if after_log is not None:
            name, state = after_log
            self.named.add(name)
            self.log.append((change(name, state, len(self.log) + 1), at(self.now)))
            self.router.hear([self.log[-1]])
        self.router.tick(at(self.now))
        self.restart()

    def tick(self) -> None:
        for telling in self.router.tick(at(self.now)):
            if isinstance(telling, Verbatim):
                self.every.append(telling.change)
                continue
            changes = telling.changes(self.router.episodes)
            muted = bool(telling.muted)
            if not muted and telling.only != "end":
                fresh = (self.router.episodes.slots[slot].first for slot in members(telling.fresh))
                self.begun += [(telling.subscriber.id, one.alert_id, one.changed_at) for one in fresh]
            who, now = telling.subscriber.id, at(self.now)
            self.ledger += [
                Told(who, one.alert_id, one.state, one.changed_at, telling.why, muted, now) for one in changes
            ]
            names = self._names(changes, telling.why)
            if muted:
                self.muted.append((self.now, telling.subscriber.id, names))
            else:
                self.told.append((self.now, telling.subscriber.id, telling.why, names))
        self._routed = len(self.log)

    def heard_by(self, id: str = "ann") -> list[tuple[float, str, str]]:
        return [(second, why, names) for second, who, why, names in self.told if who == id]

    def _names(self, changes: Iterable[AlertChange], why: str) -> str:
        known = {alert(one): one for one in self._known()}
        sign = {"firing": "" if why == "repeat" else "+", "resolved": "-", "no_data": "?"}
        return " ".join(f"{sign[one.condition]}{known[one.alert_id]}" for one in changes)

    def _known(self) -> list[str]:
        return sorted(self.named)

    def _router(self) -> Router:
        return Router(THEMES, self.subscribers, self.silences, self.acknowledgements)
