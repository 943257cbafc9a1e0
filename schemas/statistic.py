"""Stream `statistic`: a figure reported for a division that no record of the other streams yields."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.fields import Contract, DivisionCode, fixed_point

Measure = Literal["resident_population"]

# Each measure is reported at one level only; the county's figure is the sum of its divisions' reports, so
# that a ratio always rolls up from numerators and denominators that cover the same ground.
CODE_LENGTH: dict[str, int] = {"resident_population": 9}
LEVEL_NAME = {6: "县 county", 9: "乡镇 township", 12: "社区 community"}


class Statistic(Contract):
    """统计数 · one reported figure; the event's `time` is the moment it describes."""

    division: DivisionCode
    measure: Annotated[
        Measure, Field(description="指标：resident_population 常住人口（人，按乡镇报） · measure")
    ]
    dimension: Annotated[str, Field(max_length=100, pattern=r"^[^\s/]*$", description="分组 · dimension")] = (
        ""
    )
    value: Annotated[
        Decimal,
        Field(ge=0, max_digits=18, decimal_places=4, description="数值 · value in the measure's unit"),
        AfterValidator(fixed_point(4)),
    ]

    @model_validator(mode="after")
    def _level_fits(self) -> "Statistic":
        wanted = CODE_LENGTH[self.measure]
        if len(self.division) != wanted:
            raise ValueError(
                f"{self.measure} 按{LEVEL_NAME[wanted]}上报，区划代码应为 {wanted} 位 · "
                f"{self.measure} is reported per {LEVEL_NAME[wanted]}: a {wanted}-digit division code"
            )
        return self
