"""Stream `childcare-place`: places and children of one childcare facility from a moment on."""

from typing import Annotated

from pydantic import model_validator

from schemas.fields import PERSONS, Contract, Count, EntityId, about

PLACES = ("个", "places")


class ChildcarePlace(Contract):
    """托位 · places and children of one childcare facility."""

    facility_id: Annotated[EntityId, about("托育机构编号", "childcare facility id")]
    total: Annotated[Count, about("托位总数", "places", PLACES)]
    inclusive: Annotated[Count, about("其中普惠托位", "inclusive places among them, at most `total`", PLACES)]
    enrolled: Annotated[Count, about("在托婴幼儿", "children enrolled", PERSONS)]

    @model_validator(mode="after")
    def _inclusive_are_places(self) -> "ChildcarePlace":
        if self.inclusive > self.total:
            raise ValueError(
                f"普惠托位 {self.inclusive} 个多于托位 {self.total} 个 · more inclusive places than places"
            )
        return self
