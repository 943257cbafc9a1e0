"""The dead letter of a refused record."""

from base64 import b64encode
from hashlib import blake2b

from schemas.dead_letter import DeadLetter, sealed
from services.ingest.check import Push, Refused

_LETTER_BYTES = 900_000
_CUT_BYTES = 600_000
"""A broker takes messages of 1 MB. No contract has a record near that, so what is cut is no lost record."""


def letter(push: Push, refused: Refused) -> DeadLetter:
    """Return the dead letter; the same bytes refused for the same reason have the same id."""
    refusal, raw = refused.refusal, refused.record.raw
    name = blake2b(digest_size=16)
    for part in (push.agency.name, refused.stream, refusal.code, refusal.field):
        name.update(part.encode() + b"\0")
    name.update(raw)
    encoding, text = sealed(raw)
    found = DeadLetter.model_construct(
        id=name.hexdigest(),
        time=push.received,
        service="ingest",
        stream=refused.stream,
        source=push.agency.name,
        record_id=refused.id,
        receipt=push.receipt,
        place=_place(push, refused),
        code=refusal.code,
        field=refusal.field,
        message=refusal.message,
        encoding=encoding,
        raw=text,
    )
    if len(raw) * 6 > _LETTER_BYTES and len(found.model_dump_json()) > _LETTER_BYTES:
        return found.model_copy(
            update={
                "encoding": "base64",
                "raw": b64encode(raw[:_CUT_BYTES]).decode("ascii"),
                "message": f"{refusal.message}（原文 {len(raw)} 字节，"
                f"只存前 {min(len(raw), _CUT_BYTES)} 字节 · of {len(raw)} bytes the first are kept）",
            }
        )
    return found


def _place(push: Push, refused: Refused) -> str:
    """The push and the place in it; of a sheet also the cell, or the row where no single cell is at fault."""
    record = refused.record
    place = f"push/{push.receipt}/{record.index}"
    if record.row is None:
        return place
    return f"{place}/{record.column(refused.refusal.field) or ''}{record.row}"
