"""Which alerts somebody means: the common part of a subscriber and of a silence."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.declaration import Theme
from schemas.fields import Contract, DivisionCode

Severity = Literal["info", "warning", "critical"]


class Filter(Contract):
    """An empty list means all. An alert is meant if it is in each of the lists; of `indicators` and `themes`
    one is enough.
    """

    severities: list[Severity] = []
    themes: list[Theme] = []
    indicators: list[str] = []
    kinds: Annotated[list[str], Field(description="kinds of rule: value, forecast, feed_silent, …")] = []
    rules: Annotated[list[str], Field(description="ids of rules")] = []
    divisions: list[DivisionCode] = []
    townships: Annotated[bool, Field(description="`divisions` include what lies in them")] = True
