"""Decisions of threshold rules: pure, and exact.

A value is compared as the fraction it is, from numerator, denominator and scale: the float of a figure is for
the eye, and at the boundary it may lie on the other side.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from schemas.declaration import Indicator, Level, Text
from schemas.indicator import Figure
from schemas.rules import Direction, ValueRule

State = Literal["ok", "firing", "resolved"]
"""`ok` has never fired; `resolved` has, and is over."""

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


@dataclass(frozen=True)
class Decision:
    """The state after a figure, and why."""

    state: State
    reason: Text


def limit_for(rule: ValueRule, indicator: Indicator, level: Level) -> Limit | None:
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
    if figure.status in ("no_data", "not_applicable") or figure.numerator is None:
        return None
    value = Fraction(indicator.scale) * Fraction(figure.numerator)
    if not indicator.denominator:
        return value
    return value / Fraction(figure.denominator) if figure.denominator else None


def decide(limit: Limit, indicator: Indicator, figure: Figure, state: State) -> Decision:
    """Return the state that follows `state` once this figure is known.

    A figure without a value changes nothing: silence neither fires nor resolves. Deciding twice on one
    figure is deciding once.
    """
    value = exact(indicator, figure)
    if value is None:
        return Decision(state, _frozen(figure, state))
    if limit.broken_by(value):
        return Decision("firing", _broken(limit, indicator, value))
    if state == "firing":
        if limit.cleared_by(value):
            return Decision("resolved", _cleared(limit, indicator, value))
        return Decision("firing", _held(limit, indicator, value))
    return Decision(state, _good_enough(limit, indicator, value))


def shown(value: Fraction, limit: Limit, decimals: int) -> str:
    """Return the value for people: with more decimals than usual where it would seem to be on a limit, or
    beyond it."""
    marks = [Fraction(mark) for mark in (limit.threshold, limit.clear_level)]
    for places in range(decimals, _MOST_DECIMALS + 1):
        text = _round(value, places)
        seen = Fraction(text)
        if all((seen < mark, seen > mark) == (value < mark, value > mark) for mark in marks):
            return text
    return text


def gap(value: Fraction, limit: Limit, decimals: int) -> str:
    """Return value − threshold with its sign, to as many decimals as the value is shown with."""
    text = shown(value, limit, decimals)
    difference = _round(value - Fraction(limit.threshold), len(text.partition(".")[2]))
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


def _round(value: Fraction, places: int) -> str:
    """Half up, in integers: a fraction has no length that a Decimal's precision would be enough for."""
    whole = (abs(value.numerator) * 10**places * 2 + value.denominator) // (value.denominator * 2)
    digits = str(whole).rjust(places + 1, "0")
    sign = "-" if value < 0 and whole else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


_BROKEN = {
    "at_least": Text(zh="低于", en="is below"),
    "at_most": Text(zh="高于", en="is above"),
    "exactly": Text(zh="不等于", en="is not"),
}
_MET = {
    "at_least": Text(zh="不低于", en="is not below"),
    "at_most": Text(zh="不高于", en="is not above"),
    "exactly": Text(zh="等于", en="is"),
}


def _frozen(figure: Figure, state: State) -> Text:
    stays = {
        "ok": Text(zh="不触发告警", en="no alert fires"),
        "firing": Text(zh="告警维持，不解除", en="the alert stays, it is not resolved"),
        "resolved": Text(zh="不触发告警", en="no alert fires"),
    }[state]
    if figure.status == "not_applicable":
        return Text(
            zh=f"分母为零，指标不适用：{stays.zh}", en=f"not applicable, its denominator is 0: {stays.en}"
        )
    return Text(zh=f"数据不全：{stays.zh}", en=f"no data: {stays.en}")


def _broken(limit: Limit, indicator: Indicator, value: Fraction) -> Text:
    words = _BROKEN[limit.direction]
    difference = gap(value, limit, indicator.decimals).lstrip("+-")
    text = _said(limit, indicator, value, words, limit.threshold)
    return Text(zh=f"{text.zh}，相差 {difference}", en=f"{text.en}, by {difference}")


def _held(limit: Limit, indicator: Indicator, value: Fraction) -> Text:
    text = _said(limit, indicator, value, _MET[limit.direction], limit.threshold)
    clear = plain(limit.clear_level)
    return Text(
        zh=f"{text.zh}，但未达到解除线 {clear}，告警维持",
        en=f"{text.en}, but short of the clear level {clear}: the alert stays",
    )


def _cleared(limit: Limit, indicator: Indicator, value: Fraction) -> Text:
    text = _said(limit, indicator, value, _MET[limit.direction], limit.clear_level)
    return Text(zh=f"{text.zh}（解除线），告警解除", en=f"{text.en} (the clear level): resolved")


def _good_enough(limit: Limit, indicator: Indicator, value: Fraction) -> Text:
    return _said(limit, indicator, value, _MET[limit.direction], limit.threshold)


def _said(limit: Limit, indicator: Indicator, value: Fraction, words: Text, mark: Decimal) -> Text:
    number = shown(value, limit, indicator.decimals)
    return Text(
        zh=f"{with_unit(number, indicator.unit.zh)}，{words.zh} {plain(mark)}",
        en=f"{with_unit(number, indicator.unit.en)} {words.en} {plain(mark)}",
    )
