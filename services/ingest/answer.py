"""What an agency is answered."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.ingest.check import Refused


class RecordFault(BaseModel):
    """One refused record."""

    index: Annotated[int, Field(description="its place in the push, from 0")]
    id: Annotated[str, Field(description="its own id; empty if unknown")]
    code: Annotated[str, Field(description="short reason, for programs")]
    field: Annotated[str, Field(description="field at fault; empty if it is the whole record")]
    row: Annotated[int | None, Field(description="of a sheet: its row, from 1")] = None
    column: Annotated[
        str | None, Field(description="of a sheet: the column of the field, by its letters")
    ] = None
    message: Annotated[str, Field(description="中文 · English")]


class Answer(BaseModel):
    """What became of a push; received = accepted + duplicate + rejected."""

    receipt: str
    received: int
    accepted: Annotated[int, Field(description="new records, kept")]
    duplicate: Annotated[int, Field(description="the same id and content again; nothing to do")]
    rejected: Annotated[int, Field(description="each stands in `errors`")]
    errors: list[RecordFault]

    @property
    def status(self) -> int:
        """200 if nothing was refused, 400 if everything was, 207 between."""
        if not self.rejected:
            return 200
        return 400 if self.rejected == self.received else 207


class ProblemDetails(BaseModel):
    """An RFC 9457 problem."""

    type: str = "about:blank"
    title: str
    status: int
    detail: Annotated[str, Field(description="中文 · English")]
    code: Annotated[str, Field(description="short reason, for programs")]


def answer(receipt: str, accepted: int, duplicate: int, refused: list[Refused]) -> Answer:
    """Return the answer to a push."""
    errors = [
        RecordFault(
            index=one.record.index,
            id=one.id,
            code=one.refusal.code,
            field=one.refusal.field,
            row=one.record.row,
            column=one.record.column(one.refusal.field),
            message=one.refusal.message,
        )
        for one in sorted(refused, key=lambda one: one.record.index)
    ]
    return Answer(
        receipt=receipt,
        received=accepted + duplicate + len(refused),
        accepted=accepted,
        duplicate=duplicate,
        rejected=len(refused),
        errors=errors,
    )
