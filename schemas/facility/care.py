"""Facilities for children, the sick and the old."""

from typing import Annotated, Literal

from schemas.facility.base import Facility, WithBeds
from schemas.fields import ADDED, PERSONS, Count, Flag, about


class Childcare(Facility):
    """托育机构 · a childcare facility; its places are told by stream `childcare-place`."""

    kind: Annotated[Literal["childcare"], about("托育机构", "kind: childcare")]


class Kindergarten(Facility):
    """幼儿园 · a kindergarten."""

    kind: Annotated[Literal["kindergarten"], about("幼儿园", "kind: kindergarten")]
    children: Annotated[Count, about("在园幼儿", "children enrolled", PERSONS)]
    inclusive: Annotated[
        Flag,
        about(
            "普惠性民办园；公办园不必填", "inclusive private kindergarten; a public one counts as inclusive"
        ),
    ] = False
    classes: Annotated[Count | None, about("班级数", "classes", ("个", "classes"))] = None


class ElderCare(WithBeds):
    """养老机构 · an elder-care institution."""

    kind: Annotated[Literal["elder_care"], about("养老机构", "kind: elder-care institution")]
    comprehensive: Annotated[
        Flag, about("具备综合功能（乡镇综合养老服务机构）", "a comprehensive institution"), ADDED
    ] = False
    medical_contract: Annotated[
        Flag, about("已与医疗卫生机构签约", "has a contract with a medical institution"), ADDED
    ] = False


class Medical(WithBeds):
    """医疗卫生机构 · a medical institution."""

    kind: Annotated[Literal["medical"], about("医疗卫生机构", "kind: medical institution")]
    category: Annotated[
        Literal[
            "general_hospital",
            "specialist_hospital",
            "tcm_hospital",
            "community_health_centre",
            "township_health_centre",
            "village_clinic",
            "clinic",
            "public_health",
        ],
        about(
            "类别：general_hospital 综合医院、specialist_hospital 专科医院、tcm_hospital 中医医院、"
            "community_health_centre 社区卫生服务中心、township_health_centre 乡镇卫生院、"
            "village_clinic 村卫生室、clinic 诊所、public_health 专业公共卫生机构",
            "category",
        ),
    ]
    grade: Annotated[
        Literal["none", "primary", "secondary", "tertiary"],
        about("等级：none 未定级、primary 一级、secondary 二级、tertiary 三级", "grade"),
    ] = "none"
    physicians: Annotated[
        Count, about("执业（助理）医师", "physicians, assistant physicians included", PERSONS)
    ]
    nurses: Annotated[Count, about("注册护士", "registered nurses", PERSONS)]
    green_channel: Annotated[Flag, about("设老年人就医绿色通道", "has a green channel for the elderly")] = (
        False
    )
    age_friendly: Annotated[Flag, about("老年友善医疗机构", "an age-friendly institution")] = False
    hospice_pilot: Annotated[Flag, about("开展安宁疗护试点", "runs a hospice-care pilot")] = False
    mobile_booking: Annotated[
        Flag, about("接入“一部手机办事通”", "connected to the province's mobile service")
    ] = False
    no_health_code_channel: Annotated[
        Flag, about("设老年患者“无健康码”通道", "has a channel for elderly patients without a health code")
    ] = False


class ElderCanteen(Facility):
    """老年幸福食堂 · a canteen for the elderly."""

    kind: Annotated[Literal["elder_canteen"], about("老年幸福食堂", "kind: canteen for the elderly")]
    meals_per_day: Annotated[Count | None, about("日均供餐", "meals a day on average", ("份", "meals"))] = (
        None
    )


class MotherRoom(Facility):
    """爱心妈妈屋 · a room for mothers with infants."""

    kind: Annotated[Literal["mother_room"], about("爱心妈妈屋", "kind: mother-and-child room")]
