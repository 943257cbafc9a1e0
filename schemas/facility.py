"""Stream `facility`: the state of one facility from a moment on."""

from typing import Annotated, Literal

from pydantic import Field, RootModel, model_validator

from schemas.fields import Area, CommunityCode, Contract, Count, EntityId, Name

Status = Literal["planned", "building", "open", "suspended", "closed"]
Ownership = Literal["public", "private"]


class _Facility(Contract):
    facility_id: Annotated[EntityId, Field(description="机构（设施）编号，全县唯一 · facility id, unique")]
    name: Annotated[Name, Field(description="名称 · name")]
    division: CommunityCode
    status: Annotated[
        Status,
        Field(description="状态：规划、在建、开放、暂停、关闭 · planned, building, open, suspended, closed"),
    ]
    ownership: Annotated[Ownership, Field(description="公办或民办 · public or private")]
    floor_area: Annotated[Area | None, Field(description="建筑面积，平方米 · floor area, m²")] = None


class Childcare(_Facility):
    """托育机构 · a childcare facility; its places are told by stream `childcare-place`."""

    kind: Literal["childcare"]


class ElderCare(_Facility):
    """养老机构 · an elder-care institution."""

    kind: Literal["elder_care"]
    beds: Annotated[Count, Field(description="床位数，张 · beds")]
    nursing_beds: Annotated[Count, Field(description="护理型床位数，张，不多于床位数 · nursing beds")]

    @model_validator(mode="after")
    def _nursing_beds_are_beds(self) -> "ElderCare":
        if self.nursing_beds > self.beds:
            raise ValueError(
                f"护理型床位 {self.nursing_beds} 张多于床位 {self.beds} 张 · more nursing beds than beds"
            )
        return self


class SportsVenue(_Facility):
    """体育场地 · a sports venue."""

    kind: Literal["sports_venue"]
    sports_area: Annotated[Area, Field(description="体育场地面积，平方米 · sports area, m²")]


KINDS: tuple[type[Contract], ...] = (Childcare, ElderCare, SportsVenue)


class Facility(RootModel[Annotated[Childcare | ElderCare | SportsVenue, Field(discriminator="kind")]]):
    """设施（机构）· one facility of any kind; the kind decides which fields it has."""
