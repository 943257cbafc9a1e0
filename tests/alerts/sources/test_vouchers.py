"""Voucher rules on the real engine, against a count in plain Python over what was said."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.alerts.sources.voucher_budget import VoucherBudgets
from services.alerts.sources.voucher_peaks import LOOK_BACK, VoucherPeaks
from services.alerts.sources.voucher_refunds import VoucherRefunds
from tests.aggregate.support import event
from tests.alerts.sources.county import COUNTY, PLAN, TOWNSHIPS, County, read, rule, values, withdrawal

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
STREAM = "consumption-voucher"


def step(number: int, step: str, time: datetime, random: Random) -> dict[str, Any]:
    data = {
        "voucher_id": f"V{number}",
        "campaign": random.choice(("qihua", "qixiang")),
        "step": step,
        "face_value": "20.00",
        "sector": "retail",
        "division": random.choice(TOWNSHIPS),
    }
    if step in ("redeemed", "refunded"):
        data |= {
            "order_amount": f"{random.randrange(2000, 9000) / 100:.2f}",
            "merchant_id": f"M{random.randrange(6)}",
            "redeemed_value": f"{random.randrange(100, 2001) / 100:.2f}",
        }
    return event(STREAM, "commerce-bureau", f"{step}-{number}", time, data)


@pytest.fixture
async def said(county: County) -> list[dict[str, Any]]:
    """Four days of vouchers, some withdrawn, some before they come; what is left is returned."""
    random = Random(5)
    records = [
        step(
            number,
            random.choice(("issued", "claimed", "redeemed", "redeemed", "refunded")),
            BEGIN + timedelta(seconds=random.randrange(4 * 86_400), microseconds=random.randrange(1_000_000)),
            random,
        )
        for number in range(900)
    ]
    gone = random.sample(records, 60)
    withdrawals = [withdrawal(STREAM, one, BEGIN + timedelta(days=2)) for one in gone]
    await county.count(STREAM, records[:500])
    await county.count("retraction", withdrawals)
    await county.count(STREAM, records[500:])
    return [one for one in records if one not in gone]


def time_of(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["time"])


async def test_the_busiest_hour_of_each_merchant(county: County, said: list[dict[str, Any]]) -> None:
    many = rule("voucher_peak", threshold=4, clear_margin=1, window="1h", levels=["county", "township"])
    source = VoucherPeaks(PLAN, [many], county.pool)
    for hours in (0, 11, 30.5, 96, 130):
        now = BEGIN + timedelta(hours=hours)
        hourly = Counter(
            (one["data"]["merchant_id"], time_of(one).replace(minute=0, second=0, microsecond=0))
            for one in said
            if one["data"]["step"] == "redeemed" and now - LOOK_BACK < time_of(one) <= now
        )
        peaks = {
            merchant: max(n for (who, _), n in hourly.items() if who == merchant) for merchant, _ in hourly
        }
        standing = [("voucher_peak", COUNTY, "M0"), ("voucher_peak", COUNTY, "gone"), ("other", COUNTY, "M1")]
        found = values(read(source, now, standing))
        expected = {merchant: n for merchant, n in peaks.items() if n > 3}
        expected |= {"M0": peaks.get("M0", 0), "gone": 0}
        in_county = {key[2]: value for key, value in found.items() if key[1] == COUNTY}
        assert in_county == {merchant: Fraction(n) for merchant, n in expected.items()}
        in_townships = {key[2]: value for key, value in found.items() if key[1] in TOWNSHIPS}
        assert in_townships == {merchant: n for merchant, n in in_county.items() if peaks.get(merchant)}


async def test_a_peak_of_late_records_is_found_when_they_come(county: County) -> None:
    many = rule("voucher_peak", threshold=2)
    source = VoucherPeaks(PLAN, [many], county.pool)
    noon, random = BEGIN + timedelta(hours=12), Random(1)
    await county.count(STREAM, [step(0, "redeemed", noon + timedelta(hours=5), random)])
    assert values(read(source, noon + timedelta(hours=5))) == {}
    late = [step(n, "redeemed", noon + timedelta(minutes=n), Random(7)) for n in range(1, 5)]
    await county.count(STREAM, late)
    [found] = read(source, noon + timedelta(hours=5))
    assert found.value == 4
    local = noon.astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"{local:%m-%d %H:%M}" in found.why.zh
    await county.count("retraction", [withdrawal(STREAM, one, noon) for one in late[:3]])
    assert values(read(source, noon + timedelta(hours=5), [found.key])) == {found.key: 1}


async def test_refunds_of_each_place(county: County, said: list[dict[str, Any]]) -> None:
    often = rule("voucher_refund", window="2d", least=40, levels=["county", "township"])
    source = VoucherRefunds(PLAN, [often], county.pool)
    stands = ("voucher_refund", TOWNSHIPS[0], "")
    for hours in (3, 24, 70, 400):
        now = BEGIN + timedelta(hours=hours)
        steps = Counter(
            (one["data"]["division"][:length], one["data"]["step"])
            for one in said
            for length in (6, 9)
            if now - timedelta(days=2) < time_of(one) <= now
        )
        expected: dict[Any, Fraction | None] = {
            ("voucher_refund", code, ""): 100 * Fraction(steps[code, "refunded"], steps[code, "redeemed"])
            for code in (COUNTY, *TOWNSHIPS)
            if steps[code, "redeemed"] >= 40
        }
        expected.setdefault(stands, None)  # too few to say anything: it stays
        assert values(read(source, now, [stands])) == expected


async def test_budgets_that_were_reported_and_that_the_rule_names(
    county: County, said: list[dict[str, Any]]
) -> None:
    rules = [
        rule("voucher_budget", id="all"),
        rule("voucher_budget", id="qihua", campaign="qihua"),
        rule("voucher_budget", id="named", campaign="qihua", budget=5000, since="2025-03-03"),
    ]
    source = VoucherBudgets(PLAN, rules, county.pool)

    def spent(campaigns: tuple[str, ...], since: str = "2025-01-01") -> Decimal:
        begin = datetime.fromisoformat(f"{since}T00:00:00+08:00")
        return sum(
            (
                Decimal(one["data"]["redeemed_value"])
                for one in said
                if one["data"]["step"] == "redeemed" and one["data"]["campaign"] in campaigns
                if time_of(one) >= begin
            ),
            Decimal(0),
        )

    def budget(campaign: str, value: int, day: int) -> dict[str, Any]:
        data = {"division": COUNTY, "measure": "campaign_budget", "dimension": campaign, "value": value}
        id = f"budget-{campaign}-{value}"
        return event("statistic", "commerce-bureau", id, BEGIN + timedelta(days=day), data)

    now = BEGIN + timedelta(days=5)
    named = 100 * Fraction(spent(("qihua",), "2025-03-03")) / 5000
    none = {("all", COUNTY, ""): None, ("qihua", COUNTY, "qihua"): None, ("named", COUNTY, "qihua"): named}
    assert values(read(source, now)) == none

    budgets = [budget("qihua", 4000, 0), budget("qixiang", 9000, 0), budget("qihua", 6000, 1)]
    wrong = budget("qihua", 10, 2)
    await county.count("statistic", [*budgets, wrong])
    await county.count("retraction", [withdrawal("statistic", wrong, now)])
    both, qihua = spent(("qihua", "qixiang")), spent(("qihua",))
    assert values(read(source, now)) == {
        ("all", COUNTY, ""): 100 * Fraction(both) / 15_000,
        ("qihua", COUNTY, "qihua"): 100 * Fraction(qihua) / 6_000,
        ("named", COUNTY, "qihua"): named,
    }


def test_what_was_redeemed_long_ago_is_not_read_again(county: County) -> None:
    def put(vouchers: int, begin: datetime, days: int) -> None:
        county.pool.query(
            "INSERT INTO consumption_voucher_log (identity, subject, time, step, merchant_id, division)"
            " SELECT generateUUIDv4(), toString(rand64()), toDateTime64(%(begin)s, 6, 'UTC')"
            " + toIntervalSecond(number %% %(seconds)s), 'redeemed', 'M1', '532622101'"
            " FROM numbers(%(vouchers)s)",
            {"vouchers": vouchers, "begin": f"{begin:%Y-%m-%d %H:%M:%S}", "seconds": days * 86_400},
        )

    def looked_at() -> int:
        rows = county.pool.query(
            "EXPLAIN ESTIMATE SELECT count() FROM consumption_voucher_log"
            " WHERE step = 'redeemed' AND time > toDateTime64('2025-02-28 00:00:00', 6, 'UTC')"
        )
        return sum(int(rows_in_part) for _, _, _, rows_in_part, _ in rows)

    put(400_000, BEGIN - timedelta(days=365), 300)  # under ids in no order
    county.pool.query("OPTIMIZE TABLE consumption_voucher_log FINAL")
    assert looked_at() == 0
    put(100, BEGIN, 1)
    put(100, BEGIN, 1)
    assert looked_at() == 200
    source = VoucherPeaks(PLAN, [rule("voucher_peak", threshold=1)], county.pool)
    [found] = read(source, BEGIN + timedelta(hours=1))
    assert found.value == 200
