"""Thresholds: the sides of them, exactly, and how values are shown there."""

from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.declaration import Target, Text
from schemas.rules import Direction, ValueRule
from services.alerts.rules.limits import Limit, exact, gap, limit_for, plain, shown
from tests.alerts.figures import (
    AT_CLEAR,
    AT_TARGET,
    CHILDCARE,
    CHILDCARE_RULE,
    PLAN,
    childcare,
)

INDICATOR = PLAN.indicators[CHILDCARE]
AT_LEAST = Limit("at_least", Decimal("4.5"), Decimal("4.55"))
AT_MOST = Limit("at_most", Decimal("4.5"), Decimal("4.45"))
EXACTLY = Limit("exactly", Decimal("4.5"), Decimal("4.5"))


def rule(**given: object) -> ValueRule:
    fields = {"id": "r", "indicator": CHILDCARE, "name": Text(zh="规则", en="rule"), **given}
    return ValueRule.model_validate(fields)


def limit_of(direction: Direction, threshold: Decimal, margin: Decimal) -> Limit:
    target = Target(direction=direction, value=threshold)
    made = limit_for(rule(clear_margin=margin), INDICATOR.model_copy(update={"target": target}), "county")
    assert made is not None
    return made


places = st.integers(0, 4_000)
margins = st.decimals(0, 3, places=4)
limits = st.builds(limit_of, st.sampled_from(get_args(Direction)), st.decimals(0, 10, places=4), margins)


@pytest.mark.parametrize(
    ("limit", "places", "broken", "cleared"),
    [
        (AT_LEAST, AT_TARGET - 1, True, False),
        (AT_LEAST, AT_TARGET, False, False),
        (AT_LEAST, AT_CLEAR - 1, False, False),
        (AT_LEAST, AT_CLEAR, False, True),
        (AT_MOST, AT_TARGET + 1, True, False),
        (AT_MOST, AT_TARGET, False, False),
        (AT_MOST, 1_781, False, False),
        (AT_MOST, 1_780, False, True),
        (EXACTLY, AT_TARGET + 1, True, False),
        (EXACTLY, AT_TARGET - 1, True, False),
        (EXACTLY, AT_TARGET, False, True),
    ],
)
def test_the_edge_belongs_to_the_good_side(limit: Limit, places: int, broken: bool, cleared: bool) -> None:
    value = exact(INDICATOR, childcare(places, 1))
    assert value is not None
    assert (limit.broken_by(value), limit.cleared_by(value)) == (broken, cleared)


def test_the_boundary_is_judged_exactly_where_the_float_cannot() -> None:
    huge = Decimal(10) ** 17
    just_below = childcare(Decimal("4.5") * huge - 1, 1, 1000 * huge)
    assert just_below.value == 4.5
    below, at_it = (
        exact(INDICATOR, just_below),
        exact(INDICATOR, childcare(Decimal("4.5") * huge, 1, 1000 * huge)),
    )
    assert below is not None
    assert at_it is not None
    assert AT_LEAST.broken_by(below)
    assert not AT_LEAST.broken_by(at_it)


def test_a_third_and_a_tenth_are_fractions() -> None:
    assert exact(INDICATOR, childcare(1, 1, 3)) == Fraction(1000, 3)
    assert exact(INDICATOR, childcare(Decimal("0.1"), 1, 1)) == 100


@given(places, st.integers(1, 1_000_000), limits)
def test_a_shown_value_is_never_on_the_other_side(places: int, people: int, limit: Limit) -> None:
    value = exact(INDICATOR, childcare(places, 1, people))
    assert value is not None
    seen = Fraction(shown(value, limit, 2))
    assert limit.broken_by(seen) == limit.broken_by(value)
    assert limit.cleared_by(seen) == limit.cleared_by(value)


def test_numbers_for_people() -> None:
    nearly = Fraction("4.49996")
    assert shown(nearly, AT_LEAST, 2) == "4.49996"
    assert gap(nearly, AT_LEAST, 2) == "-0.00004"
    assert shown(Fraction("4.494"), AT_LEAST, 2) == "4.49"
    assert gap(Fraction(6), AT_LEAST, 0) == "+2"  # 1.5, half up, as precise as the value
    assert shown(Fraction("-0.001"), AT_LEAST, 2) == "0.00"
    assert shown(Fraction("-0.005"), AT_LEAST, 2) == "-0.01"
    assert [plain(Decimal(text)) for text in ("4.5000", "1E+2", "100", "0.0")] == ["4.5", "100", "100", "0"]


def test_the_limit_is_the_target_where_it_holds() -> None:
    declared = PLAN.rules[CHILDCARE_RULE]
    assert limit_for(declared, INDICATOR, "county") == AT_LEAST
    assert limit_for(declared, INDICATOR, "township") is None
    everywhere = rule(levels=["county", "township"])
    assert limit_for(everywhere, INDICATOR, "township") is not None
    events = PLAN.indicators["fitness_events_in_year"]
    assert limit_for(everywhere, events, "township") is None  # no target below the county
    assert limit_for(rule(levels=["township"], threshold=3), events, "township") is not None
    watched = PLAN.indicators["voucher_redemption_rate"]
    assert limit_for(rule(threshold=30), watched, "county") == Limit("at_least", Decimal(30), Decimal(30))
