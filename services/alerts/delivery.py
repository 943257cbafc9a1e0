"""Sends notices: at once, again with growing waits, and gives up loudly.

Notices of one alert to one recipient keep their order, so nobody hears of an end before the beginning. One
address is sent one notice at a time, as fast as it allows (doors.py). Apart from that no notice waits for
another: a receiver that never answers holds up nobody else.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from services.alerts.channels import Channel, Notice, Outcome, Recipient
from services.alerts.doors import Door
from services.alerts.ledger import Attempt, Ledger, NoticeState
from services.alerts.metrics import Metrics
from services.alerts.place import filled
from services.alerts.recorder import Recorder

log = logging.getLogger(__name__)

_REMEMBERED_SECONDS = 600.0
"""How long what is over stays known: longer than a look into the ledger, begun before that, may take."""
_STOP_SECONDS = 15.0

Find = Callable[[Notice], Recipient | None]
"""Where a notice is to go; None: its subscriber is no longer reached there."""

Thread = tuple[str, str, str, UUID]
"""Subscriber, channel, recipient, alert: what keeps its order."""


@dataclass(frozen=True)
class Patience:
    """How long to wait between attempts, in seconds, and at which age to give a notice up."""

    first: float
    longest: float
    give_up: float

    def wait(self, attempts: int, asked: float) -> float:
        """Seconds to wait after `attempts` failed ones; `asked` is what the receiver wants at least."""
        doubled = self.first * 2.0 ** min(attempts - 1, 60)
        return max(min(doubled, self.longest), min(asked, self.longest))

    def over(self, notice: Notice, now: datetime) -> bool:
        """Whether a notice that has failed once more is given up."""
        return now - max(notice.created_at, notice.not_before) >= timedelta(seconds=self.give_up)


class Courier:
    """Delivers notices in the background, each recorded in the ledger after every attempt.

    Delivery goes by the machine's clock whatever the county's is: receivers live in real time.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        find: Find,
        ledger: Ledger,
        *,
        patience: Patience,
        metrics: Metrics,
        settled: Callable[[Notice, Attempt], None] = lambda _notice, _attempt: None,
        link: Callable[[str], str | None] = lambda _subscriber: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._channels = channels
        self._find = find
        self._patience = patience
        self._metrics = metrics
        self._settled = settled
        self._link = link
        self._now = now
        self._stopping = asyncio.Event()
        self._recorder = Recorder(ledger, self._stopping)
        self._taken: set[UUID] = set()  # what the ledger names again is not sent again
        self._over: deque[tuple[float, UUID]] = deque()  # of those, what is delivered or given up, and when
        self._doors: dict[tuple[str, str], Door] = {}
        self._lately: Mapping[tuple[str, str], Sequence[datetime]] = {}
        self._newest: dict[Thread, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._error: BaseException | None = None

    def take(self, notices: Iterable[Notice]) -> None:
        """Begin to deliver notices that the ledger holds; one that has been taken before is left out."""
        while self._over and self._over[0][0] < time.monotonic() - _REMEMBERED_SECONDS:
            self._taken.discard(self._over.popleft()[1])
        for notice in notices:
            if notice.notice_id in self._taken:
                continue
            self._taken.add(notice.notice_id)
            self._metrics.waiting.inc()
            threads = [
                (notice.subscriber, notice.channel, notice.recipient, one.alert_id) for one in notice.covers
            ]
            before = {self._newest[one] for one in threads if one in self._newest}
            task = asyncio.create_task(
                self._deliver(notice, before), name=f"deliver {notice.channel} {notice.notice_id}"
            )
            self._newest.update(dict.fromkeys(threads, task))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, threads, notice.notice_id))

    def remember(self, lately: Mapping[tuple[str, str], Sequence[datetime]]) -> None:
        """Count attempts of before, by channel and recipient, for the limits of addresses not yet sent to."""
        self._lately = lately

    async def failure(self) -> None:
        """Return never; raises what ended a delivery that should not have ended."""
        await self._broken.wait()
        if self._error is not None:
            raise self._error

    async def stop(self) -> None:
        """Finish the attempts under way, begin no other, close the channels; the ledger keeps what waits."""
        self._stopping.set()
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
            for task in late:
                log.warning("%s did not end within %g s and is cut off", task.get_name(), _STOP_SECONDS)
                task.cancel()
        for channel in self._channels.values():
            await channel.close()

    def _ended(self, threads: Iterable[Thread], notice: UUID, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._over.append((time.monotonic(), notice))
        for one in threads:
            if self._newest.get(one) is task:
                del self._newest[one]
        if task.cancelled():
            # Not by us, unless we are stopping: a library let a cancellation of its own escape.
            error: BaseException | None = None
            if not self._stopping.is_set():
                error = RuntimeError(f"{task.get_name()} was cancelled by something unknown")
        else:
            error = task.exception()
        if error is not None:
            self._error = error
            self._broken.set()

    async def _deliver(self, notice: Notice, before: Set[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        await self._pause((notice.not_before - self._now()).total_seconds())
        attempt = notice.attempts
        while not self._stopping.is_set():
            attempt += 1
            made = await self._attempt(notice, attempt)
            if made is None:
                return
            outcome, kept = made
            await self._recorder.record(notice, kept)
            if kept.state != "retrying":
                self._metrics.waiting.dec()
                self._settled(notice, kept)
                return
            await self._pause(self._patience.wait(attempt, outcome.wait))

    async def _attempt(self, notice: Notice, number: int) -> tuple[Outcome, Attempt] | None:
        """Try once, when the address may be sent to; None if we are stopping before that."""
        channel, to = self._channels.get(notice.channel), self._find(notice)
        if channel is None or to is None:
            missing = "channel is not configured" if channel is None else "nobody is reached there now"
            return self._judged(notice, number, Outcome("retry", missing), 0.0)
        door = self._door(channel, to)
        async with door.turn:
            # A test is somebody's who waits for it; a robot that is closed says so itself.
            while notice.why != "test" and (seconds := door.wait(self._now())) > 0:
                await self._pause(seconds)
                if self._stopping.is_set():
                    return None
            if self._stopping.is_set():
                return None
            began = time.monotonic()
            outcome = await self._try(channel, notice, to)
            seconds = time.monotonic() - began
            self._metrics.attempt_seconds.labels(notice.channel).observe(seconds)
            door.sent(self._now(), outcome.wait)
        return self._judged(notice, number, outcome, seconds)

    def _door(self, channel: Channel, to: Recipient) -> Door:
        key = (channel.name, to.address)
        if key not in self._doors:
            lately = self._lately.get((channel.name, to.shown), ())
            self._doors[key] = Door(to.address, channel.limits, lately)
        return self._doors[key]

    async def _try(self, channel: Channel, notice: Notice, to: Recipient) -> Outcome:
        try:
            payload = filled(notice.payload.decode(), self._link(notice.subscriber)).encode()
            return await channel.send(replace(notice, payload=payload), to)
        except Exception as error:
            # A bug of ours in one channel must not end the others; it is loud here and in the ledger.
            log.exception("channel %s failed by itself", notice.channel)
            return Outcome("retry", f"internal error: {type(error).__name__}")

    def _judged(
        self, notice: Notice, number: int, outcome: Outcome, seconds: float
    ) -> tuple[Outcome, Attempt]:
        at = self._now()
        state = self._state_after(notice, outcome, at)
        if state != "retrying":
            self._metrics.notices.labels(notice.channel, state).inc()
        kept = Attempt(
            number=number, state=state, answer=outcome.answer, duration_ms=round(seconds * 1000), at=at
        )
        return outcome, kept

    def _state_after(self, notice: Notice, outcome: Outcome, at: datetime) -> NoticeState:
        covers = ", ".join(f"{one.rule}/{one.division} {one.state}" for one in notice.covers[:3])
        about = f"notice {notice.notice_id} ({covers or notice.why})"
        where = f"{notice.channel} {notice.recipient}"
        self._metrics.attempts.labels(notice.channel, outcome.kind).inc()
        if outcome.kind == "delivered":
            log.info("%s delivered to %s: %s", about, where, outcome.answer)
            return "delivered"
        if outcome.kind == "refused":
            log.error("%s was refused for good by %s: %s", about, where, outcome.answer)
            return "refused"
        if self._patience.over(notice, at):
            log.error(
                "%s is given up after %g s: %s does not take it: %s",
                *(about, self._patience.give_up, where, outcome.answer),
            )
            return "given_up"
        log.warning("%s not delivered to %s yet: %s", about, where, outcome.answer)
        return "retrying"

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
