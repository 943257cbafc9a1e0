"""Stream `fitness-event`: one fitness event, planned, held or cancelled."""

from datetime import date
from typing import Annotated, Literal

from schemas.fields import PERSONS, Contract, Count, DivisionCode, EntityId, Name, about


class FitnessEvent(Contract):
    """全民健身赛事活动 · one public fitness event."""

    event_id: Annotated[EntityId, about("活动编号", "event id")]
    name: Annotated[Name, about("名称", "name")]
    level: Annotated[
        Literal["prefecture", "county", "township", "community"],
        about(
            "级别：prefecture 州级以上、county 县级、township 乡镇级、community 社区级", "level of the event"
        ),
    ]
    sport: Annotated[Name, about("项目，如“篮球”", "sport")]
    division: DivisionCode
    day: Annotated[
        date,
        about(
            "举办日期；已举办的不得晚于记录时间", "day it is held; of one held, not after the record's time"
        ),
    ]
    status: Annotated[
        Literal["planned", "held", "cancelled"],
        about("状态：planned 计划、held 已举办、cancelled 取消", "status"),
    ]
    participants: Annotated[Count, about("参加人数", "participants", PERSONS)] = 0
