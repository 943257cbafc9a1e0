"""Decimals of a fixed point: one that is written as it shall be is taken by a shorter way than all others."""

from decimal import Decimal
from typing import Annotated

from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from schemas.fields import Money

MONEY = TypeAdapter(Money)
LIMITS = TypeAdapter(Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=2)])


def outcome(limits: "TypeAdapter[Decimal]", given: str) -> Decimal | str:
    try:
        return limits.validate_python(given)
    except ValidationError as error:
        return error.errors()[0]["type"]


@given(
    st.from_regex(r"[-+ ]?[0-9]{0,16}\.?[0-9]{0,4} ?", fullmatch=True) | st.from_regex(r"\d{1,3}\.\d{2}\n?")
)
def test_an_amount_is_what_its_digits_say_with_its_decimals(text: str) -> None:
    expected, found = outcome(LIMITS, text), outcome(MONEY, text)
    assert found == expected
    if isinstance(found, Decimal):
        assert found.as_tuple().exponent == -2
        assert not found.is_signed()
