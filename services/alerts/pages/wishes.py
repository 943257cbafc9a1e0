"""What subscribers may change themselves; whom they are and where they are reached is the operator's."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from schemas.declaration import Theme
from schemas.fields import Contract, DivisionCode
from services.alerts.routing.filter import Severity
from services.alerts.routing.subscriber import QuietHours, Seconds, Subscriber
from services.platform.errors import MinmaiError


class BadWish(MinmaiError):
    """What was asked for cannot be; the message says what is wrong."""


class Wishes(Contract):
    """What somebody wants to hear of, and when. An empty list means all."""

    language: Literal["zh", "en", "both"]
    severities: list[Severity] = []
    themes: list[Theme] = []
    divisions: list[DivisionCode] = []
    townships: Annotated[bool, Field(description="`divisions` include what lies in them")] = True
    mode: Literal["at_once", "digest"] | None = None
    """None: as it is; what a system's mode is it does not change here."""
    digest_at: time = time(8)
    quiet: QuietHours | None = None
    critical_passes: bool = True
    repeat_interval: Seconds = 604_800
    mute_townships: bool = False


def wishes_of(subscriber: Subscriber) -> Wishes:
    """Return what a subscriber has wished for until now."""
    said = subscriber.model_dump(include=set(Wishes.model_fields))
    return Wishes.model_validate({**said, "mode": None if _of_a_system(subscriber) else subscriber.mode})


def fulfilled(subscriber: Subscriber, wishes: Wishes) -> Subscriber:
    """Return the subscriber as wished for. Raises BadWish."""
    asked = wishes.model_dump()
    if wishes.mode is None or _of_a_system(subscriber):
        asked["mode"] = subscriber.mode
    try:
        return Subscriber.model_validate({**subscriber.model_dump(), **asked})
    except ValidationError as error:
        raise BadWish(_told(error)) from error


def read_form(form: Mapping[str, Sequence[str]]) -> Wishes:
    """Read what the page's form sends. Raises BadWish."""

    def one(name: str) -> str | None:
        return next((value.strip() for value in form.get(name, ()) if value.strip()), None)

    quiet = {"begin": one("quiet_begin"), "end": one("quiet_end")}
    said: dict[str, Any] = {
        "language": one("language"),
        "severities": list(form.get("severities", ())),
        "themes": list(form.get("themes", ())),
        "divisions": list(form.get("divisions", ())),
        "townships": one("townships") == "yes",
        "mode": one("mode"),
        "digest_at": one("digest_at") or "08:00",
        "quiet": quiet if any(quiet.values()) else None,
        "critical_passes": one("critical_passes") == "yes",
        "repeat_interval": one("repeat_interval"),
        "mute_townships": one("mute_townships") == "yes",
    }
    try:
        return Wishes.model_validate(said)
    except ValidationError as error:
        raise BadWish(_told(error)) from error


def _of_a_system(subscriber: Subscriber) -> bool:
    return subscriber.mode not in ("at_once", "digest")


_FIELDS = {
    "language": "语言 language",
    "quiet": "免打扰时段 quiet hours",
    "digest_at": "汇总时间 digest",
    "repeat_interval": "重复间隔 repeat",
    "divisions": "区划 divisions",
    "themes": "主题 themes",
    "severities": "级别 severities",
    "mode": "方式 mode",
}


def _told(error: ValidationError) -> str:
    [first, *_] = error.errors()
    where = str(first["loc"][0]) if first["loc"] else ""
    return f"{_FIELDS.get(where, where)}: {first['msg']}"
