"""Facilities of communities, sport and culture, and the ground they stand on."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import model_validator

from schemas.facility.base import Facility
from schemas.fields import PERSONS, SQUARE_METRES, Area, Count, Flag, about

NO_AREA = Decimal("0.00")


class CommunityService(Facility):
    """社区综合服务设施 · a community-service facility."""

    kind: Annotated[
        Literal["community_service"], about("社区综合服务设施", "kind: community-service facility")
    ]
    floor_area: Annotated[Area, about("建筑面积，此类设施必填", "floor area, required here", SQUARE_METRES)]
    activity_area: Annotated[
        Area,
        about(
            "其中居民活动区域面积，不大于建筑面积",
            "residents' activity area, at most `floor_area`",
            SQUARE_METRES,
        ),
    ]

    @model_validator(mode="after")
    def _activity_is_inside(self) -> Self:
        if self.activity_area > self.floor_area:
            raise ValueError(
                f"居民活动区域面积 {self.activity_area} 大于建筑面积 {self.floor_area} 平方米 · "
                "activity area is larger than the floor area"
            )
        return self


class SportsVenue(Facility):
    """体育场地 · a sports venue."""

    kind: Annotated[Literal["sports_venue"], about("体育场地", "kind: sports venue")]
    sports_area: Annotated[Area, about("体育场地面积", "sports area", SQUARE_METRES)]


class CulturePoint(Facility):
    """公共文化点 · a culture point."""

    kind: Annotated[Literal["culture_point"], about("公共文化点", "kind: culture point")]
    category: Annotated[
        Literal["city_study", "self_service_library", "peoples_bookroom", "culture_station"],
        about(
            "类别：city_study 城市书房、self_service_library 24小时自助图书馆、"
            "peoples_bookroom 百姓书屋、culture_station 文化驿站",
            "category",
        ),
    ]


class ConvenienceCentre(Facility):
    """便民消费服务中心 · a convenience centre."""

    kind: Annotated[Literal["convenience_centre"], about("便民消费服务中心", "kind: convenience centre")]
    quarter_hour_circle: Annotated[
        Flag, about("建成一刻钟便民生活圈", "completes a quarter-hour life circle")
    ] = False


class Estate(Facility):
    """住宅小区 · a housing estate, with what was built for its residents."""

    kind: Annotated[Literal["estate"], about("住宅小区", "kind: housing estate")]
    new: Annotated[Flag, about("新建小区", "a new estate")]
    residents: Annotated[Count, about("规划居住人口", "planned inhabitants", PERSONS)]
    childcare_provided: Annotated[Flag, about("配建托育设施", "childcare is provided")] = False
    elder_care_area: Annotated[Area, about("养老设施用地面积", "land for elder care", SQUARE_METRES)] = (
        NO_AREA
    )
    indoor_sports_area: Annotated[Area, about("室内体育设施面积", "indoor sports area", SQUARE_METRES)] = (
        NO_AREA
    )
    outdoor_sports_area: Annotated[Area, about("室外体育设施面积", "outdoor sports area", SQUARE_METRES)] = (
        NO_AREA
    )


class IdleSite(Facility):
    """闲置国有场地 · an idle state-owned site, and what it was put to."""

    kind: Annotated[Literal["idle_site"], about("闲置国有场地（房屋）", "kind: idle state-owned site")]
    site_area: Annotated[Area, about("场地面积", "area of the site", SQUARE_METRES)]
    service_use: Annotated[
        Literal["none", "elder_care", "childcare", "culture", "fitness", "other"],
        about(
            "改作服务用途：none 尚未、elder_care 养老、childcare 托育、culture 文化、fitness 健身、"
            "other 其他",
            "the service it is used for now",
        ),
    ] = "none"
