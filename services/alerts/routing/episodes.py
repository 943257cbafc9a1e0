"""What there is to tell of: the alerts that fire, or have lately ended, each in a slot of its own.

A set of them is a bit mask of slots. Slots are given in the order in which the alerts began, so the first
that began of a set is its lowest bit. No I/O.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schemas.alert import AlertChange
from services.alerts.routing.masks import members, union

_KEPT = timedelta(days=3)
"""How long an alert that has ended can still be news for somebody who was not told of it: longer than any
quiet hours and than the time between two digests."""

_RANKS = {"critical": 0, "warning": 1, "info": 2}


@dataclass
class Episode:
    """One alert, from its first firing change. Moments are by the wall clock."""

    first: AlertChange
    """The change it began with, or began anew with."""
    newest: AlertChange
    """The newest change there is to tell of."""
    began: datetime
    ended: datetime | None = None
    lacking: AlertChange | None = None
    """The change that said its data is missing, while it is."""
    inhibited: AlertChange | None = None
    """The change that said so, while it is inhibited, or when it was as it ended."""
    correction: AlertChange | None = None
    """The newest change that corrected what had been told."""

    @property
    def whole(self) -> tuple[AlertChange, AlertChange]:
        """Its beginning and how it stands, for whoever has heard of neither."""
        return self.first, self.newest


@dataclass(frozen=True)
class Outdated:
    """Slots for which what a subscriber was told no longer says how they stand."""

    begun: int = 0
    no_data: int = 0
    corrected: int = 0
    any: int = 0

    def __or__(self, other: "Outdated") -> "Outdated":
        return Outdated(
            self.begun | other.begun,
            self.no_data | other.no_data,
            self.corrected | other.corrected,
            self.any | other.any,
        )


class Index:
    """Masks of slots by what alerts have in common."""

    def __init__(self, themes: Mapping[str, str]) -> None:
        """`themes`: the theme of each indicator that has one."""
        self._themes = themes
        self._masks: dict[tuple[str, str], int] = defaultdict(int)
        self._within: dict[str, int] = {}
        self.every = 0

    def put(self, slot: int, change: AlertChange) -> None:
        """Enter a new slot."""
        bit = 1 << slot
        self.every |= bit
        for key in (
            ("severity", change.severity),
            ("indicator", change.indicator),
            ("theme", self._themes.get(change.indicator, "")),
            ("kind", change.kind),
            ("rule", change.rule),
            ("division", change.division),
            ("alert", str(change.alert_id)),
        ):
            self._masks[key] |= bit
        self._within.clear()

    def of(self, what: str, values: Iterable[str]) -> int:
        """The slots whose `what` is one of the values."""
        return union(self._masks.get((what, value), 0) for value in values)

    def within(self, division: str) -> int:
        """The slots in a division or in what lies in it: a code begins with that of what it lies in."""
        if division not in self._within:
            self._within[division] = union(
                mask
                for (what, code), mask in self._masks.items()
                if what == "division" and code.startswith(division)
            )
        return self._within[division]


class Episodes:
    """All that fires, and what has ended of late."""

    def __init__(self, themes: Mapping[str, str]) -> None:
        self.index = Index(themes)
        self.slots: list[Episode] = []
        self.live = 0
        self.over = 0
        self.no_data = 0
        self.corrected = 0
        self.urgent = 0
        self.inhibited = 0
        self.moved = 0
        """What no longer just fires: who has heard nothing of it is told of its beginning too."""
        self._by_id: dict[UUID, int] = {}
        self._ranks: list[int] = []
        self._lasted: dict[int, int] = {}
        self._endings: list[tuple[datetime, int]] | None = None

    def slot_of(self, alert_id: UUID) -> int | None:
        """The slot of an alert that is known."""
        return self._by_id.get(alert_id)

    def take(self, change: AlertChange, at: datetime) -> Outdated:
        """Let a change that was logged at a moment be known; returns what is no longer true of what was told.

        A change that is of no firing alert is nothing: pending, or data missing where nothing fired.
        """
        slot = self._by_id.get(change.alert_id)
        phase = phase_of(change)
        if slot is None:
            if phase != "live":
                return Outdated()
            slot = self._begin(change, at)
            self._inhibit(slot, change)
            return self._stand(slot, change)
        if phase == "quiet":
            return Outdated()
        if phase == "live":
            self._inhibit(slot, change)
        episode, bit = self.slots[slot], 1 << slot
        outdated = Outdated()
        if phase == "over":
            if self.live & bit:
                episode.ended = at
                self._tell(slot, change)
                self.live &= ~bit
                self.no_data &= ~bit
                episode.lacking = None
                self.over |= bit
                outdated = Outdated(any=bit)
        elif self.over & bit:  # the same alert fires again: a later record has shown that it had not ended
            episode.first = episode.newest = change
            episode.began, episode.ended, episode.correction = at, None, None
            self.moved &= ~bit
            outdated = Outdated(begun=bit, any=bit) | self._stand(slot, change)
        else:
            outdated = self._stand(slot, change)
            if outdated.any:
                self._tell(slot, change)
        if change.correction and not outdated.begun:
            self._tell(slot, change)
            episode.correction = change
            self.corrected |= bit
            outdated |= Outdated(corrected=bit, any=bit)
        self._lasted.clear()
        self._endings = None
        return outdated

    def ranked(self, slots: Iterable[int]) -> list[int]:
        """Slots that are given in their order with the most severe first."""
        return sorted(slots, key=self._ranks.__getitem__)

    def lasted(self, seconds: int) -> int:
        """The slots that have ended after firing for so long at least, as far as can be known."""
        if seconds not in self._lasted:
            wait = timedelta(seconds=seconds)
            self._lasted[seconds] = union(
                1 << slot for slot in members(self.over) if _has_lasted(self.slots[slot], wait)
            )
        return self._lasted[seconds]

    def ended_by(self, moment: datetime) -> int:
        """The slots that had ended by then."""
        if self._endings is None:
            whole, self._endings = 0, []
            ended = [(one.ended, slot) for slot in members(self.over) if (one := self.slots[slot]).ended]
            for at, slot in sorted(ended):
                whole |= 1 << slot
                self._endings.append((at, whole))
        number = bisect_right(self._endings, moment, key=lambda one: one[0])
        return self._endings[number - 1][1] if number else 0

    def forgotten(self, now: datetime) -> int:
        """The slots that ended so long ago that nobody hears of them who has not heard of them yet."""
        return self.ended_by(now - _KEPT)

    def set_back(self, now: datetime) -> None:
        """Nothing has been in the future: what seems so was dated before the clock was set back."""
        for episode in self.slots:
            if episode.ended is None:
                episode.began = min(episode.began, now)
            elif episode.ended > now:
                episode.began, episode.ended = now - (episode.ended - episode.began), now
        self._lasted.clear()
        self._endings = None

    def _tell(self, slot: int, change: AlertChange) -> None:
        """Let a change be what there is to tell of a slot."""
        self.slots[slot].newest = change
        if change.condition == "firing":
            self.moved &= ~(1 << slot)
        else:
            self.moved |= 1 << slot

    def _begin(self, change: AlertChange, at: datetime) -> int:
        slot = len(self.slots)
        self.slots.append(Episode(change, change, at))
        self._by_id[change.alert_id] = slot
        self._ranks.append(_RANKS[change.severity])
        self.index.put(slot, change)
        if change.severity == "critical":
            self.urgent |= 1 << slot
        return slot

    def _inhibit(self, slot: int, change: AlertChange) -> None:
        """Note whether it is inhibited; what is silenced too shows only that."""
        if change.state == "inhibited":
            self.slots[slot].inhibited = change
            self.inhibited |= 1 << slot
        elif change.state != "silenced":
            self.slots[slot].inhibited = None
            self.inhibited &= ~(1 << slot)

    def _stand(self, slot: int, change: AlertChange) -> Outdated:
        """Let a slot be live, with data or without; what differs from before is outdated."""
        bit = 1 << slot
        episode, known, lacking = self.slots[slot], self.live & bit, self.no_data & bit
        self.live |= bit
        self.over &= ~bit
        if change.condition in ("no_data", "error"):
            self.no_data |= bit
            episode.lacking = episode.lacking or change
            return Outdated(any=bit) if known and not lacking else Outdated()
        self.no_data &= ~bit
        episode.lacking = None
        return Outdated(no_data=bit, any=bit) if lacking else Outdated()


def _has_lasted(one: Episode, wait: timedelta) -> bool:
    """An end before its beginning says that the clock was set back between them: then nobody knows."""
    return one.ended is not None and (one.ended - one.began >= wait or one.ended < one.began)


def phase_of(change: AlertChange) -> str:
    """`live` while an alert fires, with data or without; `over` once it has ended; `quiet` if neither."""
    condition = change.condition
    if condition in ("no_data", "error"):
        condition = change.held or "ok"
    if condition in ("firing", "recovering"):
        return "live"
    return "over" if condition in ("resolved", "ok") else "quiet"
