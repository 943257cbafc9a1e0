"""How a figure stands: its value, and its numerator and denominator held against the target of the day."""

from dataclasses import dataclass
from decimal import Context, Decimal

from schemas.declaration import Indicator, Target
from schemas.indicator import Standing

_EXACT = Context(prec=60)
"""Digits enough for any two figures multiplied: a comparison at the very target must not be rounded."""


@dataclass(frozen=True)
class Reading:
    """One indicator in one division at the end of one day."""

    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    target: Decimal | None
    status: Standing


def read(
    indicator: Indicator, target: Target | None, numerator: Decimal | None, denominator: Decimal | None
) -> Reading:
    """Put a numerator and a denominator (None: not known) together; `target` is the one that holds there."""
    wanted = target.value if target else None
    divisor = denominator if indicator.denominator else Decimal(1)
    if numerator is None or divisor is None:
        return Reading(numerator, denominator, None, wanted, "no_data")
    if divisor == 0:
        return Reading(numerator, denominator, None, wanted, "not_applicable")
    value = float(indicator.scale) * float(numerator) / float(divisor)
    return Reading(numerator, denominator, value, wanted, _standing(indicator, target, numerator, divisor))


def _standing(indicator: Indicator, target: Target | None, numerator: Decimal, divisor: Decimal) -> Standing:
    if target is None:
        return "watched"
    reached = _EXACT.multiply(numerator, indicator.scale)
    promised = _EXACT.multiply(target.value, divisor)
    if target.direction == "at_least":
        return "met" if reached >= promised else "below"
    if target.direction == "at_most":
        return "met" if reached <= promised else "below"
    return "met" if reached == promised else "below"
