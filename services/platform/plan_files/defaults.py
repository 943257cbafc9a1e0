"""The alert rules that there are by default; an entry of rules.yaml of the same id overrides.

By default an operator hears of the county, not of each township: that the pace of late misses the target,
once that has been so for a week, and that the due day has passed without it. And that somebody is not told.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from schemas.alert import FEED_STOPPED, FEED_STOPPED_NAME
from schemas.declaration import Indicator, Level, Text
from schemas.rules import FeedStoppedRule, ForecastRule, NoticesLostRule, Rule, StatusRule

FORECAST = "_forecast"
MISSED = "_missed"

NOTICES_LOST = "notices_lost"

_LASTING = timedelta(days=7)


def default_rules(indicators: Iterable[Indicator]) -> Iterator[Rule]:
    """Yield the rules of each indicator with a target, and those on notices and on stopped feeds."""
    # Its id is older than the pattern of ids.
    yield FeedStoppedRule.model_construct(id=FEED_STOPPED, name=FEED_STOPPED_NAME, severity="critical")
    yield NoticesLostRule(
        id=NOTICES_LOST,
        name=Text(zh="预警通知送不到", en="notices of alerts do not arrive"),
        severity="critical",
    )
    for one in indicators:
        if one.target is None:
            continue
        levels = _levels(one)
        yield ForecastRule.model_validate(
            {
                "id": f"{one.id}{FORECAST}",
                "name": Text(
                    zh=f"{one.name.zh}预计到期达不到目标",
                    en=f"{one.name.en}: target will be missed at this pace",
                ),
                "indicator": one.id,
                "levels": levels,
                "for": _LASTING,
                "keep_firing": _LASTING,
            }
        )
        yield StatusRule(
            id=f"{one.id}{MISSED}",
            name=Text(zh=f"{one.name.zh}到期未达目标", en=f"{one.name.en}: missed its target"),
            indicator=one.id,
            levels=levels,
            severity="critical",
        )


def _levels(indicator: Indicator) -> list[Level]:
    """The county where something is promised of it, else where it is."""
    promised = indicator.target.levels if indicator.target else []
    return ["county"] if "county" in promised and "county" in indicator.levels else list(promised)
