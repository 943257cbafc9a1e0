"""The stage of a round: all its parts, and what faults are made of."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from services.platform.clickhouse import ClickHouse
from services.platform.migrations import migrate
from services.platform.plan import load_plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.kills.books import Books
from tests.kills.crew import Crew
from tests.kills.effects import Order, Orders, When
from tests.kills.judge import Judge
from tests.kills.load import Load
from tests.kills.writer import Writer
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse as Server
from tests.support.services import YANSHAN, environment
from tests.support.waiting import eventually

TAKEN_SECONDS = 300.0
SETTLED_SECONDS = 600.0
_PARTITIONS = 2
_PAUSE_SECONDS = 0.5


@dataclass
class Stage:
    """One installation with its workers at work."""

    broker: Broker
    server: Server
    db: ClickHouse
    crew: Crew
    orders: Orders
    writer: Writer
    books: Books
    judge: Judge
    random: Random
    away_seconds: float
    """How long ClickHouse is away when it is."""
    _numbers: Iterator[int] = field(default_factory=count)

    def order(
        self,
        effect: str,
        when: When,
        *,
        nth: int = 1,
        sent: int = signal.SIGKILL,
        to: int | None = None,
        delay: float = 0.0,
        by: int | None = None,
    ) -> Order:
        """Give an order: see Order."""
        order = Order(next(self._numbers), effect, when, nth, sent, to, delay, by)
        self.orders.give(order)
        return order

    def taken(self, order: Order) -> int:
        """Wait until a worker carries an order out; return its pid."""
        what = f"a worker passes {order.when} {order.effect}"

        def look() -> int | None:
            if not (taken := self.orders.taken(order)):
                self.crew.check()
                self.writer.check()
            return taken

        return eventually(look, TAKEN_SECONDS, what) or 0

    def settle(self) -> None:
        """Stop writing, and return when everything agrees; fails with what does not."""
        self.writer.end()

        def look() -> str | None:
            self.crew.check()
            return next(self.judge.differences(), None)

        eventually(
            look,
            SETTLED_SECONDS,
            "the tables and figures agree with what was written",
            until=lambda found: found is None,
            pause=_PAUSE_SECONDS,
        )


@contextmanager
def staged(
    broker: Broker,
    server: Server,
    database: str,
    directory: Path,
    *,
    seed: int,
    session_seconds: float,
    away_seconds: float,
) -> Iterator[Stage]:
    """A stage on an empty database and a broker without topics; its workers have yet to join.

    `session_seconds`: how long a worker that is silent keeps its partitions. What the workers say is logged
    in `directory`.
    """
    settings = Common(
        kafka=broker.bootstrap,
        clickhouse_port=server.port,
        clickhouse_database=database,
        plan=YANSHAN,
    )
    migrate(settings)
    ensure_topics(settings.kafka, _PARTITIONS)
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="event",
        block_records=20,  # many blocks, so that each step is passed often, while the next one is read
        block_interval_ms=100,
        session_timeout_ms=round(session_seconds * 1000),
        rebalance_timeout_ms=20_000,  # of those who live, on a machine that is busy
    )
    plan, db, books, orders = load_plan(YANSHAN), ClickHouse(settings), Books(), directory / "orders"
    stage = Stage(
        broker=broker,
        server=server,
        db=db,
        crew=Crew(env, orders, directory),
        orders=Orders(orders),
        writer=Writer(settings.kafka, Load(plan, seed), books),
        books=books,
        judge=Judge(settings.kafka, db, plan, books),
        random=Random(seed),
        away_seconds=away_seconds,
    )
    try:
        yield stage
    finally:
        stage.writer.end()
        stage.crew.end()
        db.close()
