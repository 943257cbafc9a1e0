"""Subscribers: people and systems, what they want to hear of, and when."""

from datetime import UTC, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from services.alerts.routing.filter import Filter

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Mode = Literal["at_once", "digest", "each", "every"]
News = Literal["firing", "resolved", "no_data", "correction"]

BUILT_IN = frozenset({"topic", "webhook", "mail"})
"""The subscribers that the settings make."""

_LONGEST = 366 * 86_400
Seconds = Annotated[int, Field(ge=0, le=_LONGEST)]


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError of its own kind
        raise ValueError(f"no time zone {zone!r}") from error
    except KeyError as error:
        raise ValueError(f"no time zone {zone!r}; Asia/Shanghai is one") from error
    return zone


class Address(Contract):
    """Where a notice goes. `address` may hold a token: it is shown redacted everywhere."""

    channel: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    address: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^\S+$", repr=False)]


class QuietHours(Contract):
    """From `begin` to `end` by the subscriber's clock, over midnight where `end` is the earlier one."""

    begin: time
    end: time

    @model_validator(mode="after")
    def _is_not_the_whole_day(self) -> "QuietHours":
        if self.begin == self.end:
            raise ValueError(
                "quiet hours end when they begin: that is no time, or all day; unsubscribe instead"
            )
        return self


class Subscriber(Filter):
    """Who hears of alerts.

    `at_once`: news of one urgency in one notice, after `group_wait`, then every `group_interval` at most.
    `digest`: once a day. `each`: every firing and its end as they come, each by itself: for systems. `every`:
    every logged change, whatever is silenced or inhibited: for systems that decide themselves.
    """

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["person", "system"] = "person"
    channels: Annotated[list[Address], Field(min_length=1, max_length=100)]
    language: Literal["zh", "en", "both"] = "both"
    mode: Mode = "at_once"
    hears: Annotated[list[News], Field(min_length=1)] = ["firing", "resolved", "no_data", "correction"]
    zone: Annotated[str, AfterValidator(_known)] = "Asia/Shanghai"
    quiet: QuietHours | None = None
    digest_at: time = time(8)
    critical_passes: Annotated[bool, Field(description="critical news wait for no quiet hours or digest")] = (
        True
    )
    group_wait: Annotated[Seconds, Field(description="how long a first one waits for others")] = 30
    group_interval: Annotated[Seconds, Field(description="between notices while something fires")] = 300
    repeat_interval: Annotated[Seconds, Field(description="what still fires is told again; 0: never")] = (
        604_800
    )
    mute_townships: Annotated[
        bool, Field(description="the county's alert mutes the same of its townships")
    ] = False
    escalate_to: Annotated[Id | None, Field(description="who hears if nobody acknowledges")] = None
    escalate_after: Annotated[Seconds, Field(ge=60)] = 3_600
    created_at: UtcDatetime = datetime.fromtimestamp(0, UTC)
    unsubscribed_at: UtcDatetime | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Subscriber":
        if "firing" not in self.hears:
            raise ValueError("`hears` needs firing: who hears no beginning hears no end")
        if self.escalate_to == self.id:
            raise ValueError("a subscriber does not escalate to itself")
        return self

    @property
    def waits(self) -> tuple[int, int]:
        """Group wait and interval, in seconds."""
        return (0, 0) if self.mode == "each" else (self.group_wait, self.group_interval)
