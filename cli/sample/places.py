"""Where the sample county's people live, and what its places are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

from services.platform.plan import Division, Plan

INHABITANTS = 465_000

_URBAN_WEIGHT, _RURAL_WEIGHT, _SEAT_WEIGHT = 5.0, 3.0, 1.9


@dataclass(frozen=True)
class Places:
    """The divisions of a plan with invented inhabitants; the first township of the file is the seat."""

    plan: Plan
    inhabitants: int

    @cached_property
    def townships(self) -> list[Division]:
        return [place for place in self.plan.divisions.values() if place.level == "township"]

    @cached_property
    def communities(self) -> Mapping[str, list[Division]]:
        """The communities of each township, by its code."""
        found: dict[str, list[Division]] = {township.code: [] for township in self.townships}
        for place in self.plan.divisions.values():
            if place.level == "community":
                found[place.parent].append(place)
        return found

    @cached_property
    def urban(self) -> list[Division]:
        return [place for places in self.communities.values() for place in places if place.setting == "urban"]

    @cached_property
    def residents(self) -> Mapping[str, int]:
        """Inhabitants of each township in the first year: by its communities, urban ones being larger."""
        weights = {
            township.code: sum(
                _URBAN_WEIGHT if place.setting == "urban" else _RURAL_WEIGHT
                for place in self.communities[township.code]
            )
            for township in self.townships
        }
        weights[self.townships[0].code] *= _SEAT_WEIGHT
        share = self.inhabitants / sum(weights.values())
        return {code: round(weight * share) for code, weight in weights.items()}

    @property
    def size(self) -> float:
        """How large the county is beside the one this sample was drawn after."""
        return self.inhabitants / INHABITANTS

    def site(self, code: str, random: Random) -> str:
        """A community in a township; a community itself."""
        return random.choice(self.communities[code]).code if code in self.communities else code

    def township_of(self, code: str) -> Division:
        return self.plan.divisions[code[:9]]

    def spoken(self, code: str) -> str:
        """A place as it stands in a name: 江那镇锦山社区, 江那镇路德村."""
        place = self.plan.divisions[code]
        own = place.name.removesuffix("委会")
        return self.township_of(code).name + own if place.level == "community" else own
