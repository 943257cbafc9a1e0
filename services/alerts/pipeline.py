"""The alerts service's whole path.

    minmai.indicator.v1 ─► Follower ─► readings ─┐
    indicator_live ──────► (at start) ─► readings ├─► Evaluator ─► changes ─► alert_log
    sources (vouchers, childcare, feeds, …) ─────┤       ▲  ▲                    │
    alert_log ───────────► (at start) ───────────┘       │  │ laid over          │
    the county's clock ──► (durations end) ──────────────┘  │                    ▼
    alert_subscriber, _silence, _ack ─► (now and then) ─► Keeper ◄──────────── what was logged
    the wall clock ──────► (waits are over) ──────────────► │
    alert_log, _notice ──► (after any doubt) ───────────────┘──► alert_notice ─► Courier ─► channels

A rule is weighed by readings, which are of what is fully written only: a figure is in `indicator_live` before
it is on its topic. What follows is decided by `rules/machine.py`, which is pure.

Who hears of a change, when and together with what, is routing's: see `routing/`.

The order of the writes is what holds everything. A change counts once its row is in alert_log. Its notices
are in the ledger after that, each batch in one insert, and are sent after that. A crash before the row leaves
nothing: the same readings make the same change, with the same ids. A crash after it leaves a change that the
ledger knows nothing of, or notices that wait: the next start finds both. A crash between sending and
recording sends one notice again, under the same idempotency key.

After any doubt evaluator and keeper read everything from ClickHouse again, so a failed write needs no other
remedy.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI

from schemas.alert import AlertChange
from services.alerts import pages
from services.alerts.channels import Notice
from services.alerts.delivery import Courier, Patience
from services.alerts.destinations import built_in, channels_of, links_of
from services.alerts.doors import LONGEST_SECONDS
from services.alerts.entry import Laid
from services.alerts.evaluator import Evaluator
from services.alerts.inhibition import unreliable
from services.alerts.ledger import Ledger
from services.alerts.log import Log
from services.alerts.metrics import Metrics
from services.alerts.revisions import Revisions
from services.alerts.routing import api as people
from services.alerts.routing import keeper
from services.alerts.routing.keeper import Keeper
from services.alerts.routing.store import Store
from services.alerts.settings import AlertsSettings
from services.alerts.sources import Sources
from services.platform.access.access import Access, this_machine
from services.platform.access.audit import Audit
from services.platform.clickhouse import ClickHouse
from services.platform.clock import clock_for
from services.platform.errors import Unavailable
from services.platform.follow import Follower, News
from services.platform.plan import load_plan

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_REQUESTS_SECONDS = 300.0
_TICK_SECONDS = 1.0


class Alerts:
    """The parts of one alerts service, put together."""

    def __init__(self, settings: AlertsSettings) -> None:
        """Raises PlanError if the plan folder is wrong, UsersError if the file of users is; the broker and
        ClickHouse may come later.
        """
        self._settings = settings
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
            begin=self._after_doubt,
            keep=self._tell,
            unreliable=unreliable(self.plan),
        )
        self._sources = Sources(self.plan, self._clickhouse, settings.kafka)
        self.access = Access(settings, without=this_machine("viewer"), token=settings.alerts_operator_token)
        self.audit = Audit(self._clickhouse, "alerts")
        self._links = links_of(settings)
        self._channels = channels_of(settings)
        patience = Patience(
            first=settings.notice_first_retry_seconds,
            longest=settings.notice_longest_retry_seconds,
            give_up=settings.notice_give_up_seconds,
        )
        self.keeper = Keeper(
            self._clickhouse,
            self._channels,
            built_in(settings),
            {one.id: one.theme for one in self.plan.indicators.values()},
            take=self._send,
            lay=self._lay,
            current=self.evaluator.as_it_stands,
        )
        self._courier = Courier(
            self._channels,
            self.keeper.find,
            self.ledger,
            patience=patience,
            metrics=self.metrics,
            link=self._links.link,
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
            self._watch_requests(),
            self.keeper.run(),
            self._courier.failure(),
            self.audit.run(),
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
            await self.audit.finish()
            self._clickhouse.close()

    def people(self) -> APIRouter:
        """The routes of subscribers, silences and acknowledgements."""
        return people.routes(Store(self._clickhouse), self._channels, built_in(self._settings), self.plan)

    def serve_pages(self, app: FastAPI) -> None:
        """Serve subscribers' own pages, if links are signed."""
        pages.install(
            app,
            self.plan,
            self._clickhouse,
            links=self._links,
            channels=self._channels,
            current=self.evaluator.as_it_stands,
        )

    def check(self) -> None:
        """Return if figures become alerts now; raises Unavailable with the reason."""
        self.log.check()
        if trouble := self._follower.trouble or self.keeper.trouble:
            raise Unavailable(trouble)

    async def _begin(self) -> None:
        """Take in what ClickHouse knows: which notices wait, how alerts stand, what the figures are."""
        self._courier.remember(await asyncio.to_thread(self.ledger.lately, LONGEST_SECONDS))
        await self.evaluator.begin()
        self._count()

    async def _after_doubt(self) -> None:
        """Send what waits, and let the keeper find what was logged and not routed."""
        await self.keeper.look_up()
        self._courier.take(await asyncio.to_thread(self.ledger.waiting))
        self.keeper.doubt()

    def _send(self, notices: Sequence[Notice]) -> None:
        self._courier.take(notices)

    async def _lay(self, silenced: keeper.Laid, acknowledged: keeper.Laid) -> None:
        """Log what people say over alerts."""
        await self.evaluator.lay("silenced", {id: Laid(why, by) for id, (why, by) in silenced.items()})
        await self.evaluator.lay(
            "acknowledged", {id: Laid(why, by) for id, (why, by) in acknowledged.items()}
        )

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

    async def _watch_requests(self) -> None:
        """Send what somebody wants sent again, until cancelled."""
        while True:
            with contextlib.suppress(Unavailable):  # the follower says so
                self._courier.take(await asyncio.to_thread(self.ledger.asked_for, _REQUESTS_SECONDS))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _tell(self, changes: Sequence[AlertChange]) -> None:
        """Keep changes, then let the keeper tell who is to hear of them."""
        if changes:
            now = datetime.now(UTC)
            await asyncio.to_thread(self.log.write, changes, now)
            self.keeper.hear(changes, now)
        for change in changes:
            self.metrics.changes.labels(change.rule, change.state).inc()
