"""The receipt, which is the audit: who pushed what, how many, from where, and what of it was refused."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.envelope import UtcDatetime
from schemas.fields import Contract

FAULTS_ON_A_RECEIPT = 100
"""The first of them stand on the receipt; all of them are among the dead letters."""

Kind = Literal["http", "file", "feed", "replay"]
"""`replay`: of dead letters, by an operator."""

Count = Annotated[int, Field(ge=0)]


class Fault(Contract):
    """One refused record."""

    index: Annotated[int, Field(description="its place in the push, from 0")]
    row: Annotated[int | None, Field(description="row of the sheet, from 1")] = None
    column: Annotated[str | None, Field(description="column of the sheet, e.g. `C`")] = None
    id: Annotated[str, Field(description="its own id; empty if unknown")]
    code: Annotated[str, Field(description="short reason, for programs")]
    field: Annotated[str, Field(description="field at fault; empty if it is the whole record")]
    message: Annotated[str, Field(description="中文 · English")]


class Receipt(Contract):
    """One push, as it lies on `minmai.receipt.v1`; received = accepted + duplicate + rejected."""

    receipt: Annotated[str, Field(description="32 hexadecimal digits", pattern=r"^[0-9a-f]{32}$")]
    agency: str
    stream: Annotated[str, Field(description="empty for events, which may be of several")]
    kind: Annotated[Kind, Field(description="the way it came in")]
    received_at: Annotated[UtcDatetime, Field(description="when it came, by the wall clock")]
    remote: Annotated[str, Field(description="address it came from; of a feed its topic; empty for a replay")]
    user_agent: str
    received: Count
    accepted: Count
    duplicate: Count
    rejected: Count
    faults: Annotated[list[Fault], Field(max_length=FAULTS_ON_A_RECEIPT)]
