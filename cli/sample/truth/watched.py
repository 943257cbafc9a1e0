"""The indicators that the plan only watches: counted, against what, at which levels; see `promised`."""

from decimal import Decimal

from cli.sample.truth import counts
from cli.sample.truth.county import Amount, Corner, Facts, Steps, decimal, number, total
from cli.sample.truth.promised import COUNTY, Counted, Meaning

# Facilities


def convenience_centres(here: Corner) -> Amount:
    return number(here.open("convenience_centre"))


def quarter_hour_circles(here: Corner) -> Amount:
    return number(here.open("convenience_centre"), lambda one: one.get("quarter_hour_circle") is True)


def elder_canteens(here: Corner) -> Amount:
    return number(here.open("elder_canteen"))


def mother_rooms(here: Corner) -> Amount:
    return number(here.open("mother_room"))


def idle_sites_in_use(here: Corner) -> Amount:
    return number(here.open("idle_site"), lambda one: one.get("service_use", "none") != "none")


def simplified_fire_filing_facilities(here: Corner) -> Amount:
    """The plan eases the filing of community-service facilities, so it matters before they open."""
    wanted = here.facilities("community_service", status=("planned", "building", "open"))
    return number(wanted, _small_or_cheap)


def _small_or_cheap(one: Facts) -> bool:
    investment = one.get("investment")
    return decimal(one["floor_area"]) <= 300 or (investment is not None and decimal(investment) <= 300_000)


def _culture_points(category: str) -> Counted:
    return lambda here: number(here.open("culture_point"), lambda one: bool(one["category"] == category))


# Fitness events


def participants(here: Corner) -> Amount:
    return total(here.held_this_year(), "participants")


def _fitness_events(level: str) -> Counted:
    return lambda here: number(here.held_this_year(), lambda one: bool(one["level"] == level))


# Shows and showings


def townships_with_opera_visits(here: Corner) -> Amount:
    told = here.told("opera_visits", this_year=True)
    return None if told is None else Decimal(sum(visits > 0 for visits in told.values()))


def villages_with_film_showings(here: Corner) -> Amount:
    told = here.told("film_showings", this_year=True)
    if told is None:
        return None
    villages = here.divisions("community", "rural")
    return Decimal(sum(showings > 0 and code in villages for (code, _), showings in told.items()))


# Vouchers


def _number_of(step: str) -> Counted:
    return lambda here: _of(here.vouchers(step), "records")


def _face_value_of(step: str) -> Counted:
    return lambda here: _of(here.vouchers(step), "face_value")


def issued(here: Corner) -> Amount:
    return _of(here.vouchers("issued"), "face_value")


def redeemed(here: Corner) -> Amount:
    return _of(here.vouchers("redeemed"), "redeemed_value")


def refunded(here: Corner) -> Amount:
    return _of(here.vouchers("refunded"), "redeemed_value")


def ordered(here: Corner) -> Amount:
    """What was ordered where a voucher was redeemed."""
    return _of(here.vouchers("redeemed"), "order_amount")


def _redeemed_in(campaign: str) -> Counted:
    return lambda here: _of(here.vouchers("redeemed", campaign), "redeemed_value")


def _of(steps: Steps | None, what: str) -> Amount:
    return None if steps is None else Decimal(getattr(steps, what))


# Reported figures of the county


def persons_trained(here: Corner) -> Amount:
    return here.every("county", "persons_trained", this_year=True)


def _told(measure: str, *dimensions: str) -> Counted:
    """The newest reports of some of a measure's dimensions (given none: of all of them), added up."""

    def count(here: Corner) -> Amount:
        told = here.told(measure, *dimensions)
        return None if told is None else sum(told.values(), Decimal(0))

    return count


def _voucher_steps() -> dict[str, Meaning]:
    worth = {"issued": issued, "redeemed": redeemed, "refunded": refunded}
    return {
        f"voucher_{step}_{what}": Meaning(counted)
        for step in ("issued", "claimed", "redeemed", "expired", "refunded")
        for what, counted in (("value", worth.get(step, _face_value_of(step))), ("count", _number_of(step)))
    }


WATCHED: dict[str, Meaning] = {
    "childcare_occupancy": Meaning(counts.children_in_childcare, counts.childcare_places, 100),
    "inclusive_childcare_place_share": Meaning(
        counts.inclusive_childcare_places, counts.childcare_places, 100
    ),
    "elder_canteens": Meaning(elder_canteens),
    "convenience_centres": Meaning(convenience_centres),
    "quarter_hour_circles": Meaning(quarter_hour_circles),
    "mother_rooms": Meaning(mother_rooms),
    "idle_sites_in_use": Meaning(idle_sites_in_use),
    "simplified_fire_filing_facilities": Meaning(simplified_fire_filing_facilities),
    "fitness_participants_in_year": Meaning(participants),
    **{
        f"fitness_events_in_year_{level}": Meaning(_fitness_events(level))
        for level in ("prefecture", "county", "township", "community")
    },
    **{
        f"culture_points_{category}": Meaning(_culture_points(category))
        for category in ("city_study", "self_service_library", "peoples_bookroom", "culture_station")
    },
    "townships_with_opera_visits": Meaning(townships_with_opera_visits),
    "villages_with_film_showings": Meaning(villages_with_film_showings),
    **_voucher_steps(),
    "voucher_redemption_rate": Meaning(redeemed, issued, 100),
    "voucher_leverage": Meaning(ordered, redeemed),
    "voucher_budget_used": Meaning(redeemed, _told("campaign_budget"), 100, levels=COUNTY),
    **{
        f"voucher_budget_used_{campaign}": Meaning(
            _redeemed_in(campaign), _told("campaign_budget", campaign), 100, levels=COUNTY
        )
        for campaign in ("qihua", "qixiang")
    },
    **{
        f"institutions_rated_{sector}": Meaning(_told("institutions_rated", sector), levels=COUNTY)
        for sector in ("elder_care", "childcare", "household")
    },
    "persons_trained": Meaning(persons_trained, levels=COUNTY),
    **{
        f"{measure}_{kind}": Meaning(_told(measure, kind), levels=COUNTY)
        for measure in ("startup_loans", "startup_loan_amount", "startup_loan_largest")
        for kind in ("personal", "small_enterprise")
    },
    "startup_loans_beyond_caps": Meaning(_told("startup_loans_beyond_caps"), levels=COUNTY),
}
"""The indicators without a target."""
