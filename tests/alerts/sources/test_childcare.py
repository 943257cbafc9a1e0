"""Childcare rules on the real engine: what each facility's newest records say, however they came."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from services.alerts.sources.childcare import Childcare
from tests.aggregate.support import event
from tests.alerts.sources.county import COUNTY, PLAN, County, read, rule, values, withdrawal

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
COMMUNITIES = [code for code, one in PLAN.divisions.items() if one.level == "community"][:4]
RULES = [rule("childcare_full", levels=["county", "township"]), rule("childcare_empty")]


def facility(
    number: int, version: int, time: datetime, status: str, kind: str = "childcare"
) -> dict[str, Any]:
    data = {
        "facility_id": f"F{number}",
        "kind": kind,
        "name": f"托育园{number}",
        "division": COMMUNITIES[number % 4],
        "status": status,
        "ownership": "public",
    }
    return event("facility", "health-bureau", f"f{number}-{version}", time, data)


def offer(number: int, version: int, time: datetime, total: int, enrolled: int) -> dict[str, Any]:
    data = {"facility_id": f"F{number}", "total": total, "inclusive": 0, "enrolled": enrolled}
    return event("childcare-place", "health-bureau", f"p{number}-{version}", time, data)


def newest(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    ordered = sorted(records, key=lambda one: (datetime.fromisoformat(one["time"]), one["source"], one["id"]))
    return {one["data"]["facility_id"]: one["data"] for one in ordered}


def expected(facilities: list[dict[str, Any]], offers: list[dict[str, Any]]) -> dict[Any, Fraction | None]:
    """Each open facility's children in percent of its places, counted without the engine."""
    there, found = newest(facilities), {}
    for subject, said in newest(offers).items():
        one = there.get(subject)
        if one and one["kind"] == "childcare" and one["status"] == "open":
            share = 100 * Fraction(said["enrolled"], said["total"]) if said["total"] else None
            for rule_id, division in (
                ("childcare_full", COUNTY),
                ("childcare_full", one["division"][:9]),
                ("childcare_empty", COUNTY),
            ):
                found[rule_id, division, subject] = share
    return found


async def test_whatever_comes_in_whatever_order_a_fresh_look_and_a_standing_one_say_the_same(
    county: County,
) -> None:
    random, now = Random(3), BEGIN + timedelta(days=90)
    standing_one = Childcare(PLAN, RULES, county.pool)
    facilities: list[dict[str, Any]] = []
    offers: list[dict[str, Any]] = []
    for version in range(5):
        some = [
            facility(
                number,
                version,
                BEGIN + timedelta(hours=random.randrange(2000)),
                random.choice(("open", "open", "open", "suspended", "closed")),
            )
            for number in range(20)
            if random.random() < 0.5
        ]
        more = [
            offer(
                number,
                version,
                BEGIN + timedelta(hours=random.randrange(2000)),
                random.choice((0, 20, 40)),
                random.randrange(45),
            )
            for number in range(22)
            if random.random() < 0.5
        ]
        gone = random.sample(offers, min(3, len(offers))) + random.sample(facilities, min(2, len(facilities)))
        facilities = [one for one in facilities if one not in gone] + some
        offers = [one for one in offers if one not in gone] + more
        await county.count("facility", some)
        await county.count("childcare-place", more)
        streams = {id(one): one["type"].split(".")[1] for one in gone}
        await county.count("retraction", [withdrawal(streams[id(one)], one, now) for one in gone])
        found = values(read(standing_one, now))
        assert found == expected(facilities, offers)
        assert found == values(read(Childcare(PLAN, RULES, county.pool), now))


async def test_a_facility_that_is_closed_is_no_longer_full(county: County) -> None:
    source = Childcare(PLAN, RULES, county.pool)
    await county.count(
        "facility", [facility(1, 1, BEGIN, "open"), facility(2, 1, BEGIN, "open", "mother_room")]
    )
    await county.count("childcare-place", [offer(1, 1, BEGIN, 20, 20), offer(2, 1, BEGIN, 20, 20)])
    key = ("childcare_full", COUNTY, "F1")
    full = next(one for one in read(source, BEGIN) if one.key == key)
    assert (full.value, full.fires, full.subject_name and full.subject_name.zh) == (100, None, "托育园1")
    assert "20 children in 20 places" in full.why.en
    assert full.link == "#facility/F1"
    await county.count("facility", [facility(1, 2, BEGIN + timedelta(days=1), "closed")])
    assert read(source, BEGIN) == []
    [closed] = read(source, BEGIN, [key])
    assert (closed.key, closed.fires) == (key, False)
