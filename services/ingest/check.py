"""From a record to a checked event, or to the reason why not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.envelope import Pushed, event_type, fingerprint, identity
from schemas.streams import STREAMS, Stream
from services.ingest.agencies import Agency
from services.ingest.faults import Problem, Refusal, refusal_of, shown
from services.ingest.records import Record
from services.platform.clock import AHEAD
from services.platform.plan import Plan

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)

_BY_TYPE = {event_type(stream.name): stream for stream in STREAMS.values()}
_PUSHED: dict[str, type[Pushed[Any]]] = {
    name: cast(type[Pushed[Any]], Pushed.__class_getitem__(stream.model)) for name, stream in STREAMS.items()
}


@dataclass(frozen=True)
class Checked:
    """A record that may be accepted."""

    record: Record
    stream: Stream
    id: str
    subject: str
    fingerprint: UUID
    identity: UUID
    event: dict[str, Any]
    """The fields of its `schemas.envelope.Event`; building that object would double the cost of a check."""


@dataclass(frozen=True)
class Refused:
    """A record that is refused, and what is known of it."""

    record: Record
    stream: str
    id: str
    refusal: Refusal


@dataclass(frozen=True)
class Push:
    """What the records of one push have in common."""

    agency: Agency
    receipt: str
    received: datetime


Check = Callable[[Push, Record], Checked | Refused]


class Checker:
    """Checks records against the contracts, the plan and what the agency may push."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def event(self, push: Push, record: Record) -> Checked | Refused:
        """Check a record that is a CloudEvent.

        Raises Problem 403 if it belongs to a stream that the agency may not push.
        """
        if isinstance(record.content, Refusal):
            return Refused(record, "", "", record.content)
        content = record.content
        stream = _BY_TYPE.get(kind) if isinstance(kind := content.get("type"), str) else None
        id = shown(content.get("id", ""))
        if stream is None:
            refusal = Refusal(
                *(
                    "unknown_type",
                    f"type 应为以下之一：{', '.join(_BY_TYPE)} · type must be one of these",
                    "type",
                )
            )
            return Refused(record, "", id, refusal)
        may_push(push.agency, stream)
        try:
            _check_source(push.agency, content.get("source"))
            time = self._time(content.get("time"), push.received, zone_needed=True)
            return self._checked(push, record, stream, {**content, "time": time}, inside="data.")
        except Refusal as refusal:
            return Refused(record, stream.name, id, refusal)

    def plain(self, stream: Stream) -> Check:
        """Return the check of a record that has just the contract's fields, `time` and perhaps `id`.

        Raises (when called) Problem 403 if the agency may not push the stream.
        """

        def check(push: Push, record: Record) -> Checked | Refused:
            may_push(push.agency, stream)
            if isinstance(record.content, Refusal):
                return Refused(record, stream.name, "", record.content)
            data = dict(record.content)
            id = data.pop("id", None)
            try:
                time = self._time(data.pop("time", None), push.received, zone_needed=False)
                content = {
                    "specversion": "1.0",
                    "id": _DERIVED if id is None else id,
                    "source": push.agency.name,
                    "type": stream.topic,
                    "time": time,
                    "data": data,
                }
                return self._checked(push, record, stream, content, inside="", derive_id=id is None)
            except Refusal as refusal:
                return Refused(record, stream.name, "" if id is None else shown(id), refusal)

        return check

    def _checked(
        self,
        push: Push,
        record: Record,
        stream: Stream,
        content: dict[str, Any],
        *,
        inside: str,
        derive_id: bool = False,
    ) -> Checked:
        _check_json_types(stream, content.get("data"), inside)
        try:
            pushed = _PUSHED[stream.name].model_validate(content)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            raise refusal_of(faults, inside, _tags(stream)) from None
        data = pushed.data.model_dump(mode="json")
        self._check_division(push.agency, data.get("division"), inside)
        subject = stream.subject(data)
        if pushed.subject not in ("", subject):
            raise Refusal("invalid_field", f"subject 应为 {shown(subject)} · subject must be this", "subject")
        said = fingerprint(stream.topic, subject, pushed.time, pushed.data)
        id = str(said) if derive_id else pushed.id
        event = {
            "specversion": "1.0",
            "id": id,
            "source": pushed.source,
            "type": stream.topic,
            "subject": subject,
            "time": pushed.time,
            "datacontenttype": "application/json",
            "data": data,
            "receivedtime": push.received,
            "receipt": push.receipt,
            "fingerprint": said,
        }
        return Checked(record, stream, id, subject, said, identity(pushed.source, id), event)

    def _time(self, value: object, now: datetime, *, zone_needed: bool) -> datetime:
        if value is None:
            raise Refusal("missing_field", "缺少必填字段 · required field is missing", "time")
        moment = _moment(value, None if zone_needed else self._plan.zone)
        if moment is None:
            raise Refusal(
                "invalid_field",
                "应为 ISO 8601 时间，如 2024-05-01T09:30:00+08:00 · must be an ISO 8601 time with its zone",
                "time",
            )
        if not EARLIEST <= moment <= now + AHEAD:
            raise Refusal(
                "time_out_of_range",
                "时间不得早于 1971 年，也不得晚于现在 1 小时以上 · "
                "time must not be before 1971 nor more than 1 hour ahead of now",
                "time",
            )
        return moment

    def _check_division(self, agency: Agency, code: str | None, inside: str) -> None:
        if code is None:
            return
        if code not in self._plan.divisions:
            raise Refusal(
                "unknown_division",
                f"区划代码 {shown(code)} 不在本县区划表中 · division is not in this county's list",
                inside + "division",
            )
        if not agency.may_tell_of(code):
            raise Refusal(
                "forbidden_division",
                f"本密钥不能上报区划 {shown(code)} 的数据 · this key may not push for this division",
                inside + "division",
            )


_DERIVED = "derived"


def may_push(agency: Agency, stream: Stream) -> None:
    """Raise Problem 403 if the agency may not push a stream."""
    if stream.name not in agency.streams:
        allowed = ", ".join(sorted(agency.streams))
        raise Problem(
            403,
            "forbidden_stream",
            f"本密钥不能上报 {stream.name}，只能上报：{allowed} · "
            f"this key may not push {stream.name}, only: {allowed}",
        )


def _check_source(agency: Agency, source: object) -> None:
    if source != agency.name:
        raise Refusal(
            "wrong_source",
            f"source 应为 {agency.name}（密钥所属单位） · source must be the agency of the key",
            "source",
        )


def _moment(value: object, zone: ZoneInfo | None) -> datetime | None:
    """The moment of an ISO 8601 text, in UTC; `zone` is that of a text without one. None if it is none."""
    if not isinstance(value, str):  # a number names no zone, and seconds look like milliseconds
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _check_json_types(stream: Stream, data: object, inside: str) -> None:
    """Refuse what pydantic would silently take for something else: `true` for 1, and 0 for 1970-01-01."""
    if not isinstance(data, dict):
        return
    takes_number = _takes_number(stream)
    for name, value in data.items():
        wrong = isinstance(value, bool) or (isinstance(value, int) and not takes_number.get(name))
        if wrong and name in takes_number:
            text = "值的类型不对，参见 GET /v1/schemas · wrong type of value, see GET /v1/schemas"
            raise Refusal("invalid_field", text, inside + name)


@cache
def _takes_number(stream: Stream) -> dict[str, bool]:
    """For each field of a contract whether it takes a JSON number."""
    schema = stream.model.model_json_schema()
    return {
        name: bool(
            {option.get("type") for option in (field, *field.get("anyOf", ()))} & {"integer", "number"}
        )
        for part in (schema, *schema.get("$defs", {}).values())
        for name, field in part.get("properties", {}).items()
    }


@cache
def _tags(stream: Stream) -> frozenset[str]:
    """The values of a contract's discriminator; pydantic names them in the path of a fault."""
    return frozenset(stream.model.model_json_schema().get("discriminator", {}).get("mapping", ()))
