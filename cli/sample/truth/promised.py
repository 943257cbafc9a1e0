"""The plan's list of promises: what is counted, against what, and what is to be reached by when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from cli.sample.truth import counts
from cli.sample.truth.county import Amount, Corner

Counted = Callable[[Corner], Amount]


@dataclass(frozen=True)
class Promise:
    """What the plan promises: a value to reach, by a day (None: in each year), at some levels."""

    value: Decimal
    due: date | None
    direction: str = "at_least"
    levels: tuple[str, ...] = ("county", "township")

    def kept(self, value: Fraction) -> bool:
        """Return whether a value is on the right side of the promised one, or on it."""
        wanted = Fraction(self.value)
        return {"at_least": value >= wanted, "at_most": value <= wanted, "exactly": value == wanted}[
            self.direction
        ]


@dataclass(frozen=True)
class Meaning:
    """One indicator: value = scale × numerator ÷ denominator, or the numerator alone."""

    numerator: Counted
    denominator: Counted | None = None
    scale: int = 1
    promise: Promise | None = None
    levels: tuple[str, ...] = ("county", "township")


BY_2022, BY_2025, BY_2035 = date(2022, 12, 31), date(2025, 12, 31), date(2035, 12, 31)
COUNTY = ("county",)


def at_least(value: str, due: date | None = BY_2025, levels: tuple[str, ...] = ()) -> Promise:
    return Promise(Decimal(value), due, "at_least", levels or ("county", "township"))


def all_of_them(due: date = BY_2025, levels: tuple[str, ...] = ()) -> Promise:
    return at_least("100", due, levels)


PROMISED: dict[str, Meaning] = {
    "childcare_places_per_1000": Meaning(counts.childcare_places, counts.residents, 1000, at_least("4.5")),
    "new_estate_childcare_coverage": Meaning(
        counts.new_estates_with_childcare, counts.new_estates, 100, all_of_them()
    ),
    "complete_community_childcare_compliance": Meaning(
        counts.complete_communities_with_childcare, counts.complete_communities, 100, at_least("60")
    ),
    "community_childcare_coverage": Meaning(
        counts.urban_communities_with_childcare, counts.urban_communities, 100, at_least("50")
    ),
    "inclusive_kindergarten_coverage": Meaning(
        counts.children_in_inclusive_kindergartens, counts.children_in_kindergartens, 100, at_least("85")
    ),
    "public_kindergarten_share": Meaning(
        counts.children_in_public_kindergartens, counts.children_in_kindergartens, 100, at_least("50")
    ),
    "preschool_gross_enrolment": Meaning(
        counts.children_in_kindergartens, counts.children_of_3_to_5, 100, at_least("95")
    ),
    "oversized_classes": Meaning(counts.oversized_classes, promise=Promise(Decimal(0), BY_2025, "exactly")),
    "teacher_rotation_rate": Meaning(
        counts.teachers_rotated, counts.teachers_eligible, 100, at_least("10", None, COUNTY), COUNTY
    ),
    "physicians_per_1000": Meaning(counts.physicians, counts.residents, 1000, at_least("2.58")),
    "nurses_per_1000": Meaning(counts.nurses, counts.residents, 1000, at_least("3.63")),
    "medical_beds_per_1000": Meaning(counts.medical_beds, counts.residents, 1000, at_least("7.20")),
    "primary_care_nursing_bed_share": Meaning(
        counts.nursing_beds_in_health_centres, counts.beds_in_health_centres, 100, at_least("30")
    ),
    "medical_eldercare_contract_rate": Meaning(
        counts.elder_care_institutions_with_medical_contract,
        counts.elder_care_institutions,
        100,
        all_of_them(),
    ),
    "integrated_care_units": Meaning(
        counts.integrated_care_units, promise=at_least("1", levels=COUNTY), levels=COUNTY
    ),
    "township_integrated_care_demos": Meaning(
        counts.townships_with_integrated_care_demo, counts.townships, 100, all_of_them(levels=COUNTY), COUNTY
    ),
    "age_friendly_institutions": Meaning(
        counts.age_friendly_institutions, counts.institutions_to_be_age_friendly, 100, at_least("90")
    ),
    "elderly_green_channel": Meaning(
        counts.public_medical_with_green_channel, counts.public_medical, 100, all_of_them()
    ),
    "hospice_pilot_tertiary": Meaning(
        counts.tertiary_general_hospitals_with_hospice_pilot,
        counts.tertiary_general_hospitals,
        100,
        all_of_them(levels=COUNTY),
        COUNTY,
    ),
    "hospice_pilot_secondary": Meaning(
        counts.secondary_general_hospitals_with_hospice_pilot,
        counts.secondary_general_hospitals,
        100,
        all_of_them(BY_2035, COUNTY),
        COUNTY,
    ),
    "mobile_booking_coverage": Meaning(
        counts.public_medical_with_mobile_booking, counts.public_medical, 100, all_of_them()
    ),
    "no_health_code_channel": Meaning(
        counts.secondary_institutions_without_health_code,
        counts.secondary_institutions,
        100,
        all_of_them(levels=COUNTY),
        COUNTY,
    ),
    "township_eldercare_coverage": Meaning(
        counts.townships_with_comprehensive_elder_care,
        counts.townships,
        100,
        at_least("60.4", levels=COUNTY),
        COUNTY,
    ),
    "eldercare_nursing_bed_share": Meaning(
        counts.elder_care_nursing_beds, counts.elder_care_beds, 100, at_least("51")
    ),
    "new_estate_eldercare_compliance": Meaning(
        counts.new_estates_with_elder_care_land, counts.new_estates, 100, all_of_them()
    ),
    "rural_community_facility_coverage": Meaning(
        counts.rural_communities_with_facility, counts.rural_communities, 100, at_least("80")
    ),
    "urban_community_facility_coverage": Meaning(
        counts.urban_communities_with_facility, counts.urban_communities, 100, all_of_them()
    ),
    "community_service_area_share": Meaning(
        counts.commercial_and_service_area, counts.community_floor_area, 100, at_least("10")
    ),
    "community_facility_area_per_100_households": Meaning(
        counts.community_service_area, counts.households, 100, at_least("30")
    ),
    "community_activity_area_share": Meaning(
        counts.community_activity_area, counts.community_service_area, 100, at_least("60")
    ),
    "sports_area_per_capita": Meaning(counts.sports_area, counts.residents, 1, at_least("2.3")),
    "new_estate_sports_compliance": Meaning(
        counts.new_estates_with_sports_area, counts.new_estates, 100, all_of_them()
    ),
    "fitness_events_in_year": Meaning(counts.fitness_events, promise=at_least("20", None, COUNTY)),
    "basic_service_measures_rate": Meaning(
        counts.measures_in_force, counts.measures_promised, 100, all_of_them(levels=COUNTY), COUNTY
    ),
    "quality_vocational_majors": Meaning(
        counts.quality_vocational_majors, promise=at_least("3", BY_2022, COUNTY), levels=COUNTY
    ),
    "higher_vocational_majors": Meaning(
        counts.higher_vocational_majors, promise=at_least("2", BY_2022, COUNTY), levels=COUNTY
    ),
    "schools_with_care_majors": Meaning(
        counts.schools_with_care_majors, promise=at_least("6", BY_2025, COUNTY), levels=COUNTY
    ),
}
"""The indicators with a target."""
