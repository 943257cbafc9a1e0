"""Changes of state to tell of, and what else a notice is made of."""

from datetime import UTC, date, datetime
from typing import Any

from schemas.alert import AlertChange
from services.alerts.channels import Channel, Destination, Notice, Recipient, Why, notice_of
from services.alerts.watch import Watch
from tests.alerts.figures import PLAN, childcare

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

[CHANGE] = Watch(PLAN, "https://board.example").take(childcare(1_700, 1), lambda: NOW)

FORECAST = {
    "due": date(2025, 12, 31),
    "forecast": 4.31,
    "forecast_low": 4.2,
    "forecast_high": 4.4,
    "pace_needed": 0.035,
    "pace_observed": 0.011,
    "link_records": "https://board.example/#records/childcare_places_per_1000/532622",
}


def changed(**fields: Any) -> AlertChange:
    """The change with other fields."""
    return AlertChange.model_validate({**CHANGE.model_dump(), **fields})


def notice(channel: Channel, to: Recipient, *changes: AlertChange, why: Why = "first") -> Notice:
    """A notice of these changes, or of the one there is."""
    return notice_of(changes or [CHANGE], Destination("someone", channel.name, to), channel, why, NOW)
