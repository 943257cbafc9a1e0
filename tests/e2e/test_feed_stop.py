"""A feed's stop, from the breaker to the people: log, webhook, board; and its end."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from uuid import UUID

import httpx
import orjson
import pytest
from kafka import KafkaProducer

from schemas.streams import STREAMS, feed_topic
from services.ingest.agencies import add
from services.ingest.feeds.names import feed_topics
from services.platform import clickhouse as platform
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.alerts.receivers import HttpReceiver
from tests.cli.support import minmai
from tests.ingest.support import event
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

AGENCY = "commerce"
TOLD_SECONDS = 60


@pytest.fixture
def web() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


def test_a_stopped_feed_is_told_to_people_and_so_is_its_end(
    settings: Common, db: platform.ClickHouse, web: HttpReceiver, tmp_path: Path
) -> None:
    people = tmp_path / "agencies.json"
    add(people, AGENCY, STREAMS, ["532622"], feed=True)
    ensure_topics(settings.kafka, topics=feed_topics([AGENCY]))
    plan = copytree(YANSHAN, tmp_path / "plan")
    (plan / "feeds.yaml").write_text("[]", encoding="utf-8")  # else all agencies are silent
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        agencies=people,
        plan=plan,
        webhook_url=web.url,
    )
    services = [
        Service("ingest", env, tmp_path),
        Service("alerts", env, tmp_path, "alerts", "serve"),
        Service("board", env, tmp_path),
    ]
    board = services[-1]

    def log() -> list[tuple[UUID, str]]:
        return db.query(
            "SELECT alert_id, state FROM alert_log WHERE rule = 'feed-stopped' ORDER BY changed_at"
        )

    def on_the_board() -> list[tuple[str, str, str, str]]:
        return [
            (one["name"]["zh"], one["indicator"], one["severity"], one["state"])
            for one in httpx.get(f"{board.url}/v1/alerts", timeout=10).json()["alerts"]
        ]

    try:
        for service in services:
            service.start()
        with KafkaProducer(bootstrap_servers=settings.kafka, enable_idempotence=False) as producer:
            for number in range(200):
                value = event(number, source="somebody-else")
                producer.send(feed_topic(AGENCY), json.dumps(value).encode())
            producer.flush(20)

        eventually(
            lambda: web.states, TOLD_SECONDS, "the webhook has the stop", until=lambda n: n == ["firing"]
        )
        assert [state for _id, state in log()] == ["firing"]
        body = orjson.loads(web.requests[0][1])
        assert "上报通道停止" in body["subject"]
        assert "wrong_source" in body["text"]
        shown = ("上报通道停止", feed_topic(AGENCY), "critical")
        assert on_the_board() == [(*shown, "firing")]

        done = minmai("feed", "resume", AGENCY, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        eventually(lambda: len(web.states), TOLD_SECONDS, "the webhook has the end", until=lambda n: n == 2)
        assert web.states == ["firing", "resolved"]
        [(stopped, _), (ended, state)] = log()
        assert (stopped, state) == (ended, "resolved")
        assert on_the_board() == [(*shown, "resolved")]
    finally:
        for service in services:
            service.kill()
            print(service.tail())  # pytest shows it when the test has failed
