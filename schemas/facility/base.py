"""What every facility has, and what those with beds have."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from schemas.fields import (
    ADDED,
    SQUARE_METRES,
    YUAN,
    Area,
    CommunityCode,
    Contract,
    Count,
    EntityId,
    Flag,
    Money,
    Name,
    about,
)

Status = Literal["planned", "building", "open", "suspended", "closed"]
Ownership = Literal["public", "private"]

BEDS = ("张", "beds")


class Facility(Contract):
    """The common fields."""

    facility_id: Annotated[EntityId, about("机构（设施）编号，全县唯一", "facility id, unique in the county")]
    name: Annotated[Name, about("名称", "name")]
    division: CommunityCode
    status: Annotated[
        Status,
        about(
            "状态：planned 规划、building 在建、open 开放、suspended 暂停、closed 关闭",
            "status; only an open one counts as capacity",
        ),
    ]
    ownership: Annotated[Ownership, about("举办性质：public 公办、private 民办", "public or private")]
    floor_area: Annotated[Area | None, about("建筑面积", "floor area", SQUARE_METRES)] = None
    investment: Annotated[Money | None, about("投资额", "investment", YUAN), ADDED] = None


class WithBeds(Facility):
    """A facility with beds, some of them for nursing."""

    beds: Annotated[Count, about("床位数", "beds", BEDS)]
    nursing_beds: Annotated[
        Count, about("其中护理型床位数，不多于床位数", "nursing beds among them, at most `beds`", BEDS)
    ]
    integrated_care_unit: Annotated[
        Flag, about("获评医养结合优质服务单位", "recognised as a unit of quality integrated care"), ADDED
    ] = False
    integrated_care_demo: Annotated[
        Flag,
        about("获评医养结合示范机构", "recognised as a demonstration institution of integrated care"),
        ADDED,
    ] = False

    @model_validator(mode="after")
    def _nursing_beds_are_beds(self) -> Self:
        if self.nursing_beds > self.beds:
            raise ValueError(
                f"护理型床位 {self.nursing_beds} 张多于床位 {self.beds} 张 · more nursing beds than beds"
            )
        return self
