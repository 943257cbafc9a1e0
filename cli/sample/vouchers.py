"""The sample county's consumption vouchers: campaigns, their days and hours, and each voucher's life."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cli.sample.dice import dice
from cli.sample.outbox import COMMERCE, Outbox
from cli.sample.places import Places


@dataclass(frozen=True)
class Campaign:
    """A yearly campaign: its code, first day (month, day), length in days, and face values in yuan."""

    code: str
    first: tuple[int, int]
    days: int
    faces: tuple[str, ...]

    def age(self, day: date) -> int | None:
        """How many days it has run on a day; None when it does not."""
        for year in (day.year, day.year - 1):
            ran = (day - date(year, *self.first)).days
            if 0 <= ran < self.days:
                return ran
        return None


CAMPAIGNS = (
    Campaign("qihua", (3, 1), 61, ("8.88", "18.88", "20.00", "50.00")),  # 七花消费券，春
    Campaign("qixiang", (6, 10), 21, ("16.60", "30.00", "100.00")),  # 七乡购物节，夏
    Campaign("qihua", (9, 15), 61, ("8.88", "18.88", "20.00", "50.00")),  # 七花消费券，秋
    Campaign("qixiang", (12, 15), 31, ("16.60", "30.00", "66.60", "100.00")),  # 七乡购物节，年货
)

_SECTORS = {"catering": 36, "retail": 34, "lodging": 8, "tourism": 8, "culture_sports": 7, "household": 7}

# How busy each hour of the day is, from 0 to 23.
_RELEASE = (0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 40, 12, 8, 5, 4, 4, 4, 4, 5, 8, 12, 5, 2, 1)
_MEALS = (0, 0, 0, 0, 0, 0, 0, 2, 3, 2, 4, 14, 20, 8, 3, 3, 4, 10, 22, 20, 10, 5, 2, 1)
_SHOPS = (0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 8, 7, 5, 5, 7, 8, 8, 7, 8, 12, 10, 4, 1, 0)

_CLAIMED, _REDEEMED, _REFUNDED = 0.86, 0.72, 0.03
_VALID_DAYS = 7

RECORDS_OF_A_VOUCHER = 2 + _CLAIMED + _CLAIMED * _REDEEMED * _REFUNDED
"""Issued, perhaps claimed, in the end redeemed or expired, rarely refunded."""


def running(day: date) -> tuple[Campaign, float] | None:
    """Return the campaign of a day and how busy the day is (1 is an ordinary one); None between campaigns."""
    for campaign in CAMPAIGNS:
        age = campaign.age(day)
        if age is not None:
            return campaign, (2.5 if age < 3 else 1.0) * (1.6 if day.weekday() >= 5 else 1.0)
    return None


class Vouchers:
    """The vouchers of the county, day by day."""

    def __init__(self, places: Places, outbox: Outbox, seed: int) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "vouchers")

    def day(self, day: date, vouchers: float) -> None:
        """Issue a day's vouchers, about so many on an ordinary campaign day, each with its whole life."""
        found = running(day)
        if found is None:
            return
        campaign, busy = found
        for number in range(int(vouchers * busy + self._random.random())):
            voucher = self._voucher(campaign, f"V{day:%y%m%d}{number:06}")
            for step, time, spent in self._life(voucher, day):
                self._outbox.say(COMMERCE, "consumption-voucher", {**voucher, "step": step, **spent}, time)

    def _voucher(self, campaign: Campaign, name: str) -> dict[str, Any]:
        random, residents = self._random, self._places.residents
        [sector] = random.choices(list(_SECTORS), list(_SECTORS.values()))
        [township] = random.choices(list(residents), list(residents.values()))
        return {
            "voucher_id": name,
            "campaign": campaign.code,
            "face_value": random.choice(campaign.faces),
            "sector": sector,
            "division": township,
        }

    def _life(self, voucher: dict[str, Any], day: date) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
        random, at = self._random, self._outbox.at
        issued = at(day, self._hour(_RELEASE))
        yield "issued", issued, {}
        expiry = at(day + timedelta(days=_VALID_DAYS), 0)
        claimed = min(issued + timedelta(minutes=random.expovariate(1 / 90)), expiry - timedelta(hours=30))
        claimed = claimed.replace(microsecond=0)
        if random.random() >= _CLAIMED:
            yield "expired", expiry, {}
            return
        yield "claimed", claimed, {}
        if random.random() >= _REDEEMED:
            yield "expired", expiry, {}
            return
        busy = _MEALS if voucher["sector"] in ("catering", "lodging") else _SHOPS
        redeemed = at(claimed.date() + timedelta(days=min(int(random.expovariate(0.6)), 5)), self._hour(busy))
        if redeemed <= claimed:
            redeemed += timedelta(days=1)
        amount = float(voucher["face_value"]) * random.uniform(1.8, 6)
        spent = {
            "order_amount": f"{amount:.2f}",
            "merchant_id": f"M{voucher['division'][6:]}{random.randrange(1, 40):03}",
        }
        yield "redeemed", min(redeemed, expiry - timedelta(seconds=1)), spent
        if random.random() < _REFUNDED:
            after = timedelta(minutes=random.randrange(10, 3 * 24 * 60))
            yield "refunded", redeemed + after, spent

    def _hour(self, busy: tuple[int, ...]) -> float:
        [hour] = self._random.choices(range(24), busy)
        return hour + self._random.random()
