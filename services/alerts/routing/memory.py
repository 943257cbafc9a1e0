"""What a subscriber has been told, as the ledger has it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from schemas.alert import AlertChange
from services.alerts.routing.episodes import Episodes, Outdated

_DATED = datetime(1970, 1, 2, tzinfo=UTC)
"""Notices from before the ledger knew which change they tell of are dated before."""

_TICK = timedelta(milliseconds=1)

Urgency = Literal["critical", "other"]
"""What goes into one notice: critical news waits for no other."""


@dataclass(frozen=True)
class Told:
    """What one notice of the ledger told a subscriber of one alert, or did not: then it was `muted`."""

    subscriber: str
    alert_id: UUID
    state: str
    changed_at: datetime
    why: str
    muted: bool
    at: datetime

    def tells_of(self, change: AlertChange) -> bool:
        """Whether it is of this change of the alert, or a later one; the ledger cuts moments to its tick."""
        return self.changed_at > change.changed_at - _TICK


@dataclass
class Moments:
    """When slots were told of: each is in the set of its newest moment."""

    sets: list[tuple[datetime, int]] = field(default_factory=list)

    def put(self, at: datetime, mask: int) -> None:
        """Date some slots anew."""
        self.sets = [(then, left) for then, slots in self.sets if (left := slots & ~mask)]
        self.sets.append((at, mask))

    def keep(self, mask: int) -> None:
        """Forget all other slots."""
        self.sets = [(at, left) for at, slots in self.sets if (left := slots & mask)]

    def set_back(self, now: datetime) -> None:
        self.sets = [(min(at, now), slots) for at, slots in self.sets]


@dataclass
class Memory:
    """Masks of slots: what was told of each."""

    heard: int = 0
    """That it began."""
    ended: int = 0
    """That it ended."""
    no_data: int = 0
    """That its data is missing."""
    corrected: int = 0
    """Its newest correction."""
    noted: int = 0
    """Nothing, and the ledger says why."""
    escalated: int = 0
    """That nobody had acknowledged it."""
    last: dict[Urgency, datetime] = field(default_factory=dict)
    """When the newest notice was made."""
    told: Moments = field(default_factory=Moments)
    """When each was told of last, while it fires: repeats count from there."""
    begun: Moments = field(default_factory=Moments)
    """When each was told of first: escalation counts from there."""

    @property
    def open(self) -> int:
        """What began and, as far as the subscriber knows, has not ended."""
        return self.heard & ~self.ended

    def outdate(self, by: Outdated) -> None:
        """Forget what no longer says how alerts stand."""
        self.heard &= ~by.begun
        self.ended &= ~by.begun
        self.no_data &= ~(by.no_data | by.begun)
        self.corrected &= ~(by.corrected | by.begun)
        self.noted &= ~by.any
        self.escalated &= ~by.begun

    def tell(self, mask: int, at: datetime, why: str, episodes: Episodes) -> None:
        """Some slots are told of, as they stand now."""
        fresh = mask & ~self.heard
        self.heard |= mask
        self.ended = (self.ended & ~mask) | (mask & episodes.over)
        self.no_data |= mask & episodes.no_data
        self.corrected |= mask & episodes.corrected
        if why == "escalation":
            self.escalated |= mask
        if mask & episodes.urgent:
            self.last["critical"] = at
        if mask & ~episodes.urgent:
            self.last["other"] = at
        self.told.put(at, mask)
        self.told.keep(self.open)
        self.begun.put(at, fresh)
        self.begun.keep(self.open)

    def set_back(self, now: datetime) -> None:
        """The clock was set back: nothing was told in the future."""
        self.last = {urgency: min(at, now) for urgency, at in self.last.items()}
        self.told.set_back(now)
        self.begun.set_back(now)


def remember(rows: Iterable[Told], episodes: Episodes) -> dict[str, Memory]:
    """What each subscriber has been told, by the ledger's rows.

    Changes tell their order, wall clocks may be set back.
    """
    memories: dict[str, Memory] = {}
    for row in sorted(rows, key=lambda row: (row.changed_at, row.at)):
        memory = memories.setdefault(row.subscriber, Memory())
        slot = episodes.slot_of(row.alert_id)
        if slot is None:
            continue
        bit = 1 << slot
        episode = episodes.slots[slot]
        if row.muted:
            if row.tells_of(episode.newest):
                memory.noted |= bit
            continue
        _recall(memory, bit, row, episodes)
    return memories


def _recall(memory: Memory, bit: int, row: Told, episodes: Episodes) -> None:
    episode = episodes.slots[bit.bit_length() - 1]
    if row.changed_at > _DATED and not row.tells_of(episode.first):
        return  # of the same alert before it fired anew
    if not memory.heard & bit:
        memory.begun.put(row.at, bit)
    memory.heard |= bit
    over = row.state in ("resolved", "ok")
    memory.ended = memory.ended | bit if over else memory.ended & ~bit
    if episode.lacking is not None and row.tells_of(episode.lacking):
        memory.no_data |= bit
    if episode.correction is not None and row.tells_of(episode.correction):
        memory.corrected |= bit
    if row.why == "escalation":
        memory.escalated |= bit
    urgency = urgency_of(bit, episodes)
    memory.last[urgency] = max(row.at, memory.last.get(urgency, row.at))
    memory.told.put(row.at, bit)
    memory.told.keep(memory.open)
    memory.begun.keep(memory.open)


def urgency_of(bit: int, episodes: Episodes) -> Urgency:
    """What a slot is told together with."""
    return "critical" if bit & episodes.urgent else "other"
