"""The board's whole path.

    minmai.indicator.v1 ─► Follower ─► Hub ─► every open page: GET /v1/stream ───────────┐
    ClickHouse tables ─┬─► tables/ ─► api/: GET /v1/indicators, /tasks, /vouchers, … ────┼─► the page
                       └─► panels/ ─► api/: GET /v1/dashboards, each panel's answer ─────┘

The page opens the stream first and reads the tables then. A figure is in its table before it is on the topic,
so between the two nothing is missed; what comes twice is told by its version. After any doubt (a new
connection, a broker that was away) the page reads the tables again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.alerts.routing.store import Store
from services.board.hub import Hub
from services.board.metrics import Metrics
from services.board.panels.asking import Panels
from services.board.settings import BoardSettings
from services.board.shared import Shared
from services.board.tables.breakdown import Breakdown
from services.board.tables.definitions import Definitions
from services.board.tables.disclosure import Disclosure
from services.board.tables.facilities import Facilities
from services.board.tables.figures import Figures
from services.board.tables.local_feeds import LocalFeeds
from services.board.tables.office import Office
from services.board.tables.others import Others
from services.board.tables.quality import Qualities
from services.board.tables.records import Contributors
from services.board.tables.tasks import Tasks
from services.board.tables.vouchers import Vouchers
from services.platform.access.access import Access, this_machine
from services.platform.access.audit import Audit
from services.platform.clickhouse import ClickHouse
from services.platform.clock import clock_for
from services.platform.errors import Unavailable
from services.platform.follow import Follower, News
from services.platform.plan import load_plan

SHARE_SECONDS = 1.0
AT_ONCE = 4
"""Answers about now that are made at the same time."""

log = logging.getLogger(__name__)


class Board:
    """The parts of one board, put together."""

    def __init__(self, settings: BoardSettings, *, share_seconds: float = SHARE_SECONDS) -> None:
        """`share_seconds`: for how long an answer about now is good for whoever asks the same.

        Raises PlanError if the plan folder is wrong, UsersError if the file of users is; the broker and
        ClickHouse may come later.
        """
        self.synthetic = settings.synthetic
        self.plan = load_plan(settings.plan)
        self.hub = Hub()
        self.metrics = Metrics(self.hub)
        self._clickhouse = ClickHouse(settings, fresh=False)
        self.access = Access(settings, without=this_machine("admin"))
        self.audit = Audit(self._clickhouse, "board")
        self.clock = clock_for(settings, self._clickhouse)
        self.definitions = Definitions(self._clickhouse, self.plan)
        self.figures = Figures(self._clickhouse, self.plan)
        self.contributors = Contributors(self._clickhouse, self.plan)
        self.breakdown = Breakdown(self._clickhouse, self.contributors)
        self.tasks = Tasks(self._clickhouse, self.plan)
        self.vouchers = Vouchers(self._clickhouse, self.plan.county.time_zone)
        self.facilities = Facilities(self._clickhouse, self.plan)
        self.local_feeds = LocalFeeds(self._clickhouse)
        self.others = Others(self._clickhouse)
        self.disclosure = Disclosure(self._clickhouse, self.contributors, self.plan)
        self.qualities = Qualities(self._clickhouse, self.others, self.plan)
        self.shared = Shared(seconds=share_seconds, threads=AT_ONCE)
        # Clients of their own: their limits hold from one statement to the next and are not set each time.
        self._limited = ClickHouse(settings, fresh=False)
        self.panels = Panels(self._limited, self.plan, self.clock, self.metrics, share_seconds=share_seconds)
        self.orders = Store(self._clickhouse)
        self.office = Office(self._clickhouse)
        self.agencies = settings.agencies
        self._follower = Follower(
            settings.kafka,
            client_id="minmai-board",
            begin=self._begin,
            take=self._pass_on,
            lost=lambda reason: self.hub.lost(f"消息总线中断，数字暂停更新 · {reason}"),
            unreadable=self.metrics.unreadable.inc,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the topic for as long as this lasts."""
        telling = asyncio.create_task(self.hub.run(), name="tell")
        following = asyncio.create_task(self._follower.run(), name="follow")
        auditing = asyncio.create_task(self.audit.run(), name="audit")
        for task in (telling, following):
            task.add_done_callback(self._ended)
        tasks = (telling, following, auditing)
        try:
            yield
        finally:
            self.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.audit.finish()
            self.panels.close()
            self.shared.close()
            self._limited.close()
            self._clickhouse.close()

    async def _begin(self) -> None:
        self._outdate()
        self.hub.connected()

    async def _pass_on(self, news: Sequence[News]) -> None:
        # First: a page asks as soon as it hears.
        self._outdate()
        for one in news:
            self.hub.figure(one.figure, one.id)

    def _outdate(self) -> None:
        self.panels.outdate()
        self.shared.outdate()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Following and telling end only when the board does; anything else is our mistake, and must show."""
        if task.cancelled():
            return
        log.critical("a task of the board has ended: %s", task.get_name(), exc_info=task.exception())
        self.hub.lost("程序错误，数字不再更新，请查看日志 · a bug has ended the updates, see the log")

    def check(self) -> None:
        """Return if the board can do its work; raises Unavailable with the reason."""
        self.others.check()
        if not self.hub.source.connected:
            raise Unavailable(self.hub.source.reason)
