"""The change of an alert's state, as on `minmai.alert.v1` (key = `{rule}/{division}`) and in webhooks."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from schemas.declaration import Text
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from schemas.rules import Direction, RuleKind, Severity

HeldCondition = Literal["ok", "pending", "firing", "recovering", "resolved"]
"""What a measurement leads to; `ok` has never fired or is no longer pending, `resolved` has fired."""

Condition = HeldCondition | Literal["no_data", "error"]
"""Where a rule stands in a place. Without data, or in error, what stood before is held as it was."""

AlertState = Condition | Literal["silenced", "inhibited", "acknowledged"]
"""What is shown: the condition, or what is laid over one that fires."""

TOLD: frozenset[AlertState] = frozenset({"firing", "resolved"})
"""The states that people are told of; the others are kept and shown."""

FEED_STOPPED = "feed-stopped"
"""The rule that no plan declares: an agency's feed is stopped. Its "indicator" is the feed's topic."""
FEED_STOPPED_NAME = Text(zh="上报通道停止", en="feed stopped")
FEED_MOST_REFUSED = Decimal(90)
"""Percent of a feed's newest records; it is stopped when more are refused."""


class AlertChange(Contract):
    """A change of state, as it is logged. In a notice of an alert that has fired for long, figure and reason
    are those of when it was made: `as_of` says of which day, `changed_at` since when it fires.
    """

    version: Literal[2] = 2
    alert_id: Annotated[UUID, Field(description="one episode: pending, firing and its resolved share it")]
    state: Annotated[AlertState, Field(description="what is shown")]
    before: Annotated[AlertState, Field(description="what was shown before")] = "ok"
    condition: Annotated[Condition, Field(description="where the rule stands, whatever is laid over it")]
    held: Annotated[HeldCondition | None, Field(description="what no_data or error froze")] = None
    began_at: Annotated[
        UtcDatetime | None, Field(description="of pending and recovering, frozen ones too: when it began")
    ] = None
    correction: Annotated[
        bool, Field(description="an earlier day was revised since the alert was sent: this is what holds")
    ] = False
    severity: Severity
    rule: str
    rule_version: Annotated[str, Field(description="digest of what the rule decides by")] = ""
    kind: Annotated[RuleKind, Field(description="what the rule looks at")] = "value"
    name: Annotated[Text, Field(description="the rule's name")]
    reason: Annotated[Text, Field(description="why the state changed")]
    indicator: Annotated[
        str, Field(description="what is measured: an indicator, or a topic, campaign, stream")
    ]
    indicator_name: Text
    division: str
    division_name: str
    subject: Annotated[
        str, Field(description="what within the division: merchant, facility, agency/stream; empty: itself")
    ] = ""
    subject_name: Text | None = None
    numerator: Annotated[Decimal | None, Field(description="None without data")]
    denominator: Annotated[Decimal | None, Field(description="None where there is none")]
    value: Annotated[float | None, Field(description="in the unit; None without data")]
    shown: Annotated[str, Field(description="the value as people read it, never rounded onto the threshold")]
    unit: Text
    direction: Direction
    threshold: Decimal
    clear_level: Annotated[Decimal, Field(description="the alert ends when the value is here or better")]
    gap: Annotated[str, Field(description="value − threshold, with its sign, as precise as `shown`")]
    due: Annotated[date | None, Field(description="day by which the target is promised")] = None
    forecast: Annotated[float | None, Field(description="expected value on the due day")] = None
    forecast_low: Annotated[float | None, Field(description="lower end of its 80 % band")] = None
    forecast_high: Annotated[float | None, Field(description="upper end of its 80 % band")] = None
    pace_needed: Annotated[
        float | None, Field(description="change a month that reaches the target in time")
    ] = None
    pace_observed: Annotated[float | None, Field(description="change a month of late")] = None
    as_of: Annotated[date, Field(description="the county's calendar day the figure holds for")]
    figure_version: Annotated[int, Field(description="version of the figure, or a watermark")]
    owner: Annotated[str, Field(description="responsible department or agency; empty for a watched figure")]
    by: Annotated[str, Field(description="who silenced or acknowledged; empty: nobody")] = ""
    changed_at: Annotated[UtcDatetime, Field(description="by the county's clock")]
    link: Annotated[str, Field(description="the figure on the board")]
    link_records: Annotated[str, Field(description="the contributing records on the board")] = ""
