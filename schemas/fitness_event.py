"""Stream `fitness-event`: one fitness event, planned, held or cancelled."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Contract, Count, DivisionCode, EntityId, Name


class FitnessEvent(Contract):
    """全民健身赛事活动 · one public fitness event."""

    event_id: Annotated[EntityId, Field(description="活动编号 · event id")]
    name: Annotated[Name, Field(description="名称 · name")]
    level: Annotated[
        Literal["prefecture", "county", "township", "community"],
        Field(description="级别：州级以上、县级、乡镇级、社区级 · level"),
    ]
    sport: Annotated[Name, Field(description="项目，如“篮球” · sport")]
    division: DivisionCode
    day: Annotated[date, Field(description="举办日期 · day it is held")]
    status: Annotated[
        Literal["planned", "held", "cancelled"],
        Field(description="状态：计划、已举办、取消 · planned, held or cancelled"),
    ]
    participants: Annotated[Count, Field(description="参加人数，人 · participants")] = 0
