"""Thresholds: on which side of them a value lies, and how it is shown there.

A value is compared as the fraction it is, from numerator, denominator and scale: the float of a figure is for
the eye, and at the boundary it may lie on the other side.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from schemas.declaration import Indicator, Level
from schemas.indicator import Figure
from schemas.rules import Direction, ForecastRule, ValueRule

_MOST_DECIMALS = 12


@dataclass(frozen=True)
class Limit:
    """What a rule asks of a value in one division."""

    direction: Direction
    threshold: Decimal
    clear_level: Decimal

    def broken_by(self, value: Fraction) -> bool:
        """Whether the value is on the wrong side of the threshold."""
        return not _good(self.direction, value, self.threshold)

    def cleared_by(self, value: Fraction) -> bool:
        """Whether the value is good enough to end an alert."""
        return _good(self.direction, value, self.clear_level)


def limit_for(rule: ValueRule | ForecastRule, indicator: Indicator, level: Level) -> Limit | None:
    """Return the limit of a rule at a level; None where the rule does not look, or has nothing to compare to.

    A margin has no meaning for `exactly`: only the very value is good.
    """
    target = indicator.target_at(level)
    threshold = rule.threshold
    if threshold is None and target is not None:
        threshold = target.value
    if level not in rule.levels or level not in indicator.levels or threshold is None:
        return None
    direction: Direction = indicator.target.direction if indicator.target else "at_least"
    margin = {"at_least": rule.clear_margin, "at_most": -rule.clear_margin, "exactly": Decimal(0)}[direction]
    return Limit(direction, threshold, threshold + margin)


def exact(indicator: Indicator, figure: Figure) -> Fraction | None:
    """Return scale × numerator ÷ denominator exactly; None for a figure that has no value."""
    if figure.status in ("no_data", "not_applicable"):
        return None
    return ratio(indicator, figure.numerator, figure.denominator)


def ratio(indicator: Indicator, numerator: Decimal | None, denominator: Decimal | None) -> Fraction | None:
    """Return scale × numerator ÷ denominator exactly; None where there is nothing to divide, or by."""
    if numerator is None:
        return None
    value = Fraction(indicator.scale) * Fraction(numerator)
    if not indicator.denominator:
        return value
    return value / Fraction(denominator) if denominator else None


def shown(value: Fraction, limit: Limit, decimals: int) -> str:
    """Return the value for people: with more decimals than usual where it would seem to be on a limit, or
    beyond it."""
    marks = [Fraction(mark) for mark in (limit.threshold, limit.clear_level)]
    for places in range(decimals, _MOST_DECIMALS + 1):
        text = rounded(value, places)
        seen = Fraction(text)
        if all((seen < mark, seen > mark) == (value < mark, value > mark) for mark in marks):
            return text
    return text


def gap(value: Fraction, limit: Limit, decimals: int) -> str:
    """Return value − threshold with its sign, to as many decimals as the value is shown with."""
    text = shown(value, limit, decimals)
    difference = rounded(value - Fraction(limit.threshold), len(text.partition(".")[2]))
    return difference if difference.startswith("-") else f"+{difference}"


def plain(number: Decimal) -> str:
    """Return a decimal without an exponent or trailing noughts: 4.5000 is 4.5, 1E+2 is 100."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit; a per cent sign stands close."""
    return f"{number}{unit}" if unit == "%" else f"{number} {unit}"


def _good(direction: Direction, value: Fraction, mark: Decimal) -> bool:
    # Between a Fraction and a Decimal, < raises and == is always false.
    if direction == "at_least":
        return value >= Fraction(mark)
    if direction == "at_most":
        return value <= Fraction(mark)
    return value == Fraction(mark)


def rounded(value: Fraction, places: int) -> str:
    """Return a value with so many decimals, half up.

    In integers: a fraction has no length that a Decimal's precision would be enough for.
    """
    whole = (abs(value.numerator) * 10**places * 2 + value.denominator) // (value.denominator * 2)
    digits = str(whole).rjust(places + 1, "0")
    sign = "-" if value < 0 and whole else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
