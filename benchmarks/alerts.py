"""Ten thousand subscribers and a thousand firing alerts in one evaluation.

    .venv/bin/python -m benchmarks.alerts [--subscribers 10000] [--alerts 1000] [--rounds 3]
        [--sets mix distinct all]

A thousand alerts fire at once: of the plan's indicators in the county and its townships, each severity among
them. Then everybody's group wait is over, and one evaluation decides for all subscribers who is told of what,
renders it, and inserts the notices into the ledger of a real ClickHouse, each batch while the next is
rendered. Three sets of subscribers:

    mix       as in a county: most want a theme of a township, some a severity, some everything, in two
              languages, by e-mail and robots
    distinct  no two are told the same: each wants a choice of rules of its own, about a tenth
    all       everybody is told of every alert

Sending is left out: it goes by the receivers' limits.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from pydantic import SecretStr

from benchmarks.machine import ROOT, machine
from schemas.alert import AlertChange
from schemas.declaration import Text
from services.alerts.channels import Channel
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.wecom import WeCom
from services.alerts.routing.notices import Directory, Scribe
from services.alerts.routing.router import Router
from services.alerts.routing.subscriber import Address, Subscriber
from services.alerts.routing.writing import kept
from services.platform.clickhouse import ClickHouse
from services.platform.garbage import settle
from services.platform.migrations import migrate
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common
from tests.support.clickhouse import ClickHouse as Server

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)
THEMES = (
    "childcare_education",
    "health",
    "elder_care",
    "communities",
    "sports_culture",
    "vouchers",
    "support",
)

Crowd = Callable[[int, Plan, random.Random], Subscriber]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--alerts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=list(_CROWDS), default=list(_CROWDS))
    wanted = parser.parse_args()
    plan = load_plan(ROOT / "plans" / "yanshan")
    print(machine())
    print(f"{wanted.subscribers:,} subscribers, {wanted.alerts:,} alerts; seconds, median of {wanted.rounds}")
    print("set          told of  notices      MB  decide   write     all")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        try:
            settings = Common(clickhouse_port=server.port)
            migrate(settings)
            pool = ClickHouse(settings)
            settle()  # as the service does
            for name in wanted.sets:
                rounds = [_round(pool, plan, _CROWDS[name], wanted) for _round_ in range(wanted.rounds)]
                print(f"{name:<10}" + min(rounds, key=lambda one: abs(one[0] - _median(rounds)))[1])
        finally:
            server.stop()


def mixed(number: int, plan: Plan, dice: random.Random) -> Subscriber:
    """One subscriber of a county's mix."""
    townships = [one.code for one in plan.shown_divisions if one.level == "township"]
    kind = dice.random()
    wanted: dict[str, object] = {"themes": [dice.choice(THEMES)], "divisions": [dice.choice(townships)]}
    if kind > 0.98:
        wanted = {}
    elif kind > 0.9:
        wanted = {"severities": ["critical"]}
    elif kind > 0.8:
        wanted = {"themes": [dice.choice(THEMES)], "mute_townships": True}
    return _subscriber(number, dice, wanted)


def distinct(number: int, plan: Plan, dice: random.Random) -> Subscriber:
    """One of whom no other is told the same."""
    rules = [f"{name}_rule" for name in plan.indicators]
    return _subscriber(number, dice, {"rules": sorted(dice.sample(rules, len(rules) // 10))})


def everything(number: int, plan: Plan, dice: random.Random) -> Subscriber:
    """One who is told of every alert."""
    return _subscriber(number, dice, {})


_CROWDS: dict[str, Crowd] = {"mix": mixed, "distinct": distinct, "all": everything}


def alerts(plan: Plan, number: int) -> list[AlertChange]:
    """So many alerts that fire, of the plan's indicators in its divisions."""
    places = [(one, place) for place in plan.shown_divisions for one in plan.indicators.values()]
    return [
        _change(f"{indicator.id}_rule", indicator.id, place.code, at)
        for at, (indicator, place) in enumerate(places[at % len(places)] for at in range(number))
    ]


def _round(pool: ClickHouse, plan: Plan, crowd: Crowd, wanted: argparse.Namespace) -> tuple[float, str]:
    dice = random.Random(4)
    subscribers = [crowd(number, plan, dice) for number in range(wanted.subscribers)]
    channels: dict[str, Channel] = {
        "mail": Mail(Relay("127.0.0.1", 25, "none", "", _no_password()), "minmai@county.example"),
        "wecom": WeCom(),
    }
    router = Router({one.id: one.theme for one in plan.indicators.values()}, subscribers)
    directory = Directory(subscribers, channels)
    router.hear((change, NOON) for change in alerts(plan, wanted.alerts))
    router.tick(NOON)  # nobody is told yet: the group wait begins
    now = NOON + timedelta(seconds=30)
    began = time.perf_counter()
    tellings = router.tick(now)
    decided = time.perf_counter()
    batches = Scribe(directory, channels, router.episodes, now).batches(tellings)
    made = [one for batch in kept(pool, batches) for one in batch]
    ended = time.perf_counter()
    told = sum(len(one.notice.covers) for one in made)
    megabytes = sum(len(one.notice.payload) for one in made) / 1e6
    [(rows,)] = pool.query("SELECT count() FROM alert_notice")
    assert rows == len(made) > 0, (rows, len(made))
    pool.query("TRUNCATE TABLE alert_notice")
    spent = (decided - began, ended - decided, ended - began)
    times = "".join(f"{one:>8.2f}" for one in spent)
    return ended - began, f"{told:>10,}{len(made):>9,}{megabytes:>8.0f}{times}"


def _median(rounds: Sequence[tuple[float, str]]) -> float:
    return sorted(seconds for seconds, _line in rounds)[len(rounds) // 2]


def _subscriber(number: int, dice: random.Random, wanted: dict[str, object]) -> Subscriber:
    mail = Address(channel="mail", address=f"s{number}@county.example")
    robot = Address(
        channel="wecom",
        address=f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={uuid5(NAMESPACE_URL, str(number))}",
    )
    return Subscriber.model_validate(
        {
            "id": f"s{number}",
            "name": f"s{number}",
            "channels": [robot if dice.random() < 0.3 else mail],
            "language": dice.choice(["zh", "both"]),
            **wanted,
        }
    )


def _change(rule: str, indicator: str, division: str, number: int) -> AlertChange:
    severity = ("info", "warning", "warning", "critical")[number % 4]
    return AlertChange(
        alert_id=uuid5(NAMESPACE_URL, f"{rule}/{division}/{number}"),
        state="firing",
        condition="firing",
        severity=severity,
        rule=rule,
        name=Text(zh="每千人口托位数低于目标", en="Childcare places per 1,000 below target"),
        reason=Text(zh="4.25 个/千人，低于 4.5", en="4.25 places per 1,000 is below 4.5"),
        indicator=indicator,
        indicator_name=Text(zh="每千人口托位数", en="Childcare places per 1,000"),
        division=division,
        division_name="江那镇",
        numerator=Decimal(1700),
        denominator=Decimal(400_000),
        value=4.25,
        shown="4.25",
        unit=Text(zh="个/千人", en="places per 1,000"),
        direction="at_least",
        threshold=Decimal("4.5"),
        clear_level=Decimal("4.55"),
        gap="-0.25",
        as_of=date(2026, 3, 4),
        figure_version=number,
        owner="县卫生健康局",
        changed_at=NOON + timedelta(milliseconds=number),
        link=f"https://board.county.example/#{indicator}/{division}",
    )


def _no_password() -> SecretStr:
    return SecretStr("")


if __name__ == "__main__":
    main()
