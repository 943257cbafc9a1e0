"""Stream `statistic`: a figure reported for a division that no record of the other streams yields."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator

from schemas.fields import Contract, DivisionCode, fixed_point

Measure = Literal[
    "resident_population",
    "households",
    "population_0_2",
    "population_3_5",
    "community_floor_area",
    "commercial_floor_area",
    "oversized_classes",
    "complete_community",
    "complete_community_childcare",
    "teachers_eligible",
    "teachers_rotated",
    "basic_service_measures",
    "quality_vocational_majors",
    "higher_vocational_majors",
    "schools_with_care_majors",
    "institutions_rated",
    "persons_trained",
    "opera_visits",
    "film_showings",
    "campaign_budget",
    "startup_loans",
    "startup_loan_amount",
    "startup_loan_largest",
    "startup_loans_beyond_caps",
]

StatisticLevel = Literal["county", "township", "community"]

CODE_LENGTH: dict[StatisticLevel, int] = {"county": 6, "township": 9, "community": 12}
LEVEL_NAME: dict[StatisticLevel, str] = {"county": "县", "township": "乡镇", "community": "社区"}


ONE = "one"
"""Of a measure that tells of a single person or business."""
DIMENSION = r"^[^\s/]*$"


class Unit(NamedTuple):
    """A unit in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class MeasureSpec:
    """What a measure means and how it is reported.

    Each is reported at one `level` only; above it the figure is the sum of the divisions' reports, so that a
    ratio always rolls up from numerators and denominators that cover the same ground.
    """

    zh: str
    en: str
    unit: Unit
    level: StatisticLevel
    every: bool
    """A total is known only when every division of the level inside has reported."""
    yearly: bool = False
    """Counts what happened so far in the calendar year; lapses at the year's end."""
    whole: bool = False
    """Has no decimals."""
    maximum: Decimal | None = None
    dimensions: tuple[str, ...] = ()
    """A report must name one of them; a measure without dimensions names none."""
    people: str = ""
    """Whose matter it is, if it is that of people or businesses: the measure that counts them (itself, if it
    does), or ONE of them. What only few stand behind is not for the public."""


_PERSONS = Unit("人", "persons")
_SQUARE_METRES = Unit("平方米", "m²")
_YUAN = Unit("元", "yuan")
_PIECES = Unit("个", "number")
_LOANS = Unit("笔", "loans")
_SHOWINGS = Unit("场", "showings")
_YES = Unit("1 是，0 否", "1 yes, 0 no")
_SECTORS = ("elder_care", "childcare", "household")
_CAMPAIGNS = ("qihua", "qixiang")
_BORROWERS = ("personal", "small_enterprise")

MEASURES: dict[str, MeasureSpec] = {
    "resident_population": MeasureSpec(
        "常住人口",
        "resident population",
        _PERSONS,
        "township",
        every=True,
        whole=True,
        people="resident_population",
    ),
    "households": MeasureSpec(
        "户数",
        "households",
        Unit("户", "households"),
        "township",
        every=True,
        whole=True,
        people="households",
    ),
    "population_0_2": MeasureSpec(
        "0 至 2 岁人口（3 岁以下）",
        "population aged 0 to 2",
        _PERSONS,
        "township",
        every=True,
        whole=True,
        people="population_0_2",
    ),
    "population_3_5": MeasureSpec(
        "3 至 5 岁人口",
        "population aged 3 to 5",
        _PERSONS,
        "township",
        every=True,
        whole=True,
        people="population_3_5",
    ),
    "community_floor_area": MeasureSpec(
        "社区总建筑面积", "floor area of the communities", _SQUARE_METRES, "township", every=True
    ),
    "commercial_floor_area": MeasureSpec(
        "社区商业设施建筑面积（不含综合服务设施）",
        "floor area of the communities' commerce, without community-service facilities",
        _SQUARE_METRES,
        "township",
        every=True,
    ),
    "oversized_classes": MeasureSpec(
        "大班额班级数",
        "classes over the size limit",
        Unit("个", "classes"),
        "township",
        every=True,
        whole=True,
    ),
    "complete_community": MeasureSpec(
        "是否完整社区",
        "whether it is a complete community",
        _YES,
        "community",
        every=False,
        whole=True,
        maximum=Decimal(1),
    ),
    "complete_community_childcare": MeasureSpec(
        "完整社区托育设施是否达标",
        "whether a complete community's childcare meets the standard",
        _YES,
        "community",
        every=False,
        whole=True,
        maximum=Decimal(1),
    ),
    "teachers_eligible": MeasureSpec(
        "本年应交流轮岗教师",
        "teachers eligible for rotation this year",
        _PERSONS,
        "county",
        every=True,
        yearly=True,
        whole=True,
        people="teachers_eligible",
    ),
    "teachers_rotated": MeasureSpec(
        "本年已交流轮岗教师",
        "teachers rotated so far this year",
        _PERSONS,
        "county",
        every=True,
        yearly=True,
        whole=True,
        people="teachers_rotated",
    ),
    "basic_service_measures": MeasureSpec(
        "已落实的基本公共服务措施（共 80 条）",
        "basic public-service measures in force, of 80",
        Unit("项", "measures"),
        "county",
        every=True,
        whole=True,
        maximum=Decimal(80),
    ),
    "quality_vocational_majors": MeasureSpec(
        "中等职业优质专业",
        "quality secondary-vocational majors",
        _PIECES,
        "county",
        every=True,
        whole=True,
    ),
    "higher_vocational_majors": MeasureSpec(
        "高等职业教育高水平专业",
        "recognised higher-vocational majors",
        _PIECES,
        "county",
        every=True,
        whole=True,
    ),
    "schools_with_care_majors": MeasureSpec(
        "增设养老托育等专业的中职学校",
        "vocational schools that added care majors",
        Unit("所", "schools"),
        "county",
        every=True,
        whole=True,
    ),
    "institutions_rated": MeasureSpec(
        "已评级并公布的服务机构，按行业",
        "institutions rated and published, by sector",
        Unit("家", "institutions"),
        "county",
        every=False,
        whole=True,
        dimensions=_SECTORS,
    ),
    "persons_trained": MeasureSpec(
        "本年已培训人数",
        "persons trained so far this year",
        _PERSONS,
        "county",
        every=True,
        yearly=True,
        whole=True,
        people="persons_trained",
    ),
    "opera_visits": MeasureSpec(
        "本年送戏下乡场次",
        "opera visits so far this year",
        _SHOWINGS,
        "township",
        every=False,
        yearly=True,
        whole=True,
    ),
    "film_showings": MeasureSpec(
        "本年电影放映场次",
        "film showings so far this year",
        _SHOWINGS,
        "community",
        every=False,
        yearly=True,
        whole=True,
    ),
    "campaign_budget": MeasureSpec(
        "消费券活动预算",
        "budget of a voucher campaign",
        _YUAN,
        "county",
        every=False,
        dimensions=_CAMPAIGNS,
    ),
    "startup_loans": MeasureSpec(
        "已发放创业担保贷款",
        "start-up loans granted",
        _LOANS,
        "county",
        every=False,
        whole=True,
        dimensions=_BORROWERS,
        people="startup_loans",
    ),
    "startup_loan_amount": MeasureSpec(
        "创业担保贷款金额",
        "money lent as start-up loans",
        _YUAN,
        "county",
        every=False,
        dimensions=_BORROWERS,
        people="startup_loans",
    ),
    "startup_loan_largest": MeasureSpec(
        "最大一笔创业担保贷款",
        "the largest start-up loan",
        _YUAN,
        "county",
        every=False,
        dimensions=_BORROWERS,
        people=ONE,
    ),
    "startup_loans_beyond_caps": MeasureSpec(
        "超出规定的创业担保贷款（个人超 20 万元、小微企业超 300 万元、贴息超 3 年或 2 年、"
        "10 万元以下要求担保）",
        "start-up loans beyond the caps: over 200,000 yuan a person or 3,000,000 a small enterprise, "
        "interest help over 3 or 2 years, a guarantee asked up to 100,000",
        _LOANS,
        "county",
        every=False,
        whole=True,
        dimensions=_BORROWERS,
        people="startup_loans_beyond_caps",
    ),
}


def _tell_measures(schema: dict[str, Any]) -> None:
    """Put into the JSON Schema what each measure asks for."""
    schema["allOf"] = [
        {
            "if": {"properties": {"measure": {"const": name}}, "required": ["measure"]},
            "then": {
                "title": f"{spec.zh} · {spec.en}",
                "properties": {
                    "division": {"pattern": rf"^\d{{{CODE_LENGTH[spec.level]}}}$"},
                    "dimension": {"enum": list(spec.dimensions or [""])},
                    "value": {
                        "x-unit": " · ".join(spec.unit),
                        **({"multipleOf": 1} if spec.whole else {}),
                        **({} if spec.maximum is None else {"maximum": int(spec.maximum)}),
                    },
                },
                **({"required": ["dimension"]} if spec.dimensions else {}),
            },
        }
        for name, spec in MEASURES.items()
    ]


class Statistic(Contract):
    """统计数 · one reported figure; the event's `time` is the moment it describes."""

    model_config = ConfigDict(json_schema_extra=_tell_measures)

    division: DivisionCode
    measure: Annotated[
        Measure,
        Field(
            description="指标 · measure: "
            + "；".join(f"{name} {spec.zh}（{spec.unit.zh}）" for name, spec in MEASURES.items())
        ),
    ]
    dimension: Annotated[
        str, Field(max_length=100, pattern=DIMENSION, description="分组，有分组的指标必填 · dimension")
    ] = ""
    value: Annotated[
        Decimal,
        *fixed_point(14, 4),
        Field(
            description="数值，单位见指标 · value in the measure's unit",
            json_schema_extra={"x-unit": "见指标 · the measure's"},
        ),
    ]

    @model_validator(mode="after")
    def _fits_its_measure(self) -> "Statistic":
        spec = MEASURES[self.measure]
        name = f"{spec.zh} {self.measure}"
        wanted = CODE_LENGTH[spec.level]
        if len(self.division) != wanted:
            raise ValueError(
                f"{name} 按{LEVEL_NAME[spec.level]}上报，区划代码应为 {wanted} 位 · "
                f"{self.measure} is reported per {spec.level}: a {wanted}-digit division code"
            )
        if self.dimension not in (spec.dimensions or ("",)):
            allowed = ", ".join(spec.dimensions)
            raise ValueError(
                f"{name} 的分组 dimension 应为以下之一：{allowed} · dimension must be one of {allowed}"
                if spec.dimensions
                else f"{name} 不分组，dimension 应为空 · {self.measure} has no dimensions"
            )
        if spec.whole and self.value != self.value.to_integral_value():
            raise ValueError(f"{name} 应为整数 · {self.measure} must be a whole number")
        if spec.maximum is not None and self.value > spec.maximum:
            raise ValueError(
                f"{name} 不能大于 {spec.maximum} · {self.measure} must be at most {spec.maximum}"
            )
        return self
