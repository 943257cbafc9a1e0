"""What the services' own tests of following cannot bring about."""

import asyncio
import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer

from schemas.streams import INDICATOR_TOPIC
from services.platform import follow
from services.platform.errors import Unavailable
from services.platform.topics import TopicState, declared, describe, ensure_topics
from tests.board.county import figures
from tests.support.brokers import Broker

WAIT_SECONDS = 60.0


async def produce(broker: Broker, gap: float) -> None:
    """Write one figure again and again."""
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        while True:
            news = figures()[0]
            await producer.send_and_wait(
                INDICATOR_TOPIC, news.model_dump_json().encode(), key=news.indicator.encode()
            )
            await asyncio.sleep(gap)


async def test_a_topic_made_again_is_noticed_without_a_silence(
    fresh_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records never stop, so nothing but the topic's id tells; then everything begins anew."""
    ensure_topics(fresh_broker.bootstrap, topics=[one for one in declared() if one.name == INDICATOR_TOPIC])
    monkeypatch.setattr(follow, "_SILENCE_SECONDS", 10 * WAIT_SECONDS)
    monkeypatch.setattr(follow, "_DOUBT_SECONDS", 0.2)
    begun, taken, again = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

    def described(*args: object, **options: object) -> dict[str, TopicState]:
        found = describe(fresh_broker.bootstrap, [INDICATOR_TOPIC])
        return (
            {name: replace(state, id=uuid.UUID(int=1)) for name, state in found.items()}
            if again.is_set()
            else found
        )

    async def begin() -> None:
        begun.release()

    async def take(news: Sequence[follow.News]) -> None:
        assert all(one.id.startswith("0-") for one in news)
        taken.set()

    monkeypatch.setattr(follow, "describe", described)
    follower = follow.Follower(
        fresh_broker.bootstrap, client_id="test", begin=begin, take=take, unreadable=lambda: None
    )
    work = [asyncio.create_task(follower.run()), asyncio.create_task(produce(fresh_broker, 0.02))]
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await begun.acquire()
            await taken.wait()
            assert begun.locked(), "it began anew although the topic is the same"
            assert follower.trouble == ""
            again.set()
            await begun.acquire()
    finally:
        for task in work:
            task.cancel()
        ended = await asyncio.gather(*work, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 2


async def test_a_broker_that_is_only_busy_is_not_lost(
    fresh_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not describe its topics in time, but hands out records: nothing begins anew."""
    ensure_topics(fresh_broker.bootstrap, topics=[one for one in declared() if one.name == INDICATOR_TOPIC])
    monkeypatch.setattr(follow, "_DOUBT_SECONDS", 0.0)
    begun, lost = 0, []
    taken, refused = 0, asyncio.Semaphore(0)
    news, over = threading.Condition(), threading.Event()
    loop = asyncio.get_running_loop()

    def described(*args: object, **options: object) -> dict[str, TopicState]:
        if not begun:
            return describe(fresh_broker.bootstrap, [INDICATOR_TOPIC])
        asked = taken
        with news:
            assert news.wait_for(lambda: taken > asked + 1 or over.is_set(), WAIT_SECONDS)
        loop.call_soon_threadsafe(refused.release)
        raise Unavailable("busy")

    async def begin() -> None:
        nonlocal begun
        begun += 1

    async def take(found: Sequence[follow.News]) -> None:
        nonlocal taken
        with news:
            taken += 1
            news.notify_all()

    monkeypatch.setattr(follow, "describe", described)
    follower = follow.Follower(
        fresh_broker.bootstrap,
        client_id="test",
        begin=begin,
        take=take,
        lost=lost.append,
        unreadable=lambda: None,
    )
    work = [asyncio.create_task(follower.run()), asyncio.create_task(produce(fresh_broker, 0.02))]
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            for _ in range(6):
                await refused.acquire()
            assert (begun, lost, follower.trouble) == (1, [], "")
    finally:
        over.set()
        with news:
            news.notify_all()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
