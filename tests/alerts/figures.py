"""Figures of the Yanshan plan, as the aggregator would write them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from schemas.indicator import Figure, FigureStatus
from services.platform.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "plans" / "yanshan")
COUNTY = "532622"
CHILDCARE = "childcare_places_per_1000"
CHILDCARE_RULE = "childcare_places_below_target"
NURSING = "eldercare_nursing_bed_share"
NURSING_RULE = "nursing_beds_below_target"

PEOPLE = 400_000
AT_TARGET = 1_800  # places: 4.5 per 1,000
AT_CLEAR = 1_820  # 4.55


def childcare(places: int | Decimal, version: int, people: int | Decimal = PEOPLE) -> Figure:
    """Childcare places per 1,000 in the county."""
    return _figure(CHILDCARE, version, Decimal(places), Decimal(people))


def nursing(nursing_beds: int, beds: int, version: int) -> Figure:
    """Nursing-bed share in the county, target 51 %."""
    return _figure(NURSING, version, Decimal(nursing_beds), Decimal(beds))


def without_value(figure: Figure, status: FigureStatus) -> Figure:
    """The same figure when it cannot be computed."""
    parts = {
        "no_data": {"numerator": None, "denominator": None},
        "not_applicable": {"denominator": Decimal(0)},
    }
    gone = parts[status]
    return figure.model_copy(update={**gone, "value": None, "status": status})


def _figure(name: str, version: int, numerator: Decimal, denominator: Decimal) -> Figure:
    indicator = PLAN.indicators[name]
    assert indicator.target is not None
    value = indicator.scale * numerator / denominator
    return Figure(
        indicator=name,
        division=COUNTY,
        numerator=numerator,
        denominator=denominator,
        value=float(value),
        target=indicator.target.value,
        status="met" if value >= indicator.target.value else "behind",
        as_of=date(2024, 5, 6),
        version=version,
        updated_at=datetime(2024, 5, 6, 4, tzinfo=UTC),
    )
