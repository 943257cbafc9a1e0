"""`minmai feed`: agencies' own topics listed, and a stopped one resumed."""

from pathlib import Path

from schemas.streams import feed_topic
from services.ingest import agencies
from services.ingest.feeds.standing import Standings
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common, load


def show(people: Path) -> None:
    """Print each agency's topic and whether it is read."""
    feeding = [one.name for one in agencies.listed(people) if one.feed]
    standings = Standings(ClickHouse(load(Common))).all()
    if not feeding:
        print(f"{people}: 没有开通主题的单位 · no agency has a feed; `minmai agency add --feed` adds one")
    for name in feeding:
        one = standings.get(name)
        if one is not None and one.halted:
            print(f"{feed_topic(name):<40} 已停止 · stopped {one.at:%Y-%m-%d %H:%M} UTC: {one.reason()}")
        else:
            print(f"{feed_topic(name):<40} 正常 · running")


def resume(agency: str) -> None:
    """Let a stopped feed go on from where it was stopped."""
    one = Standings(ClickHouse(load(Common))).resume(agency)
    print(f"{agency}: 数秒后恢复读取 · is read again within seconds (it was stopped for {one.reason()})")
