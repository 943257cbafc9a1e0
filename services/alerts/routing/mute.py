"""What nobody is told of now: alerts that are silenced or inhibited, and for some those of the townships.

That an alert is inhibited is a state of it, which the log has. That it is silenced is too, but silences are
obeyed by the clock itself.

Muting freezes: once it ends, whatever then differs from what was told is told. But an alert that nobody had
been told of, and that ended while it was muted, is nothing that anybody waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from schemas.declaration import Text
from services.alerts.routing.episodes import Episode, Episodes
from services.alerts.routing.masks import members, union
from services.alerts.routing.match import meant
from services.alerts.routing.orders import Silence

_BY_THE_COUNTY = Text(
    zh="全县的同一告警未解除，乡镇的不另通知",
    en="the same alert of the county fires: townships' are not told of",
)


@dataclass(frozen=True)
class Under:
    """What an alert mutes: those of `now`, and those that ended `then`, while it fired."""

    now: int = 0
    then: int = 0

    def __or__(self, other: "Under") -> "Under":
        return Under(self.now | other.now, self.then | other.then)


NOTHING = Under()


@dataclass
class Muting:
    """How alerts are muted at a moment."""

    silenced: Under = NOTHING
    inhibited: Under = NOTHING
    counties: dict[int, Under] = field(default_factory=dict)
    """By slot of a county's alert the same of its townships, for those who want it so."""
    released: list[tuple[datetime, int]] = field(default_factory=list)
    """What silences that are over had silenced, with their ends."""
    until: datetime | None = None
    """When the next silence begins or ends."""
    by_silence: list[tuple[Silence, int]] = field(default_factory=list)
    _townships: dict[int, Under] = field(default_factory=dict)

    @cached_property
    def everybody(self) -> Under:
        """What is muted for all."""
        return self.silenced | self.inhibited

    def townships(self, heard_by: int) -> Under:
        """What is muted for a subscriber of these alerts for whom the county's mutes its townships'."""
        parents = heard_by & self._counties_mask
        if parents not in self._townships:
            under = NOTHING
            for slot in members(parents):
                under |= self.counties[slot]
            self._townships[parents] = under
        return self._townships[parents]

    def __post_init__(self) -> None:
        self._counties_mask = union(1 << slot for slot in self.counties)

    def reason(self, slot: int, episodes: Episodes) -> tuple[str, Text, str]:
        """Why an alert is muted: `silenced` or `inhibited`, the words, and who said so ("" for an alert)."""
        bit = 1 << slot
        for silence, mask in self.by_silence:
            if mask & bit:
                text = Text(
                    zh=f"已静默至 {silence.ends:%Y-%m-%d %H:%M} UTC：{silence.reason}",
                    en=f"silenced until then: {silence.reason}",
                )
                return "silenced", text, silence.author
        one = episodes.slots[slot]
        if one.inhibited is not None:
            return "inhibited", one.inhibited.reason, ""
        return "inhibited", _BY_THE_COUNTY, ""


def muting(episodes: Episodes, silences: Sequence[Silence], now: datetime) -> Muting:
    """Find what is muted at a moment."""
    silenced, by_silence, released, edges = NOTHING, [], [], []
    for silence in silences:
        mask = meant(silence, episodes.index)
        if silence.alerts:
            mask &= episodes.index.of("alert", map(str, silence.alerts))
        ended = union(
            1 << slot
            for slot in members(mask & episodes.over)
            if _ended_within(episodes.slots[slot], silence)
        )
        in_force = silence.holds(now)
        silenced |= Under(mask if in_force else 0, ended)
        if in_force:
            by_silence.append((silence, mask))
        elif silence.ends <= now and silence.begins < silence.ends:
            released.append((silence.ends, mask & episodes.live))
        edges += [edge for edge in (silence.begins, silence.ends) if edge > now]
    return Muting(
        silenced=silenced,
        inhibited=Under(episodes.inhibited & episodes.live, episodes.inhibited & episodes.over),
        counties=_counties(episodes),
        released=[(end, mask) for end, mask in released if mask],
        until=min(edges, default=None),
        by_silence=by_silence,
    )


def _counties(episodes: Episodes) -> dict[int, Under]:
    found = {}
    for slot in members(episodes.index.every):
        one = episodes.slots[slot].first
        same = episodes.index.of("rule", [one.rule]) & episodes.index.within(one.division)
        below = same & ~episodes.index.of("division", [one.division])
        if below:
            found[slot] = _under(episodes, slot, below)
    return found


def _under(episodes: Episodes, slot: int, below: int) -> Under:
    above = episodes.slots[slot]
    then = union(
        1 << one for one in members(below & episodes.over) if _ended_while(episodes.slots[one], above)
    )
    return Under(below if above.ended is None else 0, then)


def _ended_within(one: Episode, silence: Silence) -> bool:
    return one.ended is not None and silence.holds(one.ended)


def _ended_while(one: Episode, above: Episode) -> bool:
    return (
        one.ended is not None
        and above.began <= one.ended
        and (above.ended is None or one.ended < above.ended)
    )
