"""The change of an alert's state, as on `minmai.alert.v1` (key = `{rule}/{division}`) and in webhooks."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.declaration import Text
from schemas.envelope import UtcDatetime
from schemas.fields import Contract

AlertState = Literal["firing", "resolved"]

FEED_STOPPED = "feed-stopped"
"""The rule that no plan declares: an agency's feed is stopped. Its "indicator" is the feed's topic."""
FEED_STOPPED_NAME = Text(zh="上报通道停止", en="feed stopped")
FEED_MOST_REFUSED = Decimal(90)
"""Percent of a feed's newest records; it is stopped when more are refused."""


class AlertChange(Contract):
    """An alert began or ended. It is a snapshot: what is sent later still says what was so then."""

    version: Literal[1] = 1
    alert_id: Annotated[UUID, Field(description="one episode: firing and its resolved share it")]
    state: AlertState
    severity: Literal["info", "warning", "critical"]
    rule: str
    name: Annotated[Text, Field(description="the rule's name")]
    reason: Annotated[Text, Field(description="why the state changed")]
    indicator: str
    indicator_name: Text
    division: str
    division_name: str
    numerator: Decimal
    denominator: Annotated[Decimal | None, Field(description="None where the indicator has none")]
    value: Annotated[float, Field(description="scale × numerator ÷ denominator, in the unit")]
    shown: Annotated[str, Field(description="the value as people read it, never rounded onto the threshold")]
    unit: Text
    direction: Literal["at_least", "at_most", "exactly"]
    threshold: Decimal
    clear_level: Annotated[Decimal, Field(description="the alert ends when the value is here or better")]
    gap: Annotated[str, Field(description="value − threshold, with its sign, as precise as `shown`")]
    as_of: Annotated[date, Field(description="the county's calendar day the figure holds for")]
    figure_version: int
    owner: Annotated[str, Field(description="responsible department; empty for a watched figure")]
    changed_at: Annotated[UtcDatetime, Field(description="by the county's clock")]
    link: Annotated[str, Field(description="the figure on the board")]
