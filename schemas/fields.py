"""Field types that several contracts share."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def fixed_point(places: int) -> Callable[[Decimal], Decimal]:
    """Return a validator that writes a decimal with exactly `places` decimals.

    20, 20.0 and 20.00 are one amount, so they must be one text: else a repeated record looks like a
    conflict.
    """
    unit = Decimal(1).scaleb(-places)
    return lambda value: value.quantize(unit) + 0  # and -0.00 is 0.00


CommunityCode = Annotated[
    str,
    Field(
        pattern=r"^\d{12}$",
        description="社区（村）区划代码，12 位 · community division code, 12 digits",
    ),
]
DivisionCode = Annotated[
    str,
    Field(
        pattern=r"^\d{6}(\d{3}(\d{3})?)?$",
        description="区划代码：县 6 位、乡镇 9 位、社区 12 位 · division code: county, township or community",
    ),
]
TownshipCode = Annotated[
    str, Field(pattern=r"^\d{9}$", description="乡镇区划代码，9 位 · township division code, 9 digits")
]
EntityId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Area = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=2, description="面积，平方米 · area, m²"),
    AfterValidator(fixed_point(2)),
]
Money = Annotated[
    Decimal,
    Field(ge=0, max_digits=16, decimal_places=2, description="金额，元 · amount of money, yuan"),
    AfterValidator(fixed_point(2)),
]


class Contract(BaseModel):
    """Base of every contract: unknown fields are refused, so that a typo is not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
