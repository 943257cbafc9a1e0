"""Decisions of threshold rules."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.declaration import Target, Text
from schemas.indicator import Figure
from schemas.rules import ValueRule
from services.alerts.rules.limits import Direction, Limit, State, decide, exact, gap, limit_for, plain, shown
from tests.alerts.figures import (
    AT_CLEAR,
    AT_TARGET,
    CHILDCARE,
    CHILDCARE_RULE,
    PLAN,
    childcare,
    without_value,
)

INDICATOR = PLAN.indicators[CHILDCARE]
AT_LEAST = Limit("at_least", Decimal("4.5"), Decimal("4.55"))
AT_MOST = Limit("at_most", Decimal("4.5"), Decimal("4.45"))
EXACTLY = Limit("exactly", Decimal("4.5"), Decimal("4.5"))

STATES: tuple[State, ...] = get_args(State)


def rule(**given: object) -> ValueRule:
    fields = {"id": "r", "indicator": CHILDCARE, "name": Text(zh="规则", en="rule"), **given}
    return ValueRule.model_validate(fields)


def limit_of(direction: Direction, threshold: Decimal, margin: Decimal) -> Limit:
    target = Target(direction=direction, value=threshold)
    made = limit_for(rule(clear_margin=margin), INDICATOR.model_copy(update={"target": target}), "county")
    assert made is not None
    return made


def walk(limit: Limit, figures: Sequence[Figure], state: State = "ok") -> list[State]:
    states = [state]
    for figure in figures:
        states.append(decide(limit, INDICATOR, figure, states[-1]).state)
    return states


places = st.integers(0, 4_000)
margins = st.decimals(0, 3, places=4)
limits = st.builds(limit_of, st.sampled_from(get_args(Direction)), st.decimals(0, 10, places=4), margins)
figures = st.builds(
    lambda places, people, gone: (
        without_value(childcare(places, 1, people), gone) if gone else childcare(places, 1, people)
    ),
    places,
    st.integers(1, 1_000_000),
    st.sampled_from([None, None, None, "no_data", "not_applicable"]),
)


@pytest.mark.parametrize(
    ("limit", "places", "before", "after"),
    [
        (AT_LEAST, AT_TARGET - 1, "ok", "firing"),
        (AT_LEAST, AT_TARGET, "ok", "ok"),
        (AT_LEAST, AT_TARGET, "firing", "firing"),
        (AT_LEAST, AT_CLEAR - 1, "firing", "firing"),
        (AT_LEAST, AT_CLEAR, "firing", "resolved"),
        (AT_LEAST, AT_CLEAR - 1, "resolved", "resolved"),
        (AT_LEAST, AT_TARGET - 1, "resolved", "firing"),
        (AT_MOST, AT_TARGET + 1, "ok", "firing"),
        (AT_MOST, AT_TARGET, "ok", "ok"),
        (AT_MOST, 1_781, "firing", "firing"),
        (AT_MOST, 1_780, "firing", "resolved"),
        (EXACTLY, AT_TARGET + 1, "ok", "firing"),
        (EXACTLY, AT_TARGET - 1, "ok", "firing"),
        (EXACTLY, AT_TARGET, "firing", "resolved"),
    ],
)
def test_the_edge_belongs_to_the_good_side(limit: Limit, places: int, before: State, after: State) -> None:
    assert decide(limit, INDICATOR, childcare(places, 1), before).state == after


def test_the_boundary_is_judged_exactly_where_the_float_cannot() -> None:
    huge = Decimal(10) ** 17
    just_below = childcare(Decimal("4.5") * huge - 1, 1, 1000 * huge)
    assert just_below.value == 4.5
    assert decide(AT_LEAST, INDICATOR, just_below, "ok").state == "firing"
    at_it = childcare(Decimal("4.5") * huge, 1, 1000 * huge)
    assert decide(AT_LEAST, INDICATOR, at_it, "ok").state == "ok"


def test_a_third_and_a_tenth_are_fractions() -> None:
    assert exact(INDICATOR, childcare(1, 1, 3)) == Fraction(1000, 3)
    assert exact(INDICATOR, childcare(Decimal("0.1"), 1, 1)) == 100


@pytest.mark.parametrize(
    ("limit", "places", "before", "zh", "en"),
    [
        (
            AT_LEAST,
            1_700,
            "ok",
            "4.25 个/千人，低于 4.5，相差 0.25",
            "4.25 places per 1,000 is below 4.5, by 0.25",
        ),
        (
            AT_MOST,
            1_900,
            "ok",
            "4.75 个/千人，高于 4.5，相差 0.25",
            "4.75 places per 1,000 is above 4.5, by 0.25",
        ),
        (
            AT_LEAST,
            1_810,
            "firing",
            "4.53 个/千人，不低于 4.5，但未达到解除线 4.55，告警维持",
            "4.53 places per 1,000 is not below 4.5, but short of the clear level 4.55: the alert stays",
        ),
        (
            AT_LEAST,
            1_840,
            "firing",
            "4.60 个/千人，不低于 4.55（解除线），告警解除",
            "4.60 places per 1,000 is not below 4.55 (the clear level): resolved",
        ),
        (AT_LEAST, 1_840, "ok", "4.60 个/千人，不低于 4.5", "4.60 places per 1,000 is not below 4.5"),
    ],
)
def test_reasons(limit: Limit, places: int, before: State, zh: str, en: str) -> None:
    assert decide(limit, INDICATOR, childcare(places, 1), before).reason == Text(zh=zh, en=en)


@given(figures, st.sampled_from(STATES), limits)
def test_deciding_twice_is_deciding_once(figure: Figure, state: State, limit: Limit) -> None:
    once = decide(limit, INDICATOR, figure, state).state
    assert decide(limit, INDICATOR, figure, once).state == once


@given(st.lists(figures, max_size=30), limits)
def test_alerts_begin_on_the_wrong_side_and_end_only_beyond_the_clear_level(
    figures: list[Figure], limit: Limit
) -> None:
    states = walk(limit, figures)
    for figure, (before, after) in zip(figures, pairwise(states), strict=True):
        value = exact(INDICATOR, figure)
        if value is None:
            assert after == before
        elif after != before:
            assert limit.broken_by(value) if after == "firing" else limit.cleared_by(value)
        elif before == "firing":
            assert not limit.cleared_by(value)
        else:
            assert not limit.broken_by(value)
    changes = [after for before, after in pairwise(states) if after != before]
    assert changes == [("firing", "resolved")[turn % 2] for turn in range(len(changes))]


@given(st.lists(figures, max_size=20), limits, st.sampled_from(["no_data", "not_applicable"]))
def test_figures_without_a_value_make_no_difference(figures: list[Figure], limit: Limit, status: str) -> None:
    gone = [without_value(figure, status) for figure in figures]  # type: ignore[arg-type]  # drawn from these two
    mixed = [one for pair in zip(figures, gone, strict=True) for one in pair]
    assert walk(limit, mixed)[-1] == walk(limit, figures)[-1]
    assert set(walk(limit, gone, "firing")) == {"firing"}


@given(places, margins)
def test_no_margin_makes_an_alert_flap_inside_it(places: int, margin: Decimal) -> None:
    wide = limit_of("at_least", Decimal("4.5"), margin)
    inside = childcare(places, 1)
    value = exact(INDICATOR, inside)
    if value is not None and not wide.cleared_by(value):
        assert set(walk(wide, [inside] * 3, "firing")) == {"firing"}


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
