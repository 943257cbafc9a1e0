"""Stream `retraction`: an agency withdraws a record of its own, for ever."""

from typing import Annotated, Literal

from schemas.fields import NOT_BLANK, Contract, RecordId, about

RecordStream = Literal[
    "facility", "childcare-place", "fitness-event", "consumption-voucher", "statistic", "task-report"
]


class Retraction(Contract):
    """撤回 · withdraws the record `record` that the same source pushed on `stream`, whichever comes first."""

    stream: Annotated[RecordStream, about("所撤记录的数据流", "stream of the record withdrawn")]
    record: Annotated[RecordId, about("所撤记录的编号（id）", "id of the record withdrawn")]
    reason: Annotated[
        str, about("撤回原因", "why it is withdrawn", min_length=1, max_length=500, pattern=NOT_BLANK)
    ]
