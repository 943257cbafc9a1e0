"""The dead letter: a refused record with its reason, its bytes and the place it was refused at."""

from base64 import b64encode
from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import UtcDatetime
from schemas.fields import Contract

SETTLED = ("counted", "duplicate")
"""Outcomes of a replay after which nothing is left to do."""


class DeadLetter(Contract):
    """One refused record, as it lies on `minmai.dead-letter.v1`."""

    id: Annotated[str, Field(description="unique and stable: the same refusal repeated has the same id")]
    time: Annotated[UtcDatetime, Field(description="when it was refused")]
    service: Literal["ingest", "aggregate"]
    stream: Annotated[str, Field(description="stream the record was meant for; empty if unknown")]
    source: Annotated[str, Field(description="agency that sent it; empty if unknown")]
    record_id: Annotated[str, Field(description="the record's own id; empty if unknown")]
    receipt: Annotated[str, Field(description="receipt of the push it came with; empty if unknown")]
    place: Annotated[
        str, Field(description="`push/{receipt}/{index}`, of a sheet `…/{cell}`; or `topic/partition/offset`")
    ]
    code: Annotated[str, Field(description="short reason, e.g. `invalid_field`, `conflict`, `not_json`")]
    field: Annotated[str, Field(description="path of the field at fault; empty if it is the whole record")]
    message: str
    encoding: Annotated[Literal["utf-8", "base64"], Field(description="how `raw` holds the bytes")]
    raw: str


def sealed(raw: bytes) -> tuple[Literal["utf-8", "base64"], str]:
    """Return `(encoding, text)` that keeps bytes exactly, readable where they are text."""
    try:
        return "utf-8", raw.decode("utf-8")
    except UnicodeDecodeError:
        return "base64", b64encode(raw).decode("ascii")
