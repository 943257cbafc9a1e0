"""How much of a voucher budget has been redeemed."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import get_args

from schemas.consumption_voucher import Campaign
from schemas.declaration import Text
from schemas.rules import VoucherBudgetRule
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import PERCENT, Measure, Moment, Subject, reading, share
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_MEASURE = "campaign_budget"


class VoucherBudgets:
    """Reads the hourly sums, which a withdrawal is taken out of, and the budgets that were reported."""

    interval = timedelta(seconds=15)

    def __init__(self, plan: Plan, rules: Sequence[VoucherBudgetRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield one reading a rule. The money is that of all vouchers redeemed, refunded later or not: so the
        plan's own figures count it."""
        reported = self._reported() if any(rule.budget is None for rule in self._rules) else {}
        for rule in self._rules:
            campaigns = [rule.campaign] if rule.campaign else list(get_args(Campaign))
            budget = rule.budget
            if budget is None and all(one in reported for one in campaigns):
                budget = sum((reported[one] for one in campaigns), Decimal(0))
            spent = self._spent(rule, campaigns)
            yield reading(
                rule,
                moment,
                Subject(self._plan.county.county, rule.campaign or ""),
                Measure(_MEASURE, Text(zh="消费券预算使用率", en="voucher budget used"), PERCENT, 1),
                value=None if budget is None else share(spent, budget),
                why=_why(spent, budget),
                parts=(spent, budget),
            )

    def _spent(self, rule: VoucherBudgetRule, campaigns: Collection[str]) -> Decimal:
        begun = "AND toDate(hour, %(zone)s) >= %(since)s" if rule.since else ""
        [(spent,)] = self._clickhouse.query(
            "SELECT sum(redeemed_value) FROM voucher_hourly WHERE step = 'redeemed'"
            f" AND campaign IN %(campaigns)s {begun}",
            {"campaigns": tuple(campaigns), "since": rule.since, "zone": self._plan.county.time_zone},
        )
        return Decimal(spent)

    def _reported(self) -> dict[str, Decimal]:
        """The newest budget reported for each campaign, in yuan."""
        rows = self._clickhouse.query(
            "SELECT dimension, argMax(value, (time, source, id)) FROM statistic_log"
            " WHERE startsWith(subject, %(subject)s)"
            " AND identity NOT IN (SELECT retracted FROM retraction_log WHERE stream = 'statistic')"
            " GROUP BY dimension",
            {"subject": f"{self._plan.county.county}/{_MEASURE}/"},
        )
        return dict(rows)


def _why(spent: Decimal, budget: Decimal | None) -> Text:
    if budget is None:
        return Text(zh="预算尚未上报", en="no budget has been reported")
    return Text(
        zh=f"已核销 {spent:,.2f} 元，预算 {budget:,.2f} 元",
        en=f"{spent:,.2f} yuan redeemed of a budget of {budget:,.2f}",
    )
