"""`minmai feed`: agencies' own topics listed, and a stopped one resumed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from schemas.streams import feed_topic
from services.ingest import agencies
from services.ingest.agencies import Agency
from services.ingest.feeds.standing import Standing, Standings
from services.ingest.feeds.waiting import waiting
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common, load


def show(people: Path) -> None:
    """Print each agency's topic, how many records wait there, and whether it is read."""
    settings = load(Common)
    feeding = [one for one in agencies.listed(people) if one.feed]
    if not feeding:
        print(f"{people}: 没有开通主题的单位 · no agency has a feed; `minmai agency add --feed` adds one")
        return
    standings = Standings(ClickHouse(settings)).all()
    numbers: Mapping[str, int] = {}
    try:
        numbers = waiting(settings.kafka, [one.name for one in feeding])
    except Unavailable as error:
        print(f"积压未知 · what waits is not known: {error}")
    print(f"{'主题 topic':<38} {'积压 waiting':>10}  状态 state")
    for one in feeding:
        topic, number = feed_topic(one.name), numbers.get(one.name, "?")
        print(f"{topic:<40} {number:>12}  {_state(one, standings.get(one.name))}")


def _state(agency: Agency, standing: Standing | None) -> str:
    if standing is not None and standing.halted:
        return f"已停止 · stopped {standing.at:%Y-%m-%d %H:%M} UTC: {standing.reason()}"
    if not agency.has_key(datetime.now(UTC)):
        return "不读：没有有效密钥 · not read: no key of the agency holds; `minmai agency rotate` gives one"
    return "正常 · to be read"


def resume(agency: str) -> None:
    """Let a stopped feed go on from where it was stopped."""
    one = Standings(ClickHouse(load(Common))).resume(agency)
    print(f"{agency}: 数秒后恢复读取 · is read again within seconds (it was stopped for {one.reason()})")
