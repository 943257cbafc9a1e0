"""The envelope every record travels in: a CloudEvents 1.0 event, structured JSON mode.

Source: CloudEvents 1.0.2 core specification; `receivedtime`, `receipt` and `fingerprint` are our
extension attributes (lower case, as the specification asks) and are set by ingest alone.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Data = TypeVar("Data", bound=BaseModel)

UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Pushed(BaseModel, Generic[Data]):
    """An event as an agency sends it."""

    model_config = ConfigDict(extra="ignore")  # CloudEvents allows any extension attribute

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(min_length=1, max_length=100)]
    type: Annotated[str, Field(pattern=r"^minmai\.[a-z-]+\.v1$")]
    subject: Annotated[str, Field(max_length=300)] = ""
    time: UtcDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: Data


class Event(Pushed[Data], Generic[Data]):
    """An event as it lies on a stream topic: checked by ingest, with when and how it came in."""

    subject: Annotated[str, Field(min_length=1, max_length=300)]
    receivedtime: UtcDatetime
    receipt: str
    fingerprint: UUID


def identity(source: str, id: str) -> UUID:
    """Return the 128-bit name of `(source, id)`, the pair that counts once for ever."""
    return UUID(bytes=blake2b(f"{source}\0{id}".encode(), digest_size=16).digest())


class Saying(Protocol):
    """A record of any stream."""

    def said(self) -> dict[str, Any]:
        """What it says, as JSON types."""


def fingerprint(type: str, subject: str, time: datetime, data: Saying) -> UUID:
    """Return the 128-bit name of what a record says, whoever says it and under whatever id.

    Two records with one identity and two fingerprints are a conflict.
    """
    said = {"type": type, "subject": subject, "time": time, "data": data.said()}
    return UUID(bytes=blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).digest())


def event_type(stream: str) -> str:
    """Return the CloudEvents `type` of a stream, e.g. `minmai.facility.v1`; it is also its topic."""
    return f"minmai.{stream}.v1"


def partition_of(name: UUID, partitions: int) -> int:
    """Return the partition a record goes to: by its identity, not by its key.

    Every copy of a record then lies in one partition, whatever it says, so whoever owns the partition can
    tell alone whether it has been counted. What orders an entity's records is their time, not a partition.
    """
    return name.int % partitions
