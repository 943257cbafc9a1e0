"""The sample county's consumption vouchers: campaigns, their days and hours, and each voucher's life."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from cli.sample.books import Books
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

_ELSEWHERE = 0.08  # redeemed in another township
_SMALL_ORDER = 0.04  # smaller than the voucher
_BOOKED_WRONGLY = 0.006
_IMPOSSIBLE = 0.004  # of the expired ones: redeemed all the same, which somebody should look into

_SPARE = 1.12  # what a budget has above the money that is expected to be spent

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
    """The vouchers of the county, day by day; `issued` tells how many on an ordinary campaign day."""

    def __init__(
        self, places: Places, outbox: Outbox, seed: int, begin: date, issued: Callable[[date], float]
    ) -> None:
        self._places = places
        self._outbox = outbox
        self._random = dice(seed, "vouchers")
        self._books = Books(outbox, dice(seed, "vouchers books"))
        self._begin = begin
        self._issued = issued
        self._budgets = dict.fromkeys((campaign.code for campaign in CAMPAIGNS), 0)

    def day(self, day: date) -> None:
        """Issue a day's vouchers, each with its whole life; tell the budget when a campaign begins."""
        found = running(day)
        if found is None:
            return
        campaign, busy = found
        if campaign.age(day) == 0 or day == self._begin:
            self._tell_budget(campaign, day)
        for number in range(int(self._issued(day) * busy + self._random.random())):
            self._live(self._voucher(campaign, f"V{day:%y%m%d}{number:06}"), day)

    def _tell_budget(self, campaign: Campaign, day: date) -> None:
        """All that was ever budgeted for campaigns of this name, the one that begins included."""
        left = [day + timedelta(days=n) for n in range(campaign.days - (campaign.age(day) or 0))]
        vouchers = sum(self._issued(later) * busy for later in left for _, busy in [running(later) or (0, 0)])
        spent = vouchers * sum(map(float, campaign.faces)) / len(campaign.faces) * _CLAIMED * _REDEEMED
        self._budgets[campaign.code] += ceil(spent * _SPARE / 100) * 100
        self._books.report(
            COMMERCE,
            "campaign_budget",
            self._places.plan.county.county,
            self._budgets[campaign.code],
            described=self._outbox.at(day, 0),
            day=day,
            dimension=campaign.code,
            slips=False,
        )

    def _voucher(self, campaign: Campaign, name: str) -> dict[str, Any]:
        random = self._random
        [sector] = random.choices(list(_SECTORS), list(_SECTORS.values()))
        return {
            "voucher_id": name,
            "campaign": campaign.code,
            "face_value": random.choice(campaign.faces),
            "sector": sector,
            "division": self._township(),
        }

    def _live(self, voucher: dict[str, Any], day: date) -> None:
        random, at = self._random, self._outbox.at
        issued = at(day, self._hour(_RELEASE))
        self._step(voucher, "issued", issued)
        expiry = at(day + timedelta(days=_VALID_DAYS), 0)
        claimed = min(issued + timedelta(minutes=random.expovariate(1 / 90)), expiry - timedelta(hours=30))
        claimed = claimed.replace(microsecond=0) + timedelta(seconds=1)
        if random.random() < _CLAIMED:
            self._step(voucher, "claimed", claimed)
            if random.random() < _REDEEMED:
                self._redeem(voucher, claimed, expiry)
                return
        self._step(voucher, "expired", expiry)
        if random.random() < _IMPOSSIBLE:
            self._step({**voucher, **self._spent(voucher)}, "redeemed", expiry + timedelta(hours=10))

    def _redeem(self, voucher: dict[str, Any], claimed: datetime, expiry: datetime) -> None:
        random = self._random
        busy = _MEALS if voucher["sector"] in ("catering", "lodging") else _SHOPS
        day = claimed.date() + timedelta(days=min(int(random.expovariate(0.6)), 5))
        redeemed = self._outbox.at(day, self._hour(busy))
        if redeemed <= claimed:
            redeemed += timedelta(days=1)
        redeemed = min(redeemed, expiry - timedelta(minutes=5))
        if random.random() < _BOOKED_WRONGLY:
            self._book_wrongly(voucher, redeemed - timedelta(minutes=3))
        if random.random() < _ELSEWHERE:
            voucher = {**voucher, "division": self._township()}
        spent = {**voucher, **self._spent(voucher)}
        self._step(spent, "redeemed", redeemed)
        if random.random() < _REFUNDED:
            self._step(spent, "refunded", redeemed + timedelta(minutes=random.randrange(10, 3 * 24 * 60)))

    def _book_wrongly(self, voucher: dict[str, Any], time: datetime) -> None:
        """A till books it at a wrong merchant and takes that back, at times before its own record arrives."""
        withdrawn = time + timedelta(minutes=self._random.randrange(10, 600))
        sent = time + timedelta(seconds=20) if self._random.random() < 0.7 else withdrawn + timedelta(hours=5)
        record = self._step({**voucher, **self._spent(voucher)}, "redeemed", time, sent)
        self._outbox.withdraw(COMMERCE, "consumption-voucher", record, "收银员选错商户，重新核销", withdrawn)

    def _spent(self, voucher: dict[str, Any]) -> dict[str, Any]:
        """What a till adds: mostly an order well above the face value, sometimes one below it."""
        random, face = self._random, float(voucher["face_value"])
        small = random.random() < _SMALL_ORDER
        order = f"{face * (random.uniform(0.6, 0.98) if small else random.uniform(1.8, 6)):.2f}"
        spent = {
            "order_amount": order,
            "merchant_id": f"M{voucher['division'][6:]}{random.randrange(1, 40):03}",
        }
        if small:
            return {**spent, "redeemed_value": order}
        return {**spent, "redeemed_value": voucher["face_value"]} if random.random() < 0.3 else spent

    def _step(self, voucher: dict[str, Any], step: str, time: datetime, sent: datetime | None = None) -> str:
        return self._outbox.say(COMMERCE, "consumption-voucher", {**voucher, "step": step}, time, sent=sent)

    def _township(self) -> str:
        residents = self._places.residents
        [township] = self._random.choices(list(residents), list(residents.values()))
        return township

    def _hour(self, busy: tuple[int, ...]) -> float:
        [hour] = self._random.choices(range(24), busy)
        return hour + self._random.random()
