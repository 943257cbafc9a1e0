"""Stream `facility`: the state of one facility from a moment on. Its kind decides which fields it has."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, RootModel

from schemas.facility.care import Childcare, ElderCanteen, ElderCare, Kindergarten, Medical, MotherRoom
from schemas.facility.community import (
    CommunityService,
    ConvenienceCentre,
    CulturePoint,
    Estate,
    IdleSite,
    SportsVenue,
)
from schemas.fields import Contract

KINDS: tuple[type[Contract], ...] = (
    Childcare,
    Kindergarten,
    ElderCare,
    Medical,
    CommunityService,
    SportsVenue,
    CulturePoint,
    ConvenienceCentre,
    ElderCanteen,
    MotherRoom,
    Estate,
    IdleSite,
)

_AnyKind = (
    Childcare
    | Kindergarten
    | ElderCare
    | Medical
    | CommunityService
    | SportsVenue
    | CulturePoint
    | ConvenienceCentre
    | ElderCanteen
    | MotherRoom
    | Estate
    | IdleSite
)


class Facility(RootModel[Annotated[_AnyKind, Field(discriminator="kind")]]):
    """设施（机构）· one facility of any kind; the kind decides which fields it has."""

    def said(self, dumped: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What the record says, for its fingerprint."""
        return self.root.said(dumped)
