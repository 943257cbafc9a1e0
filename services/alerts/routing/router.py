"""Every subscriber's notices: changes go in, what is to be told comes out. Pure; the wall clock is handed in.

Whoever uses it keeps each batch of tellings in the ledger before asking for the next, and begins a new router
from log and ledger where that failed: nothing that matters lives only here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schemas.alert import AlertChange
from schemas.declaration import Text
from services.alerts.routing.episodes import Episodes, Outdated
from services.alerts.routing.group import Telling, View, decide, news_for
from services.alerts.routing.masks import members, union
from services.alerts.routing.memory import Memory, Told, remember
from services.alerts.routing.mute import Muting, muting
from services.alerts.routing.orders import Acknowledgement, Silence
from services.alerts.routing.schedule import quiet_until
from services.alerts.routing.subscriber import Subscriber


@dataclass(frozen=True)
class Verbatim:
    """A logged change for a subscriber who hears every one."""

    subscriber: Subscriber
    change: AlertChange


Logged = tuple[AlertChange, datetime]
"""A change, and when it was logged, by the wall clock."""


class Router:
    """Who has been told what, and what is to be told."""

    def __init__(
        self,
        themes: Mapping[str, str],
        subscribers: Iterable[Subscriber] = (),
        silences: Iterable[Silence] = (),
        acknowledgements: Iterable[Acknowledgement] = (),
    ) -> None:
        """`themes`: of each indicator."""
        self.episodes = Episodes(themes)
        self._memories: dict[str, Memory] = {}
        self._unrouted: list[AlertChange] = []
        self._outdated = Outdated()
        self._changed = True
        self._dues: dict[str, datetime | None] = {}
        self._now: datetime | None = None
        self._muting: Muting | None = None
        self.obey(subscribers, silences, acknowledgements)

    def obey(
        self,
        subscribers: Iterable[Subscriber],
        silences: Iterable[Silence],
        acknowledgements: Iterable[Acknowledgement],
    ) -> None:
        """From now on these hold, and no others."""
        self._subscribers = {one.id: one for one in subscribers if one.unsubscribed_at is None}
        self._silences = list(silences)
        self._acknowledged = {one.alert_id: one for one in acknowledgements}
        self._changed = True

    def recall(
        self, logged: Iterable[Logged], told: Iterable[Told], unrouted: Iterable[AlertChange], now: datetime
    ) -> None:
        """Take in what log and ledger know when a process begins; all oldest first.

        `unrouted`: the logged changes that no notice to a subscriber of every change covers.
        """
        for change, at in logged:
            self.episodes.take(change, at)
        self._memories = remember(told, self.episodes)
        self._unrouted = list(unrouted)
        self._set_back(now)

    def silenced(self, now: datetime) -> dict[UUID, tuple[Text, str]]:
        """The alerts that fire and are silenced now, each with why and by whom."""
        found = {}
        current = muting(self.episodes, self._silences, now)
        for slot in members(current.silenced.now & self.episodes.live):
            _state, why, by = current.reason(slot, self.episodes)
            found[self.episodes.slots[slot].first.alert_id] = (why, by)
        return found

    def acknowledged(self) -> dict[UUID, tuple[Text, str]]:
        """The alerts that fire and are acknowledged, each with why and by whom."""
        found = {}
        for id, one in self._acknowledged.items():
            slot = self.episodes.slot_of(id)
            if slot is not None and self.episodes.live >> slot & 1:
                note = f"：{one.note}" if one.note else ""
                words = Text(zh=f"{one.author} 已确认{note}", en=f"acknowledged by {one.author}")
                found[id] = (words, one.author)
        return found

    def hear(self, logged: Iterable[Logged]) -> None:
        """Take in changes that have just been logged."""
        for change, at in logged:
            self._outdated |= self.episodes.take(change, at)
            self._unrouted.append(change)
            self._changed = True

    def tick(self, now: datetime) -> list[Telling | Verbatim]:
        """What is to be told now. It counts as told: see the module."""
        if self._now is not None and now < self._now:
            self._set_back(now)
        self._now = now
        for memory in self._memories.values() if self._outdated.any else ():
            memory.outdate(self._outdated)
        self._outdated = Outdated()
        view = self._view(now)
        found: list[Telling | Verbatim] = []
        for one in self._subscribers.values():
            if one.mode == "every":
                found += [Verbatim(one, change) for change in self._unrouted]
            elif self._changed or ((due := self._dues.get(one.id)) is not None and due <= now):
                found += self._turn(one, view)
        self._unrouted = []
        self._changed = False
        return found

    @property
    def next(self) -> datetime | None:
        """When there may be something to tell if nothing changes until then; None: nothing is waited for."""
        edges = [due for due in self._dues.values() if due is not None]
        if self._muting is not None and self._muting.until is not None:
            edges.append(self._muting.until)
        return min(edges, default=None)

    def _view(self, now: datetime) -> View:
        until = self._muting.until if self._muting is not None else None
        if self._muting is None or self._changed or (until is not None and until <= now):
            self._muting = muting(self.episodes, self._silences, now)
            self._changed = True
        known = (self.episodes.slot_of(alert) for alert in self._acknowledged)
        acknowledged = union(1 << slot for slot in known if slot is not None)
        return View(self.episodes, self._muting, acknowledged, self.episodes.forgotten(now), now)

    def _turn(self, one: Subscriber, view: View) -> list[Telling]:
        memory = self._memories.setdefault(one.id, Memory())
        tellings, due = decide(one, memory, view)
        for telling in tellings:
            self._apply(memory, telling, view)
        escalations, later = self._escalations(one, memory, view)
        dues = [moment for moment in (due, later) if moment is not None]
        if tellings:  # what follows of it is known once it is told
            _none, after = decide(one, memory, view)
            dues = [moment for moment in (after, later) if moment is not None]
        self._dues[one.id] = min(dues, default=None)
        return [*tellings, *escalations]

    def _escalations(
        self, one: Subscriber, memory: Memory, view: View
    ) -> tuple[list[Telling], datetime | None]:
        """What nobody has acknowledged in time, for whoever is to hear of it then."""
        target = self._subscribers.get(one.escalate_to) if one.escalate_to else None
        if target is None:
            return [], None
        theirs = self._memories.setdefault(target.id, Memory())
        news = news_for(one, memory, view)
        waiting = news.standing & ~news.muted & ~theirs.escalated
        after = timedelta(seconds=one.escalate_after)
        due, nexts = 0, []
        for at, slots in memory.begun.sets:
            if slots & waiting:
                if at + after <= view.now:
                    due |= slots & waiting
                else:
                    nexts.append(at + after)
        until = quiet_until(target.quiet, target.zone, view.now) if due else None
        if until is not None:
            held = due if not target.critical_passes else due & ~view.episodes.urgent
            if held:
                nexts.append(until)
            due &= ~held
        if not due:
            return [], min(nexts, default=None)
        telling = Telling(target, "escalation", due, due & ~theirs.heard, view.now.isoformat())
        self._apply(theirs, telling, view)
        self._dues[target.id] = view.now  # its repeats count anew
        return [telling], min(nexts, default=None)

    def _apply(self, memory: Memory, telling: Telling, view: View) -> None:
        if telling.muted:
            memory.noted |= telling.slots
        else:
            memory.tell(telling.slots, view.now, telling.why, self.episodes)

    def _set_back(self, now: datetime) -> None:
        self.episodes.set_back(now)
        for memory in self._memories.values():
            memory.set_back(now)
        self._muting = None
        self._changed = True
