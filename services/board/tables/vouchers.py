"""Voucher money, and vouchers whose steps cannot be in order."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from schemas.consumption_voucher import Step
from schemas.declaration import Text
from schemas.fields import Contract
from services.board.tables.sql import text
from services.platform.clickhouse import ClickHouse

HOURS = 48
GROUPS = 10_000
"""More groups than this are refused: a narrower question is."""

Grouping = Literal["campaign", "sector", "division", "day"]
_MONEY = (
    "sum(records) AS records, sum(face_value) AS face_value, sum(order_amount) AS order_amount, "
    "sum(redeemed_value) AS redeemed_value"
)


class VoucherTotal(Contract):
    """Money of one step of one campaign, in yuan."""

    campaign: str
    step: str
    records: int
    face_value: Decimal
    order_amount: Decimal
    redeemed_value: Decimal


class VoucherHour(VoucherTotal):
    """The same within one hour (`hour`: its start, UTC)."""

    hour: datetime


class VoucherGroup(Contract):
    """Money of one step, in yuan, within what was grouped by; the other fields are None."""

    campaign: str | None = None
    sector: str | None = None
    division: str | None = None
    day: date | None = None
    step: str
    records: int
    face_value: Decimal
    order_amount: Decimal
    redeemed_value: Decimal


Fault = Literal[
    "step_twice", "spent_after_expired", "redeemed_before_claimed", "refund_without_redemption", "changed"
]

# What is wrong with a voucher, over the arrays of its records' fields. A step that has not come in yet is no
# fault, since late is legal; the refund is the exception: money cannot come back before it was spent.
_FAULTS: dict[Fault, tuple[str, Text]] = {
    "step_twice": (
        f"arrayExists(one -> countEqual(steps, one) > 1, {list(get_args(Step))})",
        Text(zh="同一环节有两条不同编号的记录", en="one step stands twice under different ids"),
    ),
    "spent_after_expired": (
        "has(steps, 'expired') AND greatest(last_redeemed, last_refunded) > first_expired",
        Text(zh="过期之后又核销或退款", en="redeemed or refunded after it expired"),
    ),
    "redeemed_before_claimed": (
        "has(steps, 'redeemed') AND has(steps, 'claimed') AND first_redeemed < first_claimed",
        Text(zh="核销早于领取", en="redeemed before it was claimed"),
    ),
    "refund_without_redemption": (
        "has(steps, 'refunded') AND NOT has(steps, 'redeemed')",
        Text(zh="没有核销就退款", en="refunded without having been redeemed"),
    ),
    "changed": (
        "arrayUniq(face_values) > 1 OR arrayUniq(campaigns) > 1",
        Text(zh="各环节的面值或活动不一致", en="the face value or the campaign changes between steps"),
    ),
}


class FlaggedStep(Contract):
    """One record of a flagged voucher."""

    step: str
    time: datetime
    source: str
    id: str
    campaign: str
    face_value: Decimal


class Flag(Contract):
    """A fault and its reason in words."""

    fault: Fault
    reason: Text


class FlaggedVoucher(Contract):
    """A voucher whose steps cannot be in order, with all its records, by time."""

    voucher_id: str
    flags: list[Flag]
    steps: list[FlaggedStep]


class Vouchers:
    """Reads of vouchers; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, zone: str) -> None:
        self._clickhouse = clickhouse
        self._day = f"toDate(hour, {text(zone)})"

    def totals(self) -> list[VoucherTotal]:
        """Money since the beginning."""
        rows = self._clickhouse.rows(
            f"SELECT campaign, step, {_MONEY} FROM voucher_hourly GROUP BY campaign, step "
            "HAVING records > 0 ORDER BY campaign, step"
        )
        return [VoucherTotal.model_validate(row) for row in rows]

    def hours(self) -> list[VoucherHour]:
        """Money in the newest 48 hours that have any, oldest first."""
        rows = self._clickhouse.rows(
            f"SELECT hour, campaign, step, {_MONEY} FROM voucher_hourly WHERE hour IN "
            "(SELECT DISTINCT hour FROM voucher_hourly ORDER BY hour DESC LIMIT %(hours)s) "
            "GROUP BY hour, campaign, step HAVING records > 0 ORDER BY hour, campaign, step",
            {"hours": HOURS},
        )
        return [VoucherHour.model_validate(row) for row in rows]

    def groups(
        self, by: Collection[Grouping], division: str, first: date | None, last: date | None
    ) -> list[VoucherGroup] | None:
        """Money by step and what is asked for, in a division and between two days (both included); None if
        there are more than GROUPS of them."""
        columns = [f"{self._day} AS day" if name == "day" else name for name in by]
        names = ", ".join([*by, "step"])
        days = [f"{self._day} >= %(first)s"] * bool(first) + [f"{self._day} <= %(last)s"] * bool(last)
        rows = self._clickhouse.rows(
            f"SELECT {', '.join([*columns, 'step'])}, {_MONEY} FROM voucher_hourly "
            f"WHERE {' AND '.join(['startsWith(division, %(division)s)', *days])} "
            f"GROUP BY {names} HAVING records > 0 ORDER BY {names} LIMIT %(limit)s",
            {"division": division, "first": first, "last": last, "limit": GROUPS + 1},
        )
        return None if len(rows) > GROUPS else [VoucherGroup.model_validate(row) for row in rows]

    def flags(self, after: str, limit: int) -> list[FlaggedVoucher]:
        """Vouchers with a fault whose id comes after `after`, by id, at most `limit`.

        Withdrawn records do not count. The log is read in the order of its key, so what is held in memory is
        one voucher at a time, however many there are.
        """
        faults = ", ".join(f"({where}, '{name}')" for name, (where, _reason) in _FAULTS.items())
        # One array a field: clickhouse-driver cannot read a tuple with a decimal behind a moment.
        fields = ", ".join(
            f"arrayMap(one -> one.{place}, records) AS `{name}s`"
            for place, name in enumerate(FlaggedStep.model_fields, start=1)
        )
        rows = self._clickhouse.rows(
            f"""
            WITH arraySort(one -> (one.2, one.3, one.4), groupArray(({", ".join(FlaggedStep.model_fields)})))
                AS records
            SELECT subject AS voucher_id, {fields},
                minIf(time, step = 'claimed') AS first_claimed,
                minIf(time, step = 'redeemed') AS first_redeemed,
                maxIf(time, step = 'redeemed') AS last_redeemed,
                maxIf(time, step = 'refunded') AS last_refunded,
                minIf(time, step = 'expired') AS first_expired,
                arrayMap(one -> one.2, arrayFilter(one -> one.1, [{faults}])) AS faults
            FROM consumption_voucher_log
            WHERE subject > %(after)s AND identity NOT IN
                (SELECT retracted FROM retraction_log WHERE stream = 'consumption-voucher')
            GROUP BY subject HAVING notEmpty(faults) ORDER BY subject LIMIT %(limit)s
            SETTINGS optimize_aggregation_in_order = 1""",
            {"after": after, "limit": limit},
        )
        return [
            FlaggedVoucher(
                voucher_id=row["voucher_id"],
                flags=[Flag(fault=fault, reason=_FAULTS[fault][1]) for fault in row["faults"]],
                steps=_steps(row),
            )
            for row in rows
        ]


def _steps(row: Mapping[str, Any]) -> list[FlaggedStep]:
    names = list(FlaggedStep.model_fields)
    columns = [row[f"{name}s"] for name in names]
    return [
        FlaggedStep.model_validate(dict(zip(names, record, strict=True)))
        for record in zip(*columns, strict=True)
    ]
