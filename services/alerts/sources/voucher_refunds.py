"""What share of the redeemed vouchers is refunded."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from schemas.declaration import Text
from schemas.rules import VoucherRefundRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import PERCENT, Measure, Moment, Subject, places, reading, share
from services.platform.clickhouse import ClickHouse
from services.platform.clickhouse import moment as sql_moment
from services.platform.plan import Plan


class VoucherRefunds:
    """Reads the steps within a rule's window from the log; an index by time tells what lies before."""

    interval = timedelta(seconds=30)

    def __init__(self, plan: Plan, rules: Sequence[VoucherRefundRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each division; where too few were redeemed, only of an alert that stands: there
        is nothing to say, so it stays."""
        for rule in self._rules:
            sums = self._sums(rule.window, moment.now)
            for division in places(self._plan, rule):
                below = [both for code, both in sums.items() if code.startswith(division.code)]
                redeemed, refunded = (sum(column) for column in zip(*below, strict=True)) if below else (0, 0)
                enough = redeemed >= rule.least
                if enough or (rule.id, division.code, "") in standing:
                    yield reading(
                        rule,
                        moment,
                        Subject(division.code),
                        Measure(
                            "consumption-voucher", Text(zh="消费券退款率", en="share refunded"), PERCENT, 1
                        ),
                        value=share(refunded, redeemed) if enough else None,
                        why=Text(
                            zh=f"核销 {redeemed} 张，退款 {refunded} 张",
                            en=f"{redeemed} redeemed, {refunded} refunded",
                        ),
                        parts=(Decimal(refunded), Decimal(redeemed)),
                    )

    def _sums(self, window: timedelta, now: datetime) -> dict[str, tuple[int, int]]:
        """By township: how many were redeemed, and refunded."""
        rows = self._clickhouse.query(
            "SELECT division, countIf(step = 'redeemed'), countIf(step = 'refunded')"
            " FROM consumption_voucher_log WHERE step IN ('redeemed', 'refunded')"
            f" AND time > {sql_moment(now - window)} AND time <= {sql_moment(now)}"
            " AND identity NOT IN (SELECT retracted FROM retraction_log WHERE stream = 'consumption-voucher')"
            " GROUP BY division"
        )
        return {division: (redeemed, refunded) for division, redeemed, refunded in rows}
