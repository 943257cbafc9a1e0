"""The envelope every record travels in: a CloudEvents 1.0 event, structured JSON mode.

Source: CloudEvents 1.0.2 core specification; `receivedtime`, `receipt` and `fingerprint` are our
extension attributes (lower case, as the specification asks) and are set by ingest alone.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from schemas.fields import ID_LENGTH, about

Data = TypeVar("Data", bound=BaseModel)

UtcDatetime = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Pushed(BaseModel, Generic[Data]):
    """An event as an agency sends it."""

    model_config = ConfigDict(extra="ignore")  # CloudEvents allows any extension attribute

    specversion: Annotated[Literal["1.0"], about("CloudEvents 版本", "CloudEvents version")]
    id: Annotated[
        str,
        about(
            "记录编号，本单位同一编号只计一次",
            "id of the record, which counts once",
            min_length=1,
            max_length=ID_LENGTH,
        ),
    ]
    source: Annotated[
        str, about("单位名称，须为密钥所属单位", "the agency of the key", min_length=1, max_length=100)
    ]
    type: Annotated[str, about("minmai.数据流.v1", "minmai.STREAM.v1", pattern=r"^minmai\.[a-z-]+\.v1$")]
    subject: Annotated[
        str,
        about("所说对象；可不写，由记录得出", "what it is about; follows from the record", max_length=300),
    ] = ""
    time: Annotated[
        UtcDatetime,
        about(
            "情况从何时起如此；须带时区，1971 年以后，不晚于现在 1 小时以上",
            "since when it is so; with its zone, from 1971 on, at most 1 hour ahead",
        ),
    ]
    datacontenttype: Annotated[Literal["application/json"], about("内容类型", "media type of `data`")] = (
        "application/json"
    )
    data: Data


class Event(Pushed[Data], Generic[Data]):
    """An event as it lies on a stream topic: checked by ingest, with when and how it came in."""

    subject: Annotated[str, Field(min_length=1, max_length=300)]
    receivedtime: UtcDatetime
    receipt: str
    fingerprint: UUID


def identities(sources: Sequence[str], ids: Sequence[str]) -> bytes:
    """Return the identities of many records, 16 bytes each, as in `UUID.bytes`."""
    begun = {source: _begun(source) for source in set(sources)}
    names = bytearray()
    for source, id in zip(sources, ids, strict=True):
        name = begun[source].copy()
        name.update(id.encode())
        names += name.digest()
    return bytes(names)


def identity(source: str, id: str) -> int:
    """Return the 128-bit name of `(source, id)`, the pair that counts once for ever.

    It is a UUID's number: to make a UUID of it costs more than to find it.
    """
    name = _begun(source).copy()
    name.update(id.encode())
    return int.from_bytes(name.digest())


@lru_cache(maxsize=1_000)
def _begun(source: str) -> blake2b:
    return blake2b(f"{source}\0".encode(), digest_size=16)


class Saying(Protocol):
    """A record of any stream."""

    def said(self, dumped: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What it says, as JSON types."""


def fingerprint(
    type: str, subject: str, time: datetime, data: Saying, dumped: Mapping[str, Any] | None = None
) -> str:
    """Return the 128-bit name of what a record says, whoever says it and under whatever id, as a UUID's text.

    Two records with one identity and two fingerprints are a conflict. `dumped` is `data` as JSON types, for
    whoever has that already.
    """
    return fingerprint_of(type, subject, time, in_order(data.said(dumped)))


def fingerprint_of(type: str, subject: str, time: datetime, said: bytes) -> str:
    """Return the same of what a record says as JSON, its names `in_order`."""
    whole = {"data": orjson.Fragment(said), "subject": subject, "time": time, "type": type}
    name = blake2b(orjson.dumps(whole), digest_size=16).hexdigest()
    return f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"


def in_order(data: Mapping[str, Any]) -> bytes:
    """Return an object as JSON with its names in order: whoever says the same, the same bytes."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def event_type(stream: str) -> str:
    """Return the CloudEvents `type` of a stream, e.g. `minmai.facility.v1`; it is also its topic."""
    return f"minmai.{stream}.v1"


def partition_of(identity: int, partitions: int) -> int:
    """Return the partition a record goes to: by its identity, not by its key.

    Every copy of a record then lies in one partition, whatever it says, so whoever owns the partition can
    tell alone whether it has been counted. What orders an entity's records is their time, not a partition.
    """
    return identity % partitions
