"""What the plan's promises count, one function for each numerator and denominator.

Written from the plan, not from plans/yanshan/indicators.yaml, so that a wrong declaration there is found too.
Every function takes one division at the end of one day and returns an amount, or None where it is not known.
"""

from collections.abc import Sequence
from decimal import Decimal

from cli.sample.truth.county import Amount, Corner, Facts, decimal, number, only, total

# People and households


def residents(here: Corner) -> Amount:
    return here.every("township", "resident_population")


def households(here: Corner) -> Amount:
    return here.every("township", "households")


def children_of_3_to_5(here: Corner) -> Amount:
    return here.every("township", "population_3_5")


# Childcare


def childcare_places(here: Corner) -> Amount:
    return _offered(here, "total")


def inclusive_childcare_places(here: Corner) -> Amount:
    return _offered(here, "inclusive")


def children_in_childcare(here: Corner) -> Amount:
    return _offered(here, "enrolled")


def _offered(here: Corner, field: str) -> Amount:
    """What open childcare facilities offer by their newest reports; without a report, nothing."""
    facilities = here.open("childcare")
    if facilities is None:
        return None
    return sum((here.offered(one, field) for one in facilities), Decimal(0))


def urban_communities(here: Corner) -> Amount:
    return Decimal(len(here.divisions("community", "urban")))


def urban_communities_with_childcare(here: Corner) -> Amount:
    return _places_having(here.open("childcare"), here.divisions("community", "urban"))


def complete_communities(here: Corner) -> Amount:
    told = here.told("complete_community")
    return None if told is None else sum(told.values(), Decimal(0))


def complete_communities_with_childcare(here: Corner) -> Amount:
    told = here.told("complete_community_childcare")
    return None if told is None else sum(told.values(), Decimal(0))


# Estates built anew


def _new_estates(here: Corner) -> list[Facts] | None:
    return only(here.open("estate"), lambda one: bool(one["new"]))


def new_estates(here: Corner) -> Amount:
    return number(_new_estates(here))


def new_estates_with_childcare(here: Corner) -> Amount:
    return number(_new_estates(here), lambda one: _is(one, "childcare_provided"))


def new_estates_with_elder_care_land(here: Corner) -> Amount:
    return number(_new_estates(here), lambda one: _per_resident(one, "elder_care_area", "0.1"))


def new_estates_with_sports_area(here: Corner) -> Amount:
    return number(
        _new_estates(here),
        lambda one: (
            _per_resident(one, "indoor_sports_area", "0.1")
            or _per_resident(one, "outdoor_sports_area", "0.3")
        ),
    )


def _per_resident(estate: Facts, area: str, least: str) -> bool:
    """Whether an estate has so many m² for each resident; one without residents has nobody to give it to."""
    people = int(estate["residents"])
    return people > 0 and decimal(estate.get(area) or 0) >= Decimal(least) * people


# Kindergartens and schools


def children_in_kindergartens(here: Corner) -> Amount:
    return total(here.open("kindergarten"), "children")


def children_in_public_kindergartens(here: Corner) -> Amount:
    return total(only(here.open("kindergarten"), _public), "children")


def children_in_inclusive_kindergartens(here: Corner) -> Amount:
    return total(
        only(here.open("kindergarten"), lambda one: _public(one) or _is(one, "inclusive")), "children"
    )


def oversized_classes(here: Corner) -> Amount:
    return here.every("township", "oversized_classes")


def teachers_rotated(here: Corner) -> Amount:
    return here.every("county", "teachers_rotated", this_year=True)


def teachers_eligible(here: Corner) -> Amount:
    return here.every("county", "teachers_eligible", this_year=True)


# Medical institutions

HEALTH_CENTRES = ("community_health_centre", "township_health_centre")


def physicians(here: Corner) -> Amount:
    return total(here.open("medical"), "physicians")


def nurses(here: Corner) -> Amount:
    return total(here.open("medical"), "nurses")


def medical_beds(here: Corner) -> Amount:
    return total(here.open("medical"), "beds")


def beds_in_health_centres(here: Corner) -> Amount:
    return total(only(here.open("medical"), _health_centre), "beds")


def nursing_beds_in_health_centres(here: Corner) -> Amount:
    return total(only(here.open("medical"), _health_centre), "nursing_beds")


def institutions_to_be_age_friendly(here: Corner) -> Amount:
    return number(here.open("medical"), _ought_to_be_age_friendly)


def age_friendly_institutions(here: Corner) -> Amount:
    return number(
        here.open("medical"), lambda one: _ought_to_be_age_friendly(one) and _is(one, "age_friendly")
    )


def public_medical(here: Corner) -> Amount:
    return number(here.open("medical"), _public)


def public_medical_with_green_channel(here: Corner) -> Amount:
    return number(here.open("medical"), lambda one: _public(one) and _is(one, "green_channel"))


def public_medical_with_mobile_booking(here: Corner) -> Amount:
    return number(here.open("medical"), lambda one: _public(one) and _is(one, "mobile_booking"))


def tertiary_general_hospitals(here: Corner) -> Amount:
    return number(here.open("medical"), _tertiary_general)


def tertiary_general_hospitals_with_hospice_pilot(here: Corner) -> Amount:
    return number(here.open("medical"), lambda one: _tertiary_general(one) and _is(one, "hospice_pilot"))


def secondary_general_hospitals(here: Corner) -> Amount:
    return number(here.open("medical"), _secondary_general)


def secondary_general_hospitals_with_hospice_pilot(here: Corner) -> Amount:
    return number(here.open("medical"), lambda one: _secondary_general(one) and _is(one, "hospice_pilot"))


def secondary_institutions(here: Corner) -> Amount:
    return number(here.open("medical"), _secondary)


def secondary_institutions_without_health_code(here: Corner) -> Amount:
    return number(here.open("medical"), lambda one: _secondary(one) and _is(one, "no_health_code_channel"))


def _health_centre(one: Facts) -> bool:
    return one["category"] in HEALTH_CENTRES


def _secondary(one: Facts) -> bool:
    """Secondary and above."""
    return one.get("grade") in ("secondary", "tertiary")


def _secondary_general(one: Facts) -> bool:
    return one["category"] == "general_hospital" and _secondary(one)


def _tertiary_general(one: Facts) -> bool:
    return one["category"] == "general_hospital" and one.get("grade") == "tertiary"


def _ought_to_be_age_friendly(one: Facts) -> bool:
    return _secondary_general(one) or _health_centre(one)


# Elder care


def elder_care_institutions(here: Corner) -> Amount:
    return number(here.open("elder_care"))


def elder_care_institutions_with_medical_contract(here: Corner) -> Amount:
    return number(here.open("elder_care"), lambda one: _is(one, "medical_contract"))


def elder_care_beds(here: Corner) -> Amount:
    return total(here.open("elder_care"), "beds")


def elder_care_nursing_beds(here: Corner) -> Amount:
    return total(here.open("elder_care"), "nursing_beds")


def integrated_care_units(here: Corner) -> Amount:
    return number(here.open("elder_care", "medical"), lambda one: _is(one, "integrated_care_unit"))


def townships(here: Corner) -> Amount:
    return Decimal(len(here.divisions("township")))


def townships_with_integrated_care_demo(here: Corner) -> Amount:
    demos = only(here.open("elder_care", "medical"), lambda one: _is(one, "integrated_care_demo"))
    return _places_having(demos, here.divisions("township"))


def townships_with_comprehensive_elder_care(here: Corner) -> Amount:
    comprehensive = only(here.open("elder_care"), lambda one: _is(one, "comprehensive"))
    return _places_having(comprehensive, here.divisions("township"))


# Communities


def rural_communities(here: Corner) -> Amount:
    return Decimal(len(here.divisions("community", "rural")))


def rural_communities_with_facility(here: Corner) -> Amount:
    return _places_having(here.open("community_service"), here.divisions("community", "rural"))


def urban_communities_with_facility(here: Corner) -> Amount:
    return _places_having(here.open("community_service"), here.divisions("community", "urban"))


def community_service_area(here: Corner) -> Amount:
    return total(here.open("community_service"), "floor_area")


def community_activity_area(here: Corner) -> Amount:
    return total(here.open("community_service"), "activity_area")


def commercial_and_service_area(here: Corner) -> Amount:
    return _both(here.every("township", "commercial_floor_area"), community_service_area(here))


def community_floor_area(here: Corner) -> Amount:
    return here.every("township", "community_floor_area")


# Sports and fitness


def sports_area(here: Corner) -> Amount:
    return total(here.open("sports_venue"), "sports_area")


def fitness_events(here: Corner) -> Amount:
    return number(here.held_this_year())


# Measures in force, majors and schools


def measures_in_force(here: Corner) -> Amount:
    return here.every("county", "basic_service_measures")


def measures_promised(_: Corner) -> Amount:
    return Decimal(80)


def quality_vocational_majors(here: Corner) -> Amount:
    return here.every("county", "quality_vocational_majors")


def higher_vocational_majors(here: Corner) -> Amount:
    return here.every("county", "higher_vocational_majors")


def schools_with_care_majors(here: Corner) -> Amount:
    return here.every("county", "schools_with_care_majors")


# What the functions above are made of


def _is(one: Facts, flag: str) -> bool:
    return one.get(flag) is True


def _public(one: Facts) -> bool:
    return bool(one["ownership"] == "public")


def _both(one: Amount, other: Amount) -> Amount:
    return None if one is None or other is None else one + other


def _places_having(facilities: Sequence[Facts] | None, places: set[str]) -> Amount:
    """How many of the places (townships, communities) have one of the facilities in them."""
    if facilities is None:
        return None
    served = {one["division"][:digits] for one in facilities for digits in (9, 12)}
    return Decimal(len(served & places))
