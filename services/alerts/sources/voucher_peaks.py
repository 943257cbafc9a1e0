"""How many vouchers a merchant redeems at its busiest: till fraud looks like a rush at one shop."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from schemas.declaration import Text
from schemas.rules import VoucherPeakRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import Measure, Moment, Subject, places, reading
from services.platform.clickhouse import ClickHouse
from services.platform.clickhouse import moment as sql_moment
from services.platform.plan import Plan

LOOK_BACK = timedelta(days=1)
"""How long a peak is remembered, and how late its records may come in and still make one."""

_RECORDS = Text(zh="次", en="redemptions")


class _Peak(NamedTuple):
    merchant: str
    division: str
    begin: datetime
    redeemed: int


class VoucherPeaks:
    """Reads the day's redemptions from the log; an index by time keeps it from what lies before."""

    interval = timedelta(seconds=30)

    def __init__(self, plan: Plan, rules: Sequence[VoucherPeakRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each merchant beyond a rule's clear level, or that an alert stands of."""
        for rule in self._rules:
            clear = rule.threshold - rule.clear_margin
            known = {(key[1], key[2]) for key in standing if key[0] == rule.id}
            levels = {division.code: len(division.code) for division in places(self._plan, rule)}
            peaks = self._peaks(rule, moment.now, clear, {merchant for _, merchant in known})
            for peak in peaks:
                for code in levels:
                    if peak.division.startswith(code):
                        known.discard((code, peak.merchant))
                        yield self._reading(rule, moment, code, peak)
            for division, merchant in known:
                yield self._reading(rule, moment, division, _Peak(merchant, division, moment.now, 0))

    def _peaks(
        self, rule: VoucherPeakRule, now: datetime, clear: Decimal, known: Collection[str]
    ) -> list[_Peak]:
        rows = self._clickhouse.query(
            f"""
            SELECT merchant, argMax(division, (redeemed, -toUnixTimestamp(begin))) AS place,
                argMax(begin, (redeemed, -toUnixTimestamp(begin))), max(redeemed) AS most
            FROM (
                SELECT assumeNotNull(merchant_id) AS merchant, argMax(division, (time, identity)) AS division,
                    toStartOfInterval(toDateTime(time, 'UTC'), INTERVAL {_seconds(rule)} SECOND) AS begin,
                    count() AS redeemed
                FROM consumption_voucher_log
                WHERE step = 'redeemed' AND isNotNull(merchant_id)
                    AND time > {sql_moment(now - LOOK_BACK)} AND time <= {sql_moment(now)}
                    AND identity NOT IN
                        (SELECT retracted FROM retraction_log WHERE stream = 'consumption-voucher')
                GROUP BY merchant, begin
            )
            GROUP BY merchant HAVING most > %(clear)s OR merchant IN (SELECT name FROM known)
            ORDER BY merchant""",
            {"clear": clear},
            given={"known": {"name String": list(known)}},
        )
        return [_Peak(*row) for row in rows]

    def _reading(self, rule: VoucherPeakRule, moment: Moment, division: str, peak: _Peak) -> Reading:
        begin = peak.begin.astimezone(self._plan.zone)
        minutes = _seconds(rule) // 60
        return reading(
            rule,
            moment,
            Subject(
                division, peak.merchant, Text(zh=f"商户 {peak.merchant}", en=f"merchant {peak.merchant}")
            ),
            Measure("consumption-voucher", Text(zh="商户核销次数", en="redemptions at a merchant"), _RECORDS),
            value=Fraction(peak.redeemed),
            why=Text(
                zh=f"{begin:%m-%d %H:%M} 起 {minutes} 分钟内核销 {peak.redeemed} 次"
                if peak.redeemed
                else "最近 24 小时没有核销",
                en=f"{peak.redeemed} redeemed in the {minutes} minutes from {begin:%m-%d %H:%M}"
                if peak.redeemed
                else "none redeemed in the last 24 hours",
            ),
            parts=(Decimal(peak.redeemed), None),
        )


def _seconds(rule: VoucherPeakRule) -> int:
    return int(rule.window.total_seconds())
