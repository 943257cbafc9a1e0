"""Tells a revision of a day that an alert was sent on from the news of a later one.

The history has one row for each day on which a figure changed, and a round of refreshing writes history and
live figures under one version. So a day's row that is newer than the round in which the figures first went
beyond that day was changed by something late: a late record, a correction, a withdrawal.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from schemas.alert import AlertChange
from schemas.declaration import Indicator, Text
from schemas.indicator import Figure
from services.alerts.rules.limits import ratio, rounded
from services.platform.clickhouse import ClickHouse

_ROWS = """
    SELECT indicator, division, asked,
        argMaxIf((numerator, denominator, version), day, day <= asked) AS then,
        minIf(version, day > asked) AS next_row,
        any(next_version) AS next_day
    FROM (
        SELECT indicator, division, day, numerator, denominator, version FROM indicator_history FINAL
        WHERE (indicator, division) IN (SELECT indicator, division FROM wanted)
            AND (indicator, division, definition) IN
                (SELECT indicator, division, definition FROM indicator_live FINAL)
    ) AS history
    INNER JOIN wanted USING (indicator, division)
    LEFT JOIN (
        SELECT asked, min(version) AS next_version
        FROM (SELECT DISTINCT asked FROM wanted) AS days
        CROSS JOIN (SELECT as_of, version FROM indicator_live FINAL) AS live
        WHERE as_of > asked GROUP BY asked
    ) AS gone_beyond USING (asked)
    GROUP BY indicator, division, asked"""

Day = tuple[str, str, date]
"""An indicator in a division on a day."""


@dataclass(frozen=True)
class Revised:
    """What a figure of an earlier day is, now that something late has changed it."""

    numerator: Decimal | None
    denominator: Decimal | None


class Revisions:
    """Reads the history; blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._first: dict[date, int] = {}

    def saw(self, figures: Iterable[Figure]) -> None:
        """Remember by which version each day began.

        What was not seen, the tables tell nearly as well: figures that nothing has changed since are as the
        day's first round left them.
        """
        for one in figures:
            self._first[one.as_of] = min(one.version, self._first.get(one.as_of, one.version))

    def of(self, days: Collection[Day]) -> Mapping[Day, Revised]:
        """Return those of these days that something late has changed since the figures went beyond them."""
        if not days:
            return {}
        names = {"indicator": "String", "division": "String", "asked": "Date"}
        columns = zip(names.items(), zip(*days, strict=True), strict=True)
        rows = self._clickhouse.query(
            _ROWS, given={"wanted": {f"{name} {kind}": list(values) for (name, kind), values in columns}}
        )
        return {
            (indicator, division, day): Revised(numerator, denominator)
            for indicator, division, day, (numerator, denominator, version), *beyond in rows
            if version > min(filter(None, (*beyond, *self._beyond(day))), default=version)
        }

    def _beyond(self, day: date) -> Iterator[int]:
        return (version for later, version in self._first.items() if later > day)


def revision(indicator: Indicator, sent: AlertChange, then: Revised) -> Text | None:
    """Return what was revised; None if people would read the same number as was sent."""
    before = ratio(indicator, sent.numerator, sent.denominator)
    after = ratio(indicator, then.numerator, then.denominator)
    if before is None or after is None:
        return None
    was, now = rounded(before, indicator.decimals), rounded(after, indicator.decimals)
    if was == now:
        return None
    day = sent.as_of.isoformat()
    return Text(
        zh=f"{day} 的数值因迟到或更正的记录由 {was} 改为 {now}",
        en=f"the figure of {day} was {was} and is {now} by what came in late",
    )
