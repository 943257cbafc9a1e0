"""A figure taken apart by a field of the records behind it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from schemas.declaration import Indicator
from schemas.fields import Contract
from schemas.parts import RECORDS, ConstantPart, DivisionsPart, Part, RecordsPart, StatisticPart
from services.board.tables.knowledge import Knowledge
from services.board.tables.records import DIGITS, Contributors
from services.board.tables.sql import condition, text
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Division

GROUPS = 1_000
"""More groups than this are not given: the field is no grouping."""

_OWN = frozenset({"division", "sport"})
"""Fields that group though they have no closed list of values."""


class Group(Contract):
    """What one value of the field contributes; `key` is empty for what has no such field.

    The value is None where the denominator is nought.
    """

    key: str
    numerator: Decimal
    denominator: Decimal | None
    value: float | None


class Breakdown:
    """Takes figures apart; every method blocks, and raises Unavailable if ClickHouse does not answer."""

    def __init__(self, clickhouse: ClickHouse, contributors: Contributors) -> None:
        self._clickhouse = clickhouse
        self._contributors = contributors

    def groups(
        self, indicator: Indicator, by: str, division: Division, knowledge: Knowledge
    ) -> list[Group] | None:
        """Return the groups by key; None if there are more than GROUPS.

        A denominator that knows nothing of the field (inhabitants have no ownership) stands whole in every
        group, so that the groups' values add up to the figure's.
        """
        above = self._side(indicator.numerator, by, division, knowledge)
        below = self._side(indicator.denominator, by, division, knowledge)
        apart = any(by in fields_of(part) for part in indicator.denominator)
        whole = None if apart or not indicator.denominator else sum(below.values(), Decimal(0))
        keys = sorted({*above, *(below if apart else ())})
        if len(keys) > GROUPS:
            return None
        return [_group(key, above[key], whole if not apart else below[key], indicator.scale) for key in keys]

    def _side(
        self, parts: Sequence[Part], by: str, division: Division, knowledge: Knowledge
    ) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for part in parts:
            for key, adds in self._sums(part, by, division, knowledge):
                sums[key] += adds
        return sums

    def _sums(
        self, part: Part, by: str, division: Division, knowledge: Knowledge
    ) -> Iterable[tuple[str, Decimal]]:
        if isinstance(part, RecordsPart) and part.from_ == "consumption-voucher":
            return self._vouchers(part, by, division, knowledge)
        items = self._contributors.items(part, division, knowledge)
        if isinstance(part, RecordsPart) and part.having:
            # A place counts in every group in which it has such a facility, once.
            places = {(_key(item.state, by, division), item.key[0]) for item in items}
            return [(key, Decimal(1)) for key, _place in places]
        return ((_key(item.state, by, division), item.record.amount) for item in items)

    def _vouchers(
        self, part: RecordsPart, by: str, division: Division, knowledge: Knowledge
    ) -> list[tuple[str, Decimal]]:
        columns = {
            "division": f"substring(division, 1, {_below(division)})",
            "day": f"toString(toDate(time, {text(str(knowledge.zone))}))",
        }
        key = columns.get(by, by if by in fields_of(part) else "''")
        adds = "toDecimal128(count(), 0)" if part.count else f"sum({part.sum})"
        rows = self._clickhouse.query(
            f"SELECT {key} AS key, ifNull({adds}, 0) FROM consumption_voucher_log "
            f"WHERE startsWith(division, {text(division.code)}) AND {condition(part)} "
            f"AND {knowledge.kept('consumption-voucher')} GROUP BY key ORDER BY key LIMIT {GROUPS + 1}"
        )
        return [(key, Decimal(adds)) for key, adds in rows]


def fields_of(part: Part) -> frozenset[str]:
    """Return the fields by which a part can be taken apart."""
    if isinstance(part, StatisticPart):
        return frozenset({"division", "dimension"})
    if isinstance(part, DivisionsPart):
        return frozenset({"division", "setting"})
    if isinstance(part, ConstantPart):
        return frozenset()
    if part.from_ == "consumption-voucher":
        return frozenset({"campaign", "sector", "division", "step", "day"})
    kinds = [
        fields
        for fields in RECORDS[part.from_]
        if not part.kinds or not part.kinds.isdisjoint(get_args(fields["kind"]))
    ]
    return frozenset(
        name for fields in kinds for name, kind in fields.items() if name in _OWN or _closed(kind)
    )


def _closed(annotation: Any) -> bool:
    """Whether a field has a closed list of values: words, or yes and no."""
    if get_origin(annotation) in (Union, UnionType):
        return all(one is NoneType or _closed(one) for one in get_args(annotation))
    return annotation is bool or get_origin(annotation) is Literal


def _key(state: Mapping[str, Any], by: str, within: Division) -> str:
    value = state.get(by)
    if value is None:
        return ""
    if by == "division":
        return str(value)[: _below(within)]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _below(within: Division) -> int:
    """Return the digits of the codes of a division's own parts: a county's townships, a township's places."""
    return DIGITS["township" if within.level == "county" else "community"]


def _group(key: str, above: Decimal, below: Decimal | None, scale: Decimal) -> Group:
    divisor = Decimal(1) if below is None else below
    value = float(scale) * float(above) / float(divisor) if divisor else None
    return Group(key=key, numerator=above, denominator=below, value=value)
