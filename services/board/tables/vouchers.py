"""Voucher money, and vouchers whose steps cannot be in order."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

from schemas.consumption_voucher import SPENT, Step
from schemas.declaration import Text
from schemas.fields import Contract
from services.board.tables.sql import text
from services.platform.clickhouse import ClickHouse

HOURS = 48
STRETCH = 200_000
"""Voucher records looked at in one go."""
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

# What is wrong with a voucher. A step that has not come in yet is no fault, since late is legal; the refund
# is the exception: money cannot come back before it was spent.
_FAULTS: dict[Fault, tuple[str, Text]] = {
    "step_twice": (
        "greatest(issued, claimed, redeemed, expired, refunded) > 1",
        Text(zh="同一环节有两条不同编号的记录", en="one step stands twice under different ids"),
    ),
    "spent_after_expired": (
        "expired > 0 AND last_spent > first_expired",
        Text(zh="过期之后又核销或退款", en="redeemed or refunded after it expired"),
    ),
    "redeemed_before_claimed": (
        "redeemed > 0 AND claimed > 0 AND first_redeemed < first_claimed",
        Text(zh="核销早于领取", en="redeemed before it was claimed"),
    ),
    "refund_without_redemption": (
        "refunded > 0 AND redeemed = 0",
        Text(zh="没有核销就退款", en="refunded without having been redeemed"),
    ),
    "changed": (
        "least_value != greatest_value OR least_campaign != greatest_campaign",
        Text(zh="各环节的面值或活动不一致", en="the face value or the campaign changes between steps"),
    ),
}
_KEPT = "identity NOT IN (SELECT retracted FROM retraction_log WHERE stream = 'consumption-voucher')"


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

        Withdrawn records do not count. The log is read in the order of its key, a stretch at a time, so what
        is held in memory does not grow with the log.
        """
        found: dict[str, list[Fault]] = {}
        while len(found) < limit:
            [(last, whole)] = self._clickhouse.query(
                "SELECT max(subject), count() < %(stretch)s FROM (SELECT subject "
                "FROM consumption_voucher_log WHERE subject > %(after)s ORDER BY subject LIMIT %(stretch)s)",
                {"after": after, "stretch": STRETCH},
            )
            found |= self._faults(after, last, limit - len(found))
            if whole:
                break
            after = last
        steps = self._steps(list(found)) if found else {}
        return [
            FlaggedVoucher(
                voucher_id=name,
                flags=[Flag(fault=fault, reason=_FAULTS[fault][1]) for fault in faults],
                steps=steps[name],
            )
            for name, faults in found.items()
        ]

    def _faults(self, after: str, last: str, limit: int) -> dict[str, list[Fault]]:
        """The faults of the vouchers from one id (left out) to another, by id."""
        counted = ", ".join(f"countIf(step = '{step}') AS {step}" for step in get_args(Step))
        faults = ", ".join(f"if({where}, ['{name}'], [])" for name, (where, _reason) in _FAULTS.items())
        rows = self._clickhouse.query(
            f"""
            SELECT subject, arrayConcat({faults}) AS faults FROM (
                SELECT subject, {counted},
                    minIf(time, step = 'claimed') AS first_claimed,
                    minIf(time, step = 'redeemed') AS first_redeemed,
                    maxIf(time, step IN {SPENT}) AS last_spent,
                    minIf(time, step = 'expired') AS first_expired,
                    min(face_value) AS least_value, max(face_value) AS greatest_value,
                    min(campaign) AS least_campaign, max(campaign) AS greatest_campaign
                FROM consumption_voucher_log
                WHERE subject > %(after)s AND subject <= %(last)s AND {_KEPT}
                GROUP BY subject
            )
            WHERE notEmpty(faults) ORDER BY subject LIMIT %(limit)s""",
            {"after": after, "last": last, "limit": limit},
        )
        return dict(rows)

    def _steps(self, names: Sequence[str]) -> dict[str, list[FlaggedStep]]:
        """The records of some vouchers, by time."""
        fields = list(FlaggedStep.model_fields)
        steps: dict[str, list[FlaggedStep]] = {name: [] for name in names}
        for subject, *told in self._clickhouse.query(
            f"SELECT subject, {', '.join(fields)} FROM consumption_voucher_log "
            f"WHERE subject IN (SELECT name FROM wanted) AND {_KEPT} ORDER BY subject, time, source, id",
            given={"wanted": {"name String": names}},
        ):
            steps[subject].append(FlaggedStep.model_validate(dict(zip(fields, told, strict=True))))
        return steps
