"""`minmai rebuild`: compute tables anew from the records, beside the running services, and switch over."""

import asyncio
import getpass
import socket
import time
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from cli.paths import plan_folder
from schemas.streams import STREAMS
from services.aggregate import rebuild
from services.aggregate import replay as replaying
from services.aggregate import voucher_sums as voucher_sum
from services.aggregate.rebuild import Difference
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common, load

_LOOK_SECONDS = 0.5


class RebuildError(MinmaiError):
    """Nothing could be rebuilt, or not by what was wanted."""


def known(indicators: Collection[str]) -> None:
    """Raise RebuildError for an indicator the plan does not have, PlanError for a wrong plan."""
    if unknown := sorted(set(indicators) - load_plan(plan_folder()).indicators.keys()):
        raise RebuildError(f"规划中没有指标 · the plan has no indicator: {', '.join(unknown)}")


def figures(indicators: Collection[str], *, dry_run: bool, wait: float) -> None:
    """Print which figures change, ask for the rebuild and wait until the tables show it.

    `indicators`: which to compare, all if none; see `known`. Raises PlanError, Unavailable, RebuildError.
    """
    clickhouse, plan = ClickHouse(load(Common)), load_plan(plan_folder())
    _show(plan, list(rebuild.would_change(clickhouse, plan, indicators or list(plan.indicators))))
    if dry_run:
        return
    id = rebuild.ask(clickhouse, f"{getpass.getuser()}@{socket.gethostname()}")
    print(f"已请求重算 · rebuild asked for: {id}")
    _wait(clickhouse, id, wait)
    if other := rebuild.other_definitions(clickhouse, plan):
        named = ", ".join(f"{name} {definition}" for name, definition in other.items())
        raise RebuildError(
            "重算完成，但 aggregate 用的不是这里的规划（见其日志）· rebuilt, yet not by this plan: "
            f"the aggregator reads another folder, or could not read it (see its log): {named}"
        )
    print("重算完成，看板已切换 · rebuilt, the board shows it")


def voucher_sums(*, dry_run: bool) -> None:
    """Hold the voucher sums against the log, set them right, and print what differed."""
    clickhouse, plan = ClickHouse(load(Common)), load_plan(plan_folder())
    found = voucher_sum.correct(clickhouse, plan.county.time_zone, dry_run=dry_run)
    done = "将更正 would be set right" if dry_run else "已更正 set right"
    print(
        f"消费券合计 voucher sums：{done} {found.sums}（记录 records {found.records:+}，"
        f"面值 face value {found.face_value:+}）"
    )
    if found.busy:
        print(
            f"{found.busy} 个合计正在撤回记录，请稍后再执行一次 · {found.busy} sums were left alone while a "
            "record was being withdrawn: run this again"
        )


def from_topics(since: datetime, streams: Collection[str], *, dry_run: bool) -> None:
    """Send again the records that the topics have had since a moment and the logs have lost; wait for them.

    `streams`: which, all if none; `since` without a zone is in the county's. Raises PlanError, Unavailable,
    RebuildError.
    """
    settings, plan = load(Common), load_plan(plan_folder())
    clickhouse = ClickHouse(settings)
    if unknown := sorted(set(streams) - STREAMS.keys()):
        known = ", ".join(STREAMS)
        raise RebuildError(f"没有数据流 · there is no stream {', '.join(unknown)}; there are {known}")
    chosen = [STREAMS[name] for name in streams or STREAMS]
    moment = since if since.tzinfo else since.replace(tzinfo=plan.zone)
    if not dry_run:
        replaying.restore_identities(clickhouse)
        voucher_sums(dry_run=False)  # what the sums have of lost records would count twice
    replay = replaying.Replay(clickhouse, settings.kafka, moment, dry_run=dry_run)
    found = asyncio.run(replay.of(chosen))
    done = "缺 lost" if dry_run else "已重放 sent again"
    for stream, one in found.items():
        print(f"{stream:<22} 读到 read {one.read:>9}  {done} {len(one.lost):>9}")
    if not dry_run and any(one.lost for one in found.values()):
        replaying.wait_until_counted(clickhouse, found)
        voucher_sums(dry_run=False)  # withdrawals that had been taken out of them before


def _wait(clickhouse: ClickHouse, id: UUID, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not rebuild.shown(clickhouse, id):
        if time.monotonic() > end:
            raise RebuildError(
                f"{seconds:g} 秒内未完成：aggregate 在运行吗？请求仍在，它一有空就会完成 · not done within "
                f"{seconds:g} s: is an aggregator running? The request stands, and will be done when one is"
            )
        time.sleep(_LOOK_SECONDS)


def _show(plan: Plan, found: Collection[Difference]) -> None:
    for one in found:
        held = one.held
        before = "无 none" if held is None else _number(held.numerator, held.denominator, held.value)
        after = _number(one.right.numerator, one.right.denominator, one.right.value)
        by = "" if held is None or held.definition == one.definition else f"{held.definition or '?'} → "
        print(
            f"{one.indicator:<40} {plan.divisions[one.division].name}  {before} → {after}  "
            f"（定义 definition {by}{one.definition}；历史 history {one.days} 天 days）"
        )
    print(f"将改变 {len(found)} 个数字 · {len(found)} figures would change")


def _number(numerator: object, denominator: object, value: float | None) -> str:
    parts = "–" if numerator is None else f"{numerator}" + ("" if denominator is None else f"/{denominator}")
    return parts if value is None else f"{value:g} ({parts})"
