"""From a record to a checked event, or to the reason why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.envelope import Pushed, event_type, fingerprint_of, identity, in_order
from schemas.fields import ID_LENGTH
from schemas.fitness_event import FitnessEvent
from schemas.retraction import Retraction
from schemas.streams import RETRACTION, STREAMS, Stream
from schemas.task_report import TaskReport
from services.ingest.agencies import Agency
from services.ingest.faults import Problem, Refusal, refusal_of, shown
from services.ingest.json_types import check_json_types, tags
from services.ingest.local import Local
from services.ingest.plain import Plain, plain
from services.ingest.records import Record
from services.ingest.withdrawal import Withdrawal, taken_from
from services.platform.plan import Plan
from services.platform.shapes import STRANGE

_BY_TYPE = {event_type(stream.name): stream for stream in STREAMS.values()}
_PUSHED: dict[str, type[Pushed[Any]]] = {
    name: cast(type[Pushed[Any]], Pushed.__class_getitem__(stream.model)) for name, stream in STREAMS.items()
}


class Checked(NamedTuple):
    """A record that may be accepted."""

    record: Record
    stream: Stream
    id: str
    subject: str
    time: datetime
    fingerprint: str
    identity: int
    data: bytes
    """Its contract's fields as JSON."""


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


_FEW = 3
"""Records that cost no less by the shortcut, which asks each field of all of them."""

Check = Callable[[Push, Sequence[Record]], list[Checked | Refused]]
"""Checks records of a push, in their order."""


class Checker:
    """Checks records against the contracts, the plan and what the agency may push."""

    def __init__(self, plan: Plan) -> None:
        self._local = local = Local(plan)
        self._beyond: Mapping[type, Callable[[Push, Any, datetime, str], None]] = {
            FitnessEvent: lambda _push, event, time, inside: local.check_day(event, time, inside),
            TaskReport: lambda _push, report, _time, inside: local.check_task(report, inside),
            Retraction: lambda push, one, _time, _inside: may_push(push.agency, STREAMS[one.stream]),
        }
        """What a contract cannot tell."""

    def events(self, push: Push, records: Sequence[Record]) -> list[Checked | Refused]:
        """Check records that are CloudEvents.

        Raises Problem 403 if one belongs to a stream that the agency may not push.
        """
        return [self._event(push, record) for record in records]

    def plain(self, stream: Stream) -> Check:
        """Return the check of records that have just the contract's fields, `time` and perhaps `id`.

        Raises (when called) Problem 403 if the agency may not push the stream.
        """
        shortcut = plain(stream)

        def check(push: Push, records: Sequence[Record]) -> list[Checked | Refused]:
            may_push(push.agency, stream)
            found = None
            if shortcut is not None and len(records) > _FEW:
                found = self._plainly_right(push, stream, shortcut, records)
            return found or [self._plain(push, stream, record) for record in records]

        return check

    def _plainly_right(
        self, push: Push, stream: Stream, shortcut: Plain, records: Sequence[Record]
    ) -> list[Checked | Refused] | None:
        """Return what the contract would say of records; None if it has to be asked."""
        said = shortcut.read([record.content for record in records])
        if said is None:
            return None
        agency, topic = push.agency, stream.topic
        checked: list[Checked | Refused] = []
        try:
            for division in {one.division for one in said}:
                self._local.check_division(agency, division, "")
            for record, one in zip(records, said, strict=True):
                time = self._local.time(one.time, push.received, zone_needed=False)
                told = fingerprint_of(topic, one.subject, time, one.told)
                id = told if one.id is None else one.id
                checked.append(
                    Checked(
                        *(record, stream, id, one.subject, time, told),
                        identity(agency.name, id),
                        one.data,
                    )
                )
        except (Refusal, *STRANGE):
            return None
        return checked

    def _event(self, push: Push, record: Record) -> Checked | Refused:
        if isinstance(record.content, Refusal):
            return Refused(record, "", "", record.content)
        content = dict(record.content)
        stream = _BY_TYPE.get(kind) if isinstance(kind := content.get("type"), str) else None
        id = shown(content.get("id", ""))
        if stream is None:
            refusal = Refusal(
                *(
                    "unknown_type",
                    f"type 应为以下之一：{', '.join(_BY_TYPE)} · type must be one of {', '.join(_BY_TYPE)}",
                    "type",
                )
            )
            return Refused(record, "", id, refusal)
        may_push(push.agency, stream)
        try:
            _check_source(push.agency, content.get("source"))
            content["time"] = self._local.time(content.get("time"), push.received, zone_needed=True)
            withdrawal = taken_from(content, stream)
            if withdrawal is None:
                return self._checked(push, record, stream, content, inside="data.")
            return self._withdrawn(push, record, stream, content, withdrawal, inside="data.")
        except Refusal as refusal:
            return Refused(record, stream.name, id, refusal)

    def _plain(self, push: Push, stream: Stream, record: Record) -> Checked | Refused:
        if isinstance(record.content, Refusal):
            return Refused(record, stream.name, "", record.content)
        data = dict(record.content)
        id = data.pop("id", None)
        try:
            time = self._local.time(data.pop("time", None), push.received, zone_needed=False)
            withdrawal = taken_from(data, stream)
            if withdrawal is None and _is_ours(id):
                contract = _validated_alone(stream, data)
                return self._about(push, record, stream, contract, id=id, time=time)
            content = {
                "specversion": "1.0",
                "id": _DERIVED if id is None else id,
                "source": push.agency.name,
                "type": stream.topic,
                "time": time,
                "data": data,
            }
            derive = id is None
            if withdrawal is None:
                return self._checked(push, record, stream, content, derive_id=derive)
            return self._withdrawn(push, record, stream, content, withdrawal, derive_id=derive)
        except Refusal as refusal:
            return Refused(record, stream.name, "" if id is None else shown(id), refusal)

    def _withdrawn(
        self,
        push: Push,
        record: Record,
        stream: Stream,
        content: dict[str, Any],
        withdrawal: Withdrawal,
        *,
        inside: str = "",
        derive_id: bool = False,
    ) -> Checked:
        """Check a record with `op: retract` as the retraction it stands for.

        Where the record to withdraw is repeated, `id` is that record's; the retraction's own follows from
        its content.
        """
        target = withdrawal.record
        if target is None:
            target = self._checked(push, record, stream, content, inside=inside, derive_id=derive_id).id
            derive_id = True
        elif content.get("data"):
            raise Refusal(
                "unknown_field",
                "写了 retracts 就不再写记录内容 · beside retracts there may be nothing of the record",
                inside.rstrip(".") or next(iter(content["data"])),
            )
        retraction = {
            **content,
            "type": RETRACTION.topic,
            "subject": "",
            "data": {"stream": stream.name, "record": target}
            | ({} if withdrawal.reason is None else {"reason": withdrawal.reason}),
        }
        return self._checked(push, record, RETRACTION, retraction, derive_id=derive_id)

    def _checked(
        self,
        push: Push,
        record: Record,
        stream: Stream,
        content: dict[str, Any],
        *,
        inside: str = "",
        derive_id: bool = False,
    ) -> Checked:
        """Check a whole event. Raises Refusal."""
        event = _validated(stream, content, inside)
        return self._about(
            *(push, record, stream, event.data),
            id=None if derive_id else event.id,
            time=content["time"],
            inside=inside,
            given_subject=event.subject,
        )

    def _about(
        self,
        push: Push,
        record: Record,
        stream: Stream,
        contract: Any,
        *,
        id: str | None,
        time: datetime,
        inside: str = "",
        given_subject: str = "",
    ) -> Checked:
        """Check what the contract alone cannot tell; `id` None follows from what it says. Raises Refusal."""
        data = contract.__pydantic_serializer__.to_python(contract, mode="json")
        self._local.check_division(push.agency, data.get("division"), inside)
        if (beyond := self._beyond.get(type(contract))) is not None:
            beyond(push, contract, time, inside)
        subject = stream.subject(data)
        if given_subject not in ("", subject):
            raise Refusal(
                "invalid_field",
                f"subject 应为 {shown(subject)} · subject must be {shown(subject)}",
                "subject",
            )
        written, said = in_order(data), contract.said(data)
        told = fingerprint_of(stream.topic, subject, time, written if said is data else in_order(said))
        if id is None:
            id = told
        return Checked(record, stream, id, subject, time, told, identity(push.agency.name, id), written)


def _validated(stream: Stream, content: dict[str, Any], inside: str) -> Pushed[Any]:
    """Return an event by its contract. Raises Refusal."""
    check_json_types(stream, content.get("data"), inside)
    try:
        return _PUSHED[stream.name].model_validate(content)
    except ValidationError as error:
        raise refusal_of(_faults(error), inside, tags(stream)) from None


def _is_ours(id: object) -> bool:
    """Whether the envelope of a plain record is all ours: its id is left out, or as it should be.

    To check all that as well would cost half as much again.
    """
    return id is None or (isinstance(id, str) and 0 < len(id) <= ID_LENGTH and _can_be_written(id))


def _can_be_written(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which no encoding can write."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _validated_alone(stream: Stream, data: dict[str, Any]) -> Any:
    """Return the data of an event that is right otherwise. Raises Refusal as `_validated`."""
    check_json_types(stream, data, "")
    try:
        return stream.model.__pydantic_validator__.validate_python(data)
    except ValidationError as error:
        faults = _faults(error)
        for fault in faults:
            fault["loc"] = ("data", *fault["loc"])
        raise refusal_of(faults, "", tags(stream)) from None


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


_DERIVED = "derived"


def may_push(agency: Agency, stream: Stream) -> None:
    """Raise Problem 403 if the agency may not push a stream.

    Any agency may push retractions, of the streams that it may push.
    """
    if stream is not RETRACTION and stream.name not in agency.streams:
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
