"""Which alerts are inhibited, which figures frozen: by rules that fire above them, and by silent feeds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from schemas.declaration import Text
from schemas.rules import IndicatorRule
from services.alerts.entry import Entry, Laid
from services.platform.plan import Plan


def frozen(alerts: Iterable[Entry], unreliable: Mapping[str, Collection[str]]) -> dict[str, Laid]:
    """Return the indicators nobody can rely on now, each with the feed whose silence is why."""
    found: dict[str, Laid] = {}
    for one in alerts:
        if one.rule.kind == "feed_silent":
            name = one.newest.subject_name if one.newest else None
            feed = name or Text(zh=one.subject, en=one.subject)
            why = Text(zh=f"{feed.zh}久未上报", en=f"{feed.en} is silent")
            for indicator in unreliable.get(one.subject, ()):
                found.setdefault(indicator, Laid(why))
    return found


def unreliable(plan: Plan) -> dict[str, frozenset[str]]:
    """Return the indicators nobody can rely on while a feed is silent, by `agency/stream`."""
    return {
        feed.id: frozenset(feed.indicators)
        or frozenset(one.id for one in plan.indicators.values() if feed.stream in one.streams)
        for feed in plan.feeds.values()
    }


def inhibited(alerts: Sequence[Entry], frozen: Mapping[str, Laid]) -> dict[UUID, Laid]:
    """Return the alerts that are inhibited, by their ids.

    A rule inhibits those it names in its own division and in those below it; a silent feed the rules on
    figures that depend on it.
    """
    found: dict[UUID, Laid] = {}
    by_rule: dict[str, list[Entry]] = {}
    for one in alerts:
        by_rule.setdefault(one.rule.id, []).append(one)
        if isinstance(one.rule, IndicatorRule) and one.standing.alert_id and one.rule.indicator in frozen:
            found[one.standing.alert_id] = frozen[one.rule.indicator]
    for one in alerts:
        for name in one.rule.inhibits:
            for other in by_rule.get(name, ()):
                id = other.standing.alert_id
                if id and other.division.code.startswith(one.division.code):
                    found.setdefault(id, Laid(_why(one)))
    return found


def _why(one: Entry) -> Text:
    return Text(
        zh=f"{one.division.name}的“{one.rule.name.zh}”告警中，此告警被抑制",
        en=f"inhibited: {one.rule.name.en} fires in {one.division.name}",
    )
