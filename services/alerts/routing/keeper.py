"""Keeps routing going: hears what is logged, looks up what people have said, and lets notices go.

The order of the writes holds everything: a change is in `alert_log` first, its notices are in the ledger
second, and are sent third. Who begins anew finds by log and ledger what is still to be
told, so a crash between any two of them neither repeats nor forgets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from schemas.alert import AlertChange
from schemas.declaration import Text
from services.alerts.channels import Channel, Notice, Recipient
from services.alerts.ledger import Ledger
from services.alerts.routing.notices import Directory, Scribe
from services.alerts.routing.past import Past
from services.alerts.routing.router import Logged, Router
from services.alerts.routing.store import Store
from services.alerts.routing.subscriber import Subscriber
from services.alerts.routing.writing import kept
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
"""How soon what people say is heard."""
_SLOTS = 4_096
"""After so many more alerts, and as many as there were, a new router leaves out those that are long over."""
EVERY = "topic"
"""The subscriber that hears of every change, whose notices say what has been routed."""

Laid = Mapping[UUID, tuple[Text, str]]


class Keeper:
    """One router, and what it lives on."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        channels: Mapping[str, Channel],
        built_in: Sequence[Subscriber],
        themes: Mapping[str, str],
        *,
        take: Callable[[Sequence[Notice]], None],
        lay: Callable[[Laid, Laid], Awaitable[None]],
        current: Callable[[AlertChange], AlertChange] = lambda change: change,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`take` is given notices that the ledger holds, some perhaps again; `lay` is told which alerts are
        silenced, and which acknowledged, each with why and by whom, whenever that has changed; `current` is
        asked, in any thread, how what a change tells of stands now.
        """
        self._clickhouse = clickhouse
        self._store = Store(clickhouse)
        self._past = Past(clickhouse)
        self._ledger = Ledger(clickhouse)
        self._channels = channels
        self._built_in = built_in
        self._themes = themes
        self._take = take
        self._lay = lay
        self._current = current
        self._now = now
        self._router = Router(themes)
        self._directory = Directory((), channels)
        self._revision: tuple[int, ...] = ()
        self._laid: tuple[Laid, Laid] | None = None
        self._heard: list[Logged] = []
        self._read: frozenset[object] = frozenset()
        self._doubt = True
        self._waiting = False
        self._roomy = _SLOTS
        self._woken = asyncio.Event()
        self.trouble = ""
        """Why nobody is told of anything now; empty while all is well."""

    def find(self, notice: Notice) -> Recipient | None:
        """Whom a notice is for; None: its subscriber is not reached there now."""
        return self._directory.find(notice)

    def hear(self, changes: Sequence[AlertChange], at: datetime) -> None:
        """These have been logged."""
        self._heard += [(change, at) for change in changes]
        self._woken.set()

    def doubt(self) -> None:
        """Something may be in the log that was not heard of: everything is read again."""
        self._doubt = True
        self._woken.set()

    async def look_up(self) -> None:
        """Know where everybody is reached, before anything is sent. Raises Unavailable."""
        if not self._revision:
            subscribers = await asyncio.to_thread(self._store.subscribers)
            self._directory = Directory([*self._built_in, *subscribers], self._channels)

    async def run(self) -> None:
        """Route until cancelled."""
        while True:
            wait = _LOOK_SECONDS
            self._woken.clear()
            try:
                wait = await self.turn()
                self.trouble = ""
            except Unavailable as error:
                self._doubt = True
                if str(error) != self.trouble:
                    log.warning("nobody is told of anything for now: %s", error)
                self.trouble = str(error)
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def turn(self) -> float:
        """Tell what is to be told now; return the seconds until it is to be looked again at the latest."""
        if self._doubt or len(self._router.episodes.slots) > self._roomy:
            await asyncio.to_thread(self._begin)
        else:
            await asyncio.to_thread(self._obey)
        if self._waiting:
            self._take(await asyncio.to_thread(self._ledger.waiting))
            self._waiting = False
        self._listen()
        now = self._now()
        laid = (self._router.silenced(now), self._router.acknowledged())
        if laid != self._laid:
            await self._lay(*laid)
            self._laid = laid
            self._listen()
        if self._doubt:  # laying has found something amiss
            return 0.0
        await self._tell(now)
        next = self._router.next
        if next is None:
            return _LOOK_SECONDS
        return min(max((next - self._now()).total_seconds(), 0.0), _LOOK_SECONDS)

    def _listen(self) -> None:
        heard, self._heard = self._heard, []
        self._router.hear(one for one in heard if _key(one[0]) not in self._read)
        self._read = frozenset()

    async def _tell(self, now: datetime) -> None:
        try:
            notices = await asyncio.to_thread(self._write, now)
        except BaseException:
            # The router counts as told what may not be kept, and nobody was given what may be.
            self._doubt = self._waiting = True
            raise
        self._take(notices)

    def _write(self, now: datetime) -> list[Notice]:
        tellings = self._router.tick(now)
        scribe = Scribe(self._directory, self._channels, self._router.episodes, now, self._current)
        batches = kept(self._clickhouse, scribe.batches(tellings))
        return [one.notice for made in batches for one in made if not one.muted]

    def _begin(self) -> None:
        """Everything anew, from the tables."""
        self._doubt, self._heard = False, []
        unrouted = self._past.unrouted(EVERY)
        logged = self._past.logged()
        router = Router(self._themes)
        router.recall(logged, self._past.told(), unrouted, self._now())
        # What is logged meanwhile may be read and heard of.
        self._read = frozenset(_key(change) for change in (*unrouted, *(change for change, _at in logged)))
        self._router, self._revision, self._laid = router, (), None
        self._roomy = 2 * len(router.episodes.slots) + _SLOTS
        self._obey()

    def _obey(self) -> None:
        """Take in what people have said since."""
        revision = self._store.revision()
        if revision == self._revision:
            return
        subscribers = [*self._built_in, *self._store.subscribers()]
        directory = Directory(subscribers, self._channels)
        for id, channel in directory.missing:
            log.warning("subscriber %s is not reached by %s: that channel is not set up", id, channel)
        self._router.obey(subscribers, self._store.silences(self._now()), self._store.acknowledgements())
        self._directory, self._revision = directory, revision


def _key(change: AlertChange) -> tuple[UUID, str, datetime]:
    return change.alert_id, change.state, change.changed_at
