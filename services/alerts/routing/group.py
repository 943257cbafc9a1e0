"""What one subscriber is told now, what goes into one notice, and when to look again. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from schemas.alert import AlertChange
from services.alerts.channels import Why
from services.alerts.routing.episodes import Episodes
from services.alerts.routing.masks import lowest, members, union
from services.alerts.routing.match import meant
from services.alerts.routing.memory import Memory, Urgency
from services.alerts.routing.mute import Muting
from services.alerts.routing.schedule import digest_after, digest_before, quiet_until
from services.alerts.routing.subscriber import Subscriber

_URGENCIES: tuple[tuple[Urgency, ...], ...] = (("critical",), ("other",))
_TOGETHER: tuple[tuple[Urgency, ...], ...] = (("critical", "other"),)


@dataclass(frozen=True)
class Telling:
    """One notice to make: some slots, of which a subscriber hears of `fresh` for the first time.

    A `muted` one is only kept; the text says why nobody is told. `only` is for whom beginning and end of what
    has come and gone are notices of their own.
    """

    subscriber: Subscriber
    why: Why
    slots: int
    fresh: int
    occasion: str
    muted: str = ""
    only: Literal["", "beginning", "end"] = ""

    def changes(self, episodes: Episodes) -> tuple[AlertChange, ...]:
        """What it tells of, the most severe first, the beginning of an alert before its end."""
        found: list[AlertChange] = []
        twice = 0 if self.only else self.fresh & episodes.moved
        for slot in episodes.ranked(members(self.slots)):
            one = episodes.slots[slot]
            if self.only == "beginning":
                found.append(one.first)
            else:
                found += one.whole if twice >> slot & 1 else (one.newest,)
        return tuple(found)

    def plain(self, episodes: Episodes) -> bool:
        """Whether it tells of each slot's newest change and of nothing else."""
        return not (self.only or self.slots & self.fresh & episodes.moved)


@dataclass(frozen=True)
class View:
    """How things stand for everybody."""

    episodes: Episodes
    muting: Muting
    acknowledged: int
    forgotten: int
    now: datetime
    _meant: dict[str, int] = field(default_factory=dict)

    def meant(self, subscriber: Subscriber) -> int:
        """The slots that a subscriber means."""
        found = self._meant.get(subscriber.id)
        if found is None:
            found = self._meant[subscriber.id] = meant(subscriber, self.episodes.index)
        return found


class News(NamedTuple):
    """What there is for one subscriber to be told, and what of it now; masks of slots."""

    fresh: int
    """Began, and the subscriber does not know."""
    ended: int
    """Ended, and the subscriber does not know."""
    lacking: int
    """Data went missing."""
    corrected: int
    standing: int
    """Known to fire, and nobody has acknowledged it."""
    open: int
    muted: int

    @property
    def any(self) -> int:
        return self.fresh | self.ended | self.lacking | self.corrected

    def within(self, mask: int) -> "News":
        """Of some slots."""
        fresh, ended, lacking, corrected, standing, open, muted = self
        return News(
            fresh & mask,
            ended & mask,
            lacking & mask,
            corrected & mask,
            standing & mask,
            open & mask,
            muted & mask,
        )

    def why(self) -> Why:
        """The reason of a notice of all this."""
        if self.fresh:
            return "new" if self.open else "first"
        if self.ended:
            return "resolved"
        if self.corrected:
            return "correction"
        return "new" if self.lacking else "repeat"


def news_for(subscriber: Subscriber, memory: Memory, view: View) -> News:
    """Find how alerts stand against what a subscriber has been told."""
    episodes, muting = view.episodes, view.muting
    matched = view.meant(subscriber)
    under = muting.everybody
    if subscriber.mute_townships:
        under |= muting.townships(matched)
    heard, opened = memory.heard, memory.open
    fresh = matched & ~heard & episodes.live
    past = matched & ~heard & episodes.over
    if past:
        fresh |= past & episodes.lasted(subscriber.waits[0]) & ~under.then & ~view.forgotten
        if fresh & past:
            fresh &= ~(past & episodes.ended_by(subscriber.created_at))
    hears = subscriber.hears
    return News(
        fresh=fresh,
        ended=episodes.over & opened if "resolved" in hears else 0,
        lacking=episodes.no_data & opened & ~memory.no_data if "no_data" in hears else 0,
        corrected=episodes.corrected & heard & ~memory.corrected if "correction" in hears else 0,
        standing=opened & episodes.live & ~view.acknowledged,
        open=opened,
        muted=under.now,
    )


def decide(subscriber: Subscriber, memory: Memory, view: View) -> tuple[list[Telling], datetime | None]:
    """Return what a subscriber is told now, and when next something may be due if nothing changes."""
    if "resolved" not in subscriber.hears:
        memory.ended |= view.episodes.over & memory.heard
    news = news_for(subscriber, memory, view)
    if not (news.any or news.standing):
        return [], None
    tellings: list[Telling] = []
    nexts: list[datetime] = []
    for urgencies in _URGENCIES if subscriber.mode != "digest" or subscriber.critical_passes else _TOGETHER:
        part = news
        if len(urgencies) == 1:
            part = news.within(view.episodes.urgent if "critical" in urgencies else ~view.episodes.urgent)
        if part.any or part.standing:
            turn = _Turn(subscriber, memory, view, urgencies, part)
            tellings += turn.tell()
            nexts += turn.nexts
    return tellings, min(nexts, default=None)


class _Turn:
    """One subscriber's news of one urgency, at one moment."""

    def __init__(
        self, subscriber: Subscriber, memory: Memory, view: View, urgencies: Sequence[Urgency], news: News
    ) -> None:
        self._subscriber = subscriber
        self._memory = memory
        self._view = view
        self._passes = subscriber.critical_passes and "other" not in urgencies
        self._all = news
        self._news = news.within(~news.muted) if news.muted else news
        self._last = max([memory.last[one] for one in urgencies if one in memory.last], default=None)
        wait, interval = subscriber.waits
        self._wait = timedelta(seconds=wait)
        self._interval = timedelta(seconds=interval)
        self.nexts: list[datetime] = []

    def tell(self) -> list[Telling]:
        """What is told now; `nexts` are filled."""
        found = list(self._muted()) if self._all.muted else []
        if self._subscriber.mode == "digest" and not self._passes:
            return [*found, *self._digest()]
        now, news = self._view.now, self._news
        due = self._news_due()
        again = self._again()
        if due is None and not again:
            return found
        until = None if self._passes else quiet_until(self._subscriber.quiet, self._subscriber.zone, now)
        if due is not None and due > now:
            self.nexts.append(due)
            due = None
        if due is None and not again:
            return found
        if until is not None:
            self.nexts.append(until)
            return [*found, *self._held(until)]
        told = news._replace(standing=again) if due is not None else _only(again, news)
        return [*found, *self._telling(told)]

    def _news_due(self) -> datetime | None:
        """When the news is to be told."""
        news, last = self._news, self._last
        times = []
        if news.fresh:
            due = self._ripe(news.fresh)
            times.append(max(due, last + self._interval) if news.open and last else due)
        if news.any & ~news.fresh:
            times.append(last + self._interval if last else self._view.now)
        return min(times, default=None)

    def _ripe(self, fresh: int) -> datetime:
        """When the first of these has waited for others."""
        return self._view.episodes.slots[lowest(fresh)].began + self._wait

    def _again(self) -> int:
        """What still fires and is to be told again now: its time is up, or a silence over it has ended."""
        standing = self._news.standing & ~self._news.any
        if not standing:
            return 0
        again = 0
        every, now = self._subscriber.repeat_interval, self._view.now
        for at, slots in self._memory.told.sets:
            again |= self._released(at, slots & standing)
            if every and slots & standing:
                due = at + timedelta(seconds=every)
                if due <= now:
                    again |= slots & standing
                else:
                    self.nexts.append(due)
        return again

    def _released(self, told_at: datetime, standing: int) -> int:
        found = 0
        for end, slots in self._view.muting.released:
            if told_at < end:
                found |= slots & standing
        return found

    def _muted(self) -> Iterator[Telling]:
        """What would be told now and is not: each is kept once, with its reason."""
        unsaid = self._all.any & self._all.muted & ~self._memory.noted
        reasons: dict[str, int] = {}
        for slot in members(unsaid):
            bit = 1 << slot
            if self._all.fresh & bit:
                ripe = self._view.episodes.slots[slot].began + self._wait
                if ripe > self._view.now:
                    self.nexts.append(ripe)
                    continue
            _state, text, _by = self._view.muting.reason(slot, self._view.episodes)
            said = f"{text.zh} · {text.en}"
            reasons[said] = reasons.get(said, 0) | bit
        for said, slots in reasons.items():
            yield self._make(self._all.within(slots).why(), slots, self._all.fresh & slots, said)

    def _held(self, until: datetime) -> list[Telling]:
        """What would be told now but for the quiet hours: kept once, with the reason."""
        fresh = self._news.fresh & self._view.episodes.live & ~self._memory.noted
        ripe = union(1 << slot for slot in members(fresh) if self._ripe(1 << slot) <= self._view.now)
        self.nexts += [self._ripe(1 << slot) for slot in members(fresh & ~ripe)]
        if not ripe:
            return []
        text = f"免打扰至 {until:%Y-%m-%d %H:%M} UTC · quiet hours until then"
        return [self._make(self._news.why(), ripe, ripe, text)]

    def _digest(self) -> list[Telling]:
        """Once a day: the news, and what still fires."""
        one, now, news = self._subscriber, self._view.now, self._news
        if not (news.any or news.standing):
            return []
        self.nexts.append(digest_after(one.digest_at, one.zone, now))
        moment = digest_before(one.digest_at, one.zone, now)
        if moment <= one.created_at or (self._last is not None and self._last >= moment):
            return []
        if not (news.open & (news.any | news.standing)) and self._ripe(news.fresh) > moment:
            return []
        return [self._make("digest", news.any | news.standing, news.fresh)]

    def _telling(self, told: News) -> Iterator[Telling]:
        whole = told.any | told.standing
        if self._subscriber.mode != "each":
            yield self._make(told.why(), whole, told.fresh)
            return
        for slot in members(whole):
            bit = 1 << slot
            part = told.within(bit)._replace(open=0)
            if part.fresh & self._view.episodes.over:
                yield replace(self._make("first", bit, bit), only="beginning")
                yield replace(self._make("resolved", bit, 0), only="end")
            else:
                yield self._make(part.why(), bit, part.fresh)

    def _make(self, why: Why, slots: int, fresh: int, muted: str = "") -> Telling:
        last = self._last.isoformat() if self._last else ""
        return Telling(self._subscriber, why, slots, fresh, last, muted)


def _only(again: int, news: News) -> News:
    return News(0, 0, 0, 0, standing=again, open=news.open, muted=news.muted)
