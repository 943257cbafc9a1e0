"""`minmai alerts notices`, `notice`, `resend`, `test-send`."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import get_args

from cli.alerts.people import WrongOption
from cli.terminal import local, printable
from services.alerts.channels import Channel, Destination
from services.alerts.channels.topic import Topic
from services.alerts.destinations import built_in, channels_of
from services.alerts.ledger import Ledger, NoticeState
from services.alerts.records import Records, Wanted
from services.alerts.routing.notices import Directory
from services.alerts.routing.store import Store
from services.alerts.settings import AlertsSettings
from services.alerts.trial import Trial, sample, try_out
from services.platform.clickhouse import ClickHouse
from services.platform.plan import load_plan
from services.platform.plan_files.words import unknown
from services.platform.settings import load

_TESTER = "test"
"""The subscriber of a test to an address that is given, and nobody's."""


def show_list(wanted: Wanted) -> None:
    """Print notices, the newest first, a line each."""
    states = get_args(NoticeState)
    if wanted.state and wanted.state not in states:
        raise WrongOption(f"--state {unknown(wanted.state, '状态', 'state', states)}")
    found = Records(ClickHouse(load(AlertsSettings))).listed(wanted)
    if not found:
        print("没有通知 · no notices")
    for one in found:
        print(
            f"{str(one.notice_id)[:12]:<12} {local(one.created_at, seconds=True)} {one.subscriber:<14} "
            f"{one.channel:<12} {one.recipient:<34} {one.why:<10} {len(one.alert_ids):>4} "
            f"{one.state:<9} {one.attempts:>3} {printable(one.answer[:80])}"
        )


def show(id: str) -> None:
    """Print all that is known of a notice: what it tells of, what was sent, and every attempt."""
    view, notice, attempts = Records(ClickHouse(load(AlertsSettings))).found(id)
    for name in ("notice_id", "subscriber", "channel", "recipient", "why", "state"):
        print(f"{name:<11} {getattr(view, name)}")
    for covered in notice.covers:
        what = "/".join(filter(None, (covered.rule, covered.division, covered.subject)))
        print(f"{'alert':<11} {covered.alert_id} {covered.state} {what}")
    for attempt in attempts:
        print(
            f"{'attempt':<11} {attempt.number:>3} {local(attempt.at, seconds=True)} {attempt.state:<9} "
            f"{attempt.duration_ms:>6} ms  {printable(attempt.answer)}"
        )
    print(notice.payload.decode())


def resend(id: str) -> None:
    """Have a notice sent again as it was."""
    again = Records(ClickHouse(load(AlertsSettings))).resend(id)
    print(
        f"将在数秒内按原内容重发 · is sent again as it was within seconds, as notice {again.notice_id}; "
        f"`minmai alerts notice {str(again.notice_id)[:12]}` 查看结果 · shows what came of it"
    )


def test_send(subscriber: str, to: str, language: str) -> bool:
    """Send a test and print what came of it; whether all of it was delivered."""
    settings = load(AlertsSettings)
    channels = channels_of(settings)
    clickhouse = ClickHouse(settings)
    if bool(subscriber) == bool(to):
        raise WrongOption("请给出订阅者或 --to 之一 · give either a subscriber or --to CHANNEL:ADDRESS")
    wanted = (
        [_given(to, language, channels)]
        if to
        else _subscribed(subscriber, settings, channels, Store(clickhouse))
    )
    plan = load_plan(settings.plan)
    change = sample(plan, f"{settings.board_url.rstrip('/')}/", datetime.now(UTC))
    ledger = Ledger(clickhouse)

    async def send() -> list[Trial]:
        try:
            return [await try_out(one, channels[one.channel], [change], ledger) for one in wanted]
        finally:
            for channel in channels.values():
                await channel.close()

    trials = asyncio.run(send())
    for one in trials:
        print(f"{one.notice.channel} {one.notice.recipient}: {one.outcome.kind}: {one.outcome.answer}")
    return all(one.outcome.kind == "delivered" for one in trials)


def _given(to: str, language: str, channels: Mapping[str, Channel]) -> Destination:
    name, _, address = to.partition(":")
    if name == Topic.name or name not in channels:
        there = ", ".join(sorted(set(channels) - {Topic.name}))
        raise WrongOption(f"--to {name}: 可用的通道 · there are the channels {there}")
    if language not in ("zh", "en", "both"):
        raise WrongOption(f"--language {language}: zh, en, both")
    return Destination(_TESTER, name, channels[name].recipient(address, language))  # type: ignore[arg-type]


def _subscribed(
    subscriber: str, settings: AlertsSettings, channels: Mapping[str, Channel], store: Store
) -> list[Destination]:
    if subscriber == Topic.name:
        raise WrongOption("预警主题供别的系统读取，不发测试 · systems read the topic: no tests go there")
    made = {one.id: one for one in built_in(settings)}
    one = made.get(subscriber) or store.subscriber(subscriber)
    return Directory([one], channels).of(one.id)
