"""What an agency is answered."""

from typing import Annotated

from pydantic import BaseModel, Field

from schemas.receipt import Fault
from services.ingest.check import Refused
from services.ingest.language import Language, said_in


class Answer(BaseModel):
    """What became of a push; received = accepted + duplicate + rejected."""

    receipt: Annotated[str, Field(description="empty if the push was only tried")]
    dry_run: Annotated[bool, Field(description="only checked, nothing was written")] = False
    received: int
    accepted: Annotated[int, Field(description="new records, kept")]
    duplicate: Annotated[int, Field(description="the same id and content again; nothing to do")]
    rejected: Annotated[int, Field(description="each stands in `errors`")]
    marked: Annotated[
        str | None, Field(description="path of a copy of the file with its errors marked, for 24 hours")
    ] = None
    errors: Annotated[
        list[Fault],
        Field(description="the first 2,000 of a sheet; all stand in its copy and on the receipt"),
    ]

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
    detail: Annotated[str, Field(description="中文 · English, or the one asked for")]
    code: Annotated[str, Field(description="short reason, for programs")]


def fault_of(refused: Refused) -> Fault:
    """Return what the answer and the receipt say of a refused record."""
    record, refusal = refused.record, refused.refusal
    return Fault.model_construct(
        index=record.index,
        row=record.row,
        column=record.column(refusal.field),
        id=refused.id,
        code=refusal.code,
        field=refusal.field,
        message=refusal.message,
    )


def told_in(language: Language | None, faults: list[Fault]) -> list[Fault]:
    """Return faults with their messages in one language; None is both."""
    if language is None:
        return faults
    return [one.model_copy(update={"message": said_in(language, one.message)}) for one in faults]
