"""Stream `childcare-place`: places and children of one childcare facility from a moment on."""

from typing import Annotated

from pydantic import Field, model_validator

from schemas.fields import Contract, Count, EntityId


class ChildcarePlace(Contract):
    """托位 · places and children of one childcare facility."""

    facility_id: Annotated[EntityId, Field(description="托育机构编号 · childcare facility id")]
    total: Annotated[Count, Field(description="托位总数，个 · places")]
    inclusive: Annotated[Count, Field(description="其中普惠托位，个 · inclusive places among them")]
    enrolled: Annotated[Count, Field(description="在托婴幼儿，人 · children enrolled")]

    @model_validator(mode="after")
    def _inclusive_are_places(self) -> "ChildcarePlace":
        if self.inclusive > self.total:
            raise ValueError(
                f"普惠托位 {self.inclusive} 个多于托位 {self.total} 个 · more inclusive places than places"
            )
        return self
