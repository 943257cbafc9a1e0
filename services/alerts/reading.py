"""What a source has measured for one rule: the machine's only view of the world."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from schemas.declaration import Text
from schemas.rules import Direction

Key = tuple[str, str, str]
"""A standing: rule, division, subject."""


@dataclass(frozen=True)
class Reading:
    """One measurement of one rule in one division, of one subject there.

    The key of a standing is (rule, division, subject). A reading whose `version` is that of one seen before,
    or older, is a repeat.
    """

    rule: str
    division: str
    subject: str
    """What within the division: merchant, facility, agency/stream, partition; "" is the division itself."""
    subject_name: Text | None
    value: Fraction | None
    """Exact, in the unit; None: there is no data."""
    status: Literal["value", "no_data", "error"]
    direction: Direction
    threshold: Decimal
    clear_level: Decimal
    numerator: Decimal | None
    denominator: Decimal | None
    unit: Text
    decimals: int
    as_of: date
    """The county's calendar day that it holds for."""
    version: int
    """Grows with what was seen: a figure's version, or a block watermark."""
    at: datetime
    """When it was measured, by the county's clock."""
    why: Text | None
    """What was measured, for the reason of a change; of no_data and error why. None: the value says all."""
    measured: str = ""
    """The id of what is measured: the indicator, or the topic, campaign or stream."""
    measured_name: Text | None = None
    """Its name; None: the rule's own."""
    fires: bool | None = None
    """Where no threshold decides, as on a status: whether it is broken. None: value and threshold do."""
    due: date | None = None
    forecast: float | None = None
    forecast_low: float | None = None
    forecast_high: float | None = None
    pace_needed: float | None = None
    pace_observed: float | None = None
    owner: str = ""
    """The responsible department, or the agency; "" where nobody is."""
    link: str = ""
    """The place on the board, below its address: `#indicator/division`; "" is the board itself."""
    link_records: str = ""
    """The contributing records there, below its address; "" where there are none to show."""
    correction: bool = False
    """Whether it differs from what was measured before because an earlier day was revised since."""
    revision: Text | None = None
    """What was revised, where that is known."""

    @property
    def key(self) -> Key:
        """The standing it is about."""
        return self.rule, self.division, self.subject
