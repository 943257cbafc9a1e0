"""The courier: order, patience, and what it does when it cannot write."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.alerts import delivery
from services.alerts.channels import Destination, Language, Limits, Notice, Outcome, Recipient, notice_of
from services.alerts.delivery import Courier, Patience
from services.alerts.ledger import Attempt
from services.alerts.metrics import Metrics
from services.alerts.watch import Watch
from services.platform.errors import Unavailable
from tests.alerts.figures import PLAN, childcare
from tests.support.waiting import eventually_async

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DELIVERED = Outcome("delivered", "yes")
LATER = Outcome("retry", "not now")


class FakeChannel:
    """Asks `judge` what to answer; without one it delivers."""

    limits = Limits()
    alike = True

    def __init__(self, name: str, judge: Callable[[Notice], Outcome] = lambda _notice: DELIVERED) -> None:
        self.name = name
        self.judge = judge
        self.sent: list[str] = []
        self.closed = False

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        return Recipient(address, address, language)

    def payload(self, *_: object) -> bytes:
        return b"payload"

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        self.sent.append(notice.covers[0].state)
        return self.judge(notice)

    async def close(self) -> None:
        self.closed = True


class MemoryLedger:
    """Remembers attempts; `failures` times it is unavailable first."""

    def __init__(self) -> None:
        self.attempts: dict[str, list[Attempt]] = defaultdict(list)
        self.failures = 0
        self.inserts = 0
        self.error: Exception | None = None

    def record(self, made: Sequence[tuple[Notice, Attempt]]) -> None:
        if self.error:
            raise self.error
        if self.failures:
            self.failures -= 1
            raise Unavailable("away")
        self.inserts += 1
        for notice, attempt in made:
            self.attempts[f"{notice.channel}/{notice.covers[0].state}"].append(attempt)

    def states(self, of: str) -> list[str]:
        return [attempt.state for attempt in self.attempts[of]]


class Scene:
    def __init__(self, *channels: FakeChannel, give_up: float = 3600.0) -> None:
        self.ledger = MemoryLedger()
        self.metrics = Metrics()
        self.now = NOW
        self.channels = channels
        self.courier = Courier(
            {channel.name: channel for channel in channels},
            lambda notice: Recipient("one", "one") if notice.recipient == "one" else None,
            self.ledger,  # type: ignore[arg-type]  # the part of it that the courier uses
            patience=Patience(first=0.001, longest=0.004, give_up=give_up),
            metrics=self.metrics,
            now=lambda: self.now,
        )

    def notices(self, *places: int) -> list[Notice]:
        watch = Watch(PLAN, "")
        return [
            notice
            for version, number in enumerate(places)
            for change in watch.take(childcare(number, version), lambda: NOW)
            for channel in self.channels
            for notice in [
                notice_of(
                    [change],
                    Destination("someone", channel.name, channel.recipient("one")),
                    channel,
                    "first",
                    NOW,
                )
            ]
        ]

    async def until(self, of: str, state: str) -> None:
        async def seen() -> bool:
            return state in self.ledger.states(of)

        await eventually_async(seen, 10, f"{of} is {state}")


def test_patience_doubles_up_to_the_longest_and_heeds_the_receiver() -> None:
    patience = Patience(first=1, longest=600, give_up=86_400)
    assert [patience.wait(n, 0) for n in (1, 2, 3, 10, 11, 5_000)] == [1, 2, 4, 512, 600, 600]
    assert patience.wait(1, 30) == 30
    assert patience.wait(1, 10**9) == 600


async def test_the_end_is_never_heard_before_the_beginning() -> None:
    failures = iter([LATER] * 5)
    channel = FakeChannel("slow", lambda _notice: next(failures, DELIVERED))
    scene = Scene(channel)
    scene.courier.take(scene.notices(1_700, 2_000))
    await scene.until("slow/resolved", "delivered")
    assert channel.sent == ["firing"] * 6 + ["resolved"]
    assert scene.ledger.states("slow/firing") == ["retrying"] * 5 + ["delivered"]
    await scene.courier.stop()
    assert channel.closed


async def test_a_channel_that_fails_does_not_hold_up_another() -> None:
    broken, fine = FakeChannel("broken", lambda _notice: LATER), FakeChannel("fine")
    scene = Scene(broken, fine)
    scene.courier.take(scene.notices(1_700, 2_000))
    await scene.until("fine/resolved", "delivered")
    await scene.until("broken/firing", "retrying")
    assert scene.ledger.states("broken/resolved") == []
    await scene.courier.stop()


async def test_an_old_notice_gets_one_attempt_and_is_then_given_up() -> None:
    scene = Scene(FakeChannel("gone", lambda _notice: LATER), give_up=60)
    scene.now = NOW + timedelta(hours=1)
    scene.courier.take(scene.notices(1_700))
    await scene.until("gone/firing", "given_up")
    assert scene.ledger.states("gone/firing") == ["given_up"]
    await scene.courier.stop()


async def test_a_refusal_is_final() -> None:
    scene = Scene(FakeChannel("strict", lambda _notice: Outcome("refused", "no")))
    scene.courier.take(scene.notices(1_700))
    await scene.until("strict/firing", "refused")
    assert scene.ledger.states("strict/firing") == ["refused"]
    await scene.courier.stop()


async def test_what_the_ledger_names_again_is_not_sent_again() -> None:
    channel = FakeChannel("fine")
    scene = Scene(channel)
    notices = scene.notices(1_700)
    scene.courier.take(notices)
    await scene.until("fine/firing", "delivered")
    scene.courier.take(notices)
    await scene.courier.stop()
    assert channel.sent == ["firing"]


async def test_what_is_long_over_is_forgotten_and_what_waits_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    fine, broken = FakeChannel("fine"), FakeChannel("broken", lambda _notice: LATER)
    scene = Scene(fine, broken)
    monkeypatch.setattr(delivery, "_REMEMBERED_SECONDS", 0.0)
    over, waits = scene.notices(1_700)
    scene.courier.take([over, waits])

    async def only_what_waits_is_known() -> bool:
        scene.courier.take([waits])
        return scene.courier._taken == {waits.notice_id}

    await eventually_async(only_what_waits_is_known, 10, "what was delivered is forgotten")
    await scene.until("broken/firing", "retrying")
    await scene.courier.stop()


async def test_an_attempt_is_recorded_when_clickhouse_is_back_and_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.alerts.recorder._AGAIN_SECONDS", 0.001)
    channel = FakeChannel("fine")
    scene = Scene(channel)
    scene.ledger.failures = 3
    scene.courier.take(scene.notices(1_700))
    await scene.until("fine/firing", "delivered")
    assert channel.sent == ["firing"]
    await scene.courier.stop()


async def test_a_bug_in_a_channel_is_retried_and_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([ZeroDivisionError("bug")])

    def judge(_notice: Notice) -> Outcome:
        for error in answers:
            raise error
        return DELIVERED

    scene = Scene(FakeChannel("buggy", judge))
    scene.courier.take(scene.notices(1_700))
    await scene.until("buggy/firing", "delivered")
    assert "internal error" in scene.ledger.attempts["buggy/firing"][0].answer
    assert "channel buggy failed by itself" in caplog.text
    await scene.courier.stop()


async def test_a_notice_of_a_channel_that_is_no_longer_set_up_waits_and_says_so() -> None:
    scene = Scene(FakeChannel("old"))
    notices = scene.notices(1_700)
    later = Scene(FakeChannel("new"))
    later.courier.take(notices)
    await later.until("old/firing", "retrying")
    assert later.ledger.attempts["old/firing"][0].answer == "channel is not configured"
    await later.courier.stop()


async def test_an_unforeseen_error_ends_the_service() -> None:
    scene = Scene(FakeChannel("fine"))
    scene.ledger.error = ValueError("nobody foresaw this")
    scene.courier.take(scene.notices(1_700))
    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="nobody foresaw this"):
            await scene.courier.failure()
    await scene.courier.stop()


async def test_stopping_ends_the_attempt_under_way_and_begins_no_other() -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeChannel):
        async def send(self, notice: Notice, to: Recipient) -> Outcome:
            began.set()
            await go_on.wait()
            return await super().send(notice, to)

    channel = Slow("slow")
    scene = Scene(channel)
    scene.courier.take(scene.notices(1_700, 2_000))
    await began.wait()
    stopping = asyncio.create_task(scene.courier.stop())
    await asyncio.sleep(0)  # one turn of the loop: now it is stopping
    go_on.set()
    await stopping
    assert scene.ledger.states("slow/firing") == ["delivered"]
    assert channel.sent == ["firing"]


async def test_a_thousand_attempts_at_once_are_a_few_inserts() -> None:
    channels = [FakeChannel(f"channel-{number}") for number in range(1_000)]
    scene = Scene(*channels)
    scene.courier.take(scene.notices(1_700))
    for channel in channels:
        await scene.until(f"{channel.name}/firing", "delivered")
    await scene.courier.stop()
    assert scene.ledger.inserts < 100
