"""The alert rules of a plan: one entry of `rules.yaml` each, of a kind that says what is looked at.

A rule is data. What it measures is a source's (`services/alerts/sources/`), what follows from it the
machine's (`services/alerts/rules/`). Where a `threshold` stands it is what is still good: the rule fires
beyond it, and clears when the measured value is `clear_margin` on the good side of it.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, TypeAdapter

from schemas.consumption_voucher import Campaign
from schemas.declaration import IndicatorId, Level, Text
from schemas.fields import Contract, DivisionCode

Severity = Literal["info", "warning", "critical"]
Direction = Literal["at_least", "at_most", "exactly"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN = re.compile(r"(0|[1-9]\d{0,5})([smhd])")


def duration(written: Any) -> timedelta:
    """Return a duration as people write it: 90s, 30m, 12h or 2d; 0 is none. Raises ValueError."""
    if isinstance(written, timedelta):
        return written
    if written in (0, "0") and not isinstance(written, bool):
        return timedelta(0)
    if not isinstance(written, str) or not (found := _WRITTEN.fullmatch(written.strip())):
        raise ValueError("应为时长，如 30m、12h、2d · must be a duration, such as 30m, 12h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def written(length: timedelta) -> str:
    """Return a duration as `duration` reads it, in the largest unit that is whole."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s" if seconds else "0"


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(written, return_type=str)]
"""A length of time by the county's clock, written as 90s, 30m, 12h or 2d."""


class RuleBase(Contract):
    """What every rule has, whatever it looks at."""

    id: IndicatorId
    name: Text
    severity: Severity = "warning"
    for_: Annotated[Duration, Field(alias="for", description="so long it is broken before it fires")] = (
        timedelta(0)
    )
    keep_firing: Annotated[Duration, Field(description="so long it is clear before it resolves")] = timedelta(
        0
    )
    levels: Annotated[list[Level], Field(min_length=1)] = ["county"]
    divisions: Annotated[
        list[DivisionCode] | None, Field(description="only these; none: every division of `levels`")
    ] = None
    inhibits: Annotated[
        list[IndicatorId],
        Field(description="rules that are not told of while this one fires in the same place or above it"),
    ] = []
    enabled: Annotated[bool, Field(description="false switches off what is there by default")] = True

    @property
    def version(self) -> str:
        """A digest of what decides; its name is only words."""
        said = self.model_dump_json(by_alias=True, exclude={"name"})
        return blake2b(said.encode(), digest_size=4).hexdigest()


class MeasuredRule(RuleBase):
    """A rule on a number. `threshold` is still good; the clear level is `clear_margin` on its good side."""

    direction: ClassVar[Direction] = "at_most"

    threshold: Decimal
    clear_margin: Annotated[Decimal, Field(ge=0)] = Decimal(0)


class ValueRule(RuleBase):
    """On an indicator's value. Without `threshold` its target in the division is the threshold."""

    kind: Literal["value"] = "value"
    indicator: IndicatorId
    threshold: Decimal | None = None
    clear_margin: Annotated[Decimal, Field(ge=0, description="in the indicator's unit")] = Decimal(0)


class StatusRule(RuleBase):
    """On an indicator's status against its target (docs/pace.md)."""

    kind: Literal["status"] = "status"
    indicator: IndicatorId
    statuses: Annotated[
        list[Literal["met", "missed", "on_track", "behind", "off_track", "watched"]],
        Field(min_length=1, description="it fires while the status is one of these"),
    ] = ["missed"]


class ForecastRule(RuleBase):
    """On what an indicator will be on its due day at the pace of late: fires when that misses the target."""

    kind: Literal["forecast"] = "forecast"
    indicator: IndicatorId
    threshold: Decimal | None = None
    clear_margin: Annotated[Decimal, Field(ge=0, description="in the indicator's unit")] = Decimal(0)


class VoucherBudgetRule(MeasuredRule):
    """On the share of a voucher budget that has been redeemed, in percent."""

    kind: Literal["voucher_budget"] = "voucher_budget"
    threshold: Decimal = Decimal(90)
    campaign: Annotated[Campaign | None, Field(description="none: all campaigns together")] = None
    budget: Annotated[
        Decimal | None, Field(gt=0, description="yuan; none: the budget reported as campaign_budget")
    ] = None
    since: Annotated[date | None, Field(description="first day of the money; none: all there was")] = None


class VoucherPeakRule(MeasuredRule):
    """On how many vouchers one merchant redeems within `window`."""

    kind: Literal["voucher_peak"] = "voucher_peak"
    threshold: Decimal = Decimal(200)
    window: Duration = timedelta(hours=1)


class VoucherRefundRule(MeasuredRule):
    """On the share of redeemed vouchers that were refunded within `window`, in percent."""

    kind: Literal["voucher_refund"] = "voucher_refund"
    threshold: Decimal = Decimal(10)
    window: Duration = timedelta(days=1)
    least: Annotated[int, Field(ge=1, description="with fewer redemptions there is nothing to say")] = 20


class ChildcareFullRule(MeasuredRule):
    """On how full a childcare facility is, in percent of its places."""

    kind: Literal["childcare_full"] = "childcare_full"
    threshold: Decimal = Decimal(95)


class ChildcareEmptyRule(MeasuredRule):
    """On how empty a childcare facility is, in percent of its places."""

    direction: ClassVar[Direction] = "at_least"

    kind: Literal["childcare_empty"] = "childcare_empty"
    threshold: Decimal = Decimal(20)


class FeedSilentRule(RuleBase):
    """On agencies that have sent nothing for longer than they promised (`feeds.yaml`), by working days."""

    kind: Literal["feed_silent"] = "feed_silent"


class FeedStoppedRule(RuleBase):
    """On feeds that ingest has stopped reading because nearly all of what they bring is refused."""

    kind: Literal["feed_stopped"] = "feed_stopped"


class RefusedShareRule(MeasuredRule):
    """On the share of an agency's records that were refused within `window`, in percent."""

    kind: Literal["refused_share"] = "refused_share"
    threshold: Decimal = Decimal(20)
    window: Duration = timedelta(days=1)
    least: Annotated[int, Field(ge=1, description="with fewer records there is nothing to say")] = 20


class LagRule(MeasuredRule):
    """On how many records of a stream's partition lie on their topic uncounted."""

    kind: Literal["lag"] = "lag"
    threshold: Decimal = Decimal(10_000)


class FreshnessRule(MeasuredRule):
    """On how long, in seconds, a record takes from its topic to the figures."""

    kind: Literal["freshness"] = "freshness"
    threshold: Decimal = Decimal(60)


class NoticesLostRule(MeasuredRule):
    """On how many notices an address has not got, given up or refused within `window` and since the last one
    that it has got. Tests do not count, nor what is told of such losses.
    """

    kind: Literal["notices_lost"] = "notices_lost"
    threshold: Decimal = Decimal(0)
    window: Duration = timedelta(days=7)


IndicatorRule = ValueRule | StatusRule | ForecastRule

RuleKind = Literal[
    "value",
    "status",
    "forecast",
    "voucher_budget",
    "voucher_peak",
    "voucher_refund",
    "childcare_full",
    "childcare_empty",
    "feed_silent",
    "feed_stopped",
    "refused_share",
    "lag",
    "freshness",
    "notices_lost",
]


def kind_of(raw: Any) -> str:
    """Return the kind of a rule, or of what is to become one: an entry that names none is on a value."""
    return str(raw.get("kind", "value") if isinstance(raw, dict) else getattr(raw, "kind", "value"))


Rule = Annotated[
    Annotated[ValueRule, Tag("value")]
    | Annotated[StatusRule, Tag("status")]
    | Annotated[ForecastRule, Tag("forecast")]
    | Annotated[VoucherBudgetRule, Tag("voucher_budget")]
    | Annotated[VoucherPeakRule, Tag("voucher_peak")]
    | Annotated[VoucherRefundRule, Tag("voucher_refund")]
    | Annotated[ChildcareFullRule, Tag("childcare_full")]
    | Annotated[ChildcareEmptyRule, Tag("childcare_empty")]
    | Annotated[FeedSilentRule, Tag("feed_silent")]
    | Annotated[FeedStoppedRule, Tag("feed_stopped")]
    | Annotated[RefusedShareRule, Tag("refused_share")]
    | Annotated[LagRule, Tag("lag")]
    | Annotated[FreshnessRule, Tag("freshness")]
    | Annotated[NoticesLostRule, Tag("notices_lost")],
    Discriminator(kind_of),
]
"""Any rule; `kind` tells which."""

RULE: TypeAdapter[Rule] = TypeAdapter(Rule)
"""Reads one rule of any kind."""


class UnknownRule(RuleBase):
    """Stands for an entry whose kind is none of ours, so that the mistake named is that one."""

    model_config = {**RuleBase.model_config, "extra": "ignore"}

    kind: RuleKind


MODELS: dict[str, type[RuleBase]] = {
    str(model.model_fields["kind"].default): model
    for model in (*RuleBase.__subclasses__(), *MeasuredRule.__subclasses__())
    if model not in (MeasuredRule, UnknownRule)
}
"""The contract of each kind."""
