"""The columns a sheet that is pushed may have: those of its stream's records, and what stands beside them."""

import re
import unicodedata
from functools import cache

from schemas.columns import Field, contract_fields
from schemas.streams import RETRACTION, Stream
from services.ingest.withdrawal import RETRACT


def key(text: str) -> str:
    """Return what two spellings of a name or a word have in common.

    Width of the characters, capitals, blanks, what stands in brackets, and marks such as `*` do not count.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s*:\"“”'_-]", "", re.sub(r"\([^()]*\)", "", plain)) or plain


@cache
def fields_of(stream: Stream) -> tuple[Field, ...]:
    """Return the columns of a stream's sheets, in the order of its template."""
    fields = contract_fields(stream)
    own = {one.name for one in fields}
    return (_TIME, *fields, *(one for one in _BESIDE if one.name not in own and _fits(one, stream)))


_TIME = Field(
    "time",
    "时间",
    "情况从何时起如此；消费券为环节发生的时刻。不写时区按北京时间",
    "time",
    required=True,
)
_BESIDE = (
    Field("id", "记录编号", "本单位自己的编号，同一编号只计一次；不写则由内容得出", "text", names=("编号",)),
    Field("op", "撤回", "要撤回一条记录时填“撤回”，否则空着", "withdrawal", words={RETRACT: "撤回"}),
    Field("reason", "撤回原因", "撤回时必填", "text", names=("原因",)),
    Field(
        "retracts",
        "所撤记录编号",
        "所撤记录的编号；空着则照原样重写所撤的记录",
        "text",
        names=("所撤编号",),
    ),
)


def _fits(one: Field, stream: Stream) -> bool:
    return one.name == "id" or stream is not RETRACTION
