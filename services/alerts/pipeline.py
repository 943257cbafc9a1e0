"""The alerts service's whole path.

    minmai.indicator.v1 ─► Follower ─► readings ─┐
    indicator_live ──────► (at start) ─► readings ├─► Evaluator ─► changes ─► alert_notice, then alert_log
    sources (vouchers, childcare, feeds, …) ─────┤       ▲                          │
    alert_log ───────────► (at start) ───────────┘       │                          │
    the county's clock ──► (durations end) ──────────────┘                          ▼
    alert_notice ────────► (after any doubt: what waits) ───────────────────────► Courier ─► channels
    feed_standing ───────► (now and then) ─► changes ─► as above                    └─► alert_notice

A rule is weighed by readings, which are of what is fully written only: a figure is in `indicator_live` before
it is on its topic. What follows is decided by `rules/machine.py`, which is pure.

The order of the writes is what holds everything. A change counts once its row is in alert_log; its notices
are in the ledger before that, and sent after it. A crash before the row leaves nothing: the same readings
make the same change, with the same ids. A crash after it leaves notices waiting, which the next start sends.
A crash between sending and recording sends one notice again, under the same idempotency key.

After any doubt the evaluator reads everything from ClickHouse again, so a failed write needs no other remedy.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.alert import AlertChange
from services.alerts.channels import Destination
from services.alerts.channels.topic import Topic
from services.alerts.delivery import Courier, Patience
from services.alerts.destinations import built_in, channels_of, find_in, notices_of
from services.alerts.doors import LONGEST_SECONDS
from services.alerts.evaluator import Evaluator
from services.alerts.feeds import untold
from services.alerts.inhibition import unreliable
from services.alerts.ledger import Ledger
from services.alerts.log import Log
from services.alerts.metrics import Metrics
from services.alerts.revisions import Revisions
from services.alerts.settings import AlertsSettings
from services.alerts.sources import Sources
from services.platform.clickhouse import ClickHouse
from services.platform.clock import clock_for
from services.platform.errors import Unavailable
from services.platform.follow import Follower, News
from services.platform.plan import load_plan

log = logging.getLogger(__name__)

_FEEDS_SECONDS = 2.0
_REQUESTS_SECONDS = 300.0
_TICK_SECONDS = 1.0


class Alerts:
    """The parts of one alerts service, put together."""

    def __init__(self, settings: AlertsSettings) -> None:
        """Raises PlanError if the plan folder is wrong; the broker and ClickHouse may come later."""
        self.plan = load_plan(settings.plan)
        self.metrics = Metrics()
        self._board_url = settings.board_url.rstrip("/")
        self._clickhouse = ClickHouse(settings)
        self._clock = clock_for(settings, self._clickhouse)
        self.log = Log(self._clickhouse)
        self.ledger = Ledger(self._clickhouse)
        self.evaluator = Evaluator(
            self.plan,
            self._board_url,
            log=self.log,
            revisions=Revisions(self._clickhouse),
            clock=self._clock,
            begin=self._send_what_waits,
            keep=self._tell,
            unreliable=unreliable(self.plan),
        )
        self._sources = Sources(self.plan, self._clickhouse, settings.kafka)
        self._channels = channels_of(settings)
        patience = Patience(
            first=settings.notice_first_retry_seconds,
            longest=settings.notice_longest_retry_seconds,
            give_up=settings.notice_give_up_seconds,
        )
        self._destinations = built_in(settings, self._channels)
        self._courier = Courier(
            self._channels,
            find_in(self._destinations),
            self.ledger,
            patience=patience,
            metrics=self.metrics,
        )
        self._follower = Follower(
            settings.kafka,
            client_id="minmai-alerts",
            begin=self._begin,
            take=self._hear,
            unreadable=self.metrics.unreadable.inc,
        )
        self.metrics.connected.set_function(lambda: float(not self._follower.trouble))

    async def run(self) -> None:
        """Do the work until cancelled; any other end is an error that nobody foresaw."""
        parts = (
            self._follower.run(),
            self._go_on(),
            self._watch_feeds(),
            self._watch_requests(),
            self._courier.failure(),
        )
        work = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.gather(*work)
        except Exception:
            log.exception("the alerts service ends by an error that nobody foresaw")
            raise
        finally:
            for task in work:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*work, return_exceptions=True)
            await self._courier.stop()
            self._clickhouse.close()

    def check(self) -> None:
        """Return if figures become alerts now; raises Unavailable with the reason."""
        self.log.check()
        if self._follower.trouble:
            raise Unavailable(self._follower.trouble)

    async def _begin(self) -> None:
        """Take in what ClickHouse knows: which notices wait, how alerts stand, what the figures are."""
        self._courier.remember(await asyncio.to_thread(self.ledger.lately, LONGEST_SECONDS))
        await self.evaluator.begin()
        self._count()

    async def _send_what_waits(self) -> None:
        self._courier.take(await asyncio.to_thread(self.ledger.waiting))

    async def _hear(self, news: Sequence[News]) -> None:
        """Evaluate changed figures, keep the changes with their notices, then let the notices go."""
        self.metrics.figures.inc(len(news))
        await self.evaluator.figures([one.figure for one in news])
        self._count()

    async def _go_on(self) -> None:
        """Ask the sources whose time has come and let durations end, until cancelled."""
        trouble = ""
        while True:
            try:
                await self.evaluator.measure(self._sources)
                await self.evaluator.tick()
                self._count()
                trouble = ""
            except Unavailable as error:
                if str(error) != trouble:
                    log.warning("rules are not evaluated for now: %s", error)
                trouble = str(error)
            await asyncio.sleep(_TICK_SECONDS)

    def _count(self) -> None:
        self.metrics.firing.set(self.evaluator.watch.firing)

    async def _watch_feeds(self) -> None:
        """Tell of feeds that ingest has stopped, and of their ends, until cancelled."""
        trouble = ""
        while True:
            try:
                if trouble:  # a change may have been logged all the same
                    await self._send_what_waits()
                await self._tell(await asyncio.to_thread(self._feed_changes))
                trouble = ""
            except Unavailable as error:
                if str(error) != trouble:
                    log.warning("stopped feeds are not looked for: %s", error)
                trouble = str(error)
            await asyncio.sleep(_FEEDS_SECONDS)

    async def _watch_requests(self) -> None:
        """Send what somebody wants sent again, until cancelled."""
        while True:
            with contextlib.suppress(Unavailable):  # the follower says so
                self._courier.take(await asyncio.to_thread(self.ledger.asked_for, _REQUESTS_SECONDS))
            await asyncio.sleep(_FEEDS_SECONDS)

    def _feed_changes(self) -> list[AlertChange]:
        stops = self.log.feed_stops()
        told = self.log.feeds_told() if stops else []
        return untold(stops, told, self.plan, f"{self._board_url}/", self._clock.now)

    def _hearing(self, change: AlertChange) -> list[Destination]:
        """The topic hears every change, people of beginnings, ends and corrections."""
        began = change.state == "firing" and change.before in ("ok", "pending", "resolved")
        ended = change.state == "resolved"
        return [
            one
            for one in self._destinations
            if began or ended or change.correction or one.channel == Topic.name
        ]

    async def _tell(self, changes: Sequence[AlertChange]) -> None:
        """Keep changes with their notices, then let the notices go."""
        if changes:
            now = datetime.now(UTC)
            notices = [
                notice
                for change in changes
                for notice in notices_of(change, self._hearing(change), self._channels, now)
            ]
            await asyncio.to_thread(self.ledger.write, notices)
            await asyncio.to_thread(self.log.write, changes)
            self._courier.take(notices)
        for change in changes:
            self.metrics.changes.labels(change.rule, change.state).inc()
