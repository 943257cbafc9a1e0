"""Who pushed what, from the command line: through a broker that goes and comes, and killed aggregators."""

import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from services.ingest.agencies import add, revoke
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.cli.support import minmai
from tests.ingest.support import voucher
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment
from tests.support.waiting import eventually

SECONDS = 60
STREAM = "consumption-voucher"


class County:
    """Ingest and aggregator as processes, and an agency that pushes."""

    def __init__(self, broker: Broker, clickhouse: ClickHouse, database: str, folder: Path) -> None:
        settings = Common(
            kafka=broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=database
        )
        migrate(settings)
        ensure_topics(broker.bootstrap)
        self.pool = Pool(settings)
        self.people = folder / "agencies.json"
        self.key = add(self.people, "commerce", [STREAM], ["532622"])
        self.env = environment(
            kafka=broker.bootstrap,
            clickhouse_port=clickhouse.port,
            database=database,
            agencies=self.people,
            session_timeout_ms=2_000,
            journal=folder / "journal",
            write_timeout=2,
        )
        self.ingest, self.aggregate = (Service(name, self.env, folder) for name in ("ingest", "aggregate"))

    def push(
        self, *numbers: int, key: str | None = None, agent: str = "office/1", stream: str = STREAM
    ) -> int:
        sent = {
            "authorization": f"Bearer {key or self.key}".encode(),
            "user-agent": agent.encode("latin-1"),
            "x-forwarded-for": b"203.0.113.9",
        }
        return httpx.post(
            f"{self.ingest.url}/v1/streams/{stream}",
            json=[voucher(number, id=str(number)) for number in numbers],
            headers=sent,
            timeout=30,
        ).status_code

    def counted(self) -> int:
        """Refused pushes, as the table has them."""
        [(number,)] = self.pool.query("SELECT sum(pushes) FROM refused_push FINAL")
        return int(number)

    def told(self, *words: object) -> list[str]:
        done = minmai("agency", "audit", *words, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def county(fresh_broker: Broker, clickhouse: ClickHouse, database: str, tmp_path: Path) -> Iterator[County]:
    one = County(fresh_broker, clickhouse, database, tmp_path)
    yield one
    one.ingest.kill()
    one.aggregate.kill()
    one.pool.close()


def test_the_audit_of_all_pushes(county: County, fresh_broker: Broker) -> None:
    assert county.told() == ["没有上报 · no pushes"]
    revoked = add(county.people, "health", [STREAM], ["532622"])
    revoke(county.people, "health")
    county.ingest.start()
    assert [county.push(1, 2) for _ in range(2)] == [200, 200]
    assert [county.push(1, key=revoked) for _ in range(3)] == [401] * 3
    assert county.push(1, key="nobody", agent="evil\x9b2J") == 401
    assert county.push(1, stream="facility") == 403
    with socket.create_connection(("127.0.0.1", county.ingest.port)) as client:
        head = f"Authorization: Bearer {county.key}\r\nContent-Type: application/json\r\nContent-Length: 9"
        client.sendall(f"POST /v1/events HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n[".encode())
    fresh_broker.kill()
    assert [county.push(number) for number in range(5)] == [503] * 5
    fresh_broker.start()
    ensure_topics(fresh_broker.bootstrap)
    county.ingest.wait_ready()
    assert county.push(3) == 200
    county.ingest.stop()  # which writes what it has counted
    for _ in range(2):
        county.aggregate.start(ready=False)
        eventually(county.counted, SECONDS, "the refused pushes are counted", until=lambda seen: seen == 11)
        county.aggregate.kill()
    county.ingest.start()
    assert county.push(1, stream="nothing") == 404
    county.ingest.stop()
    county.aggregate.start()
    eventually(county.counted, SECONDS, "the next ones too", until=lambda seen: seen == 12)
    eventually(
        lambda: county.pool.query("SELECT uniqExact(receipt) FROM receipt"),
        SECONDS,
        "the receipts are stored",
        until=lambda seen: seen == [(3,)],
    )
    assert county.counted() == 12

    id, gone = (sha256(key.encode()).hexdigest()[:8] for key in (county.key, revoked))
    head, *lines = county.told()
    assert "user agent" in head
    times = [line[:19] for line in lines]
    assert times == sorted(times, reverse=True)
    found = {
        (who.strip(), stream.strip(), kind.strip(), became.strip(), number.strip(), origin.strip(), agent)
        for line in lines
        for who, stream, kind, became, number, origin, agent in [cells(line)]
    }
    assert found == {
        ("commerce", STREAM, "http", "2=2+0+0", "1", "127.0.0.1", "office/1"),
        ("commerce", STREAM, "http", "1=1+0+0", "1", "127.0.0.1", "office/1"),
        (f"commerce ({id})", STREAM, "POST", "503 unavailable", "5", "127.0.0.1", "office/1"),
        (f"commerce ({id})", "facility", "POST", "403 forbidden_stream", "1", "127.0.0.1", "office/1"),
        (f"commerce ({id})", "nothing", "POST", "404 unknown_stream", "1", "127.0.0.1", "office/1"),
        (f"commerce ({id})", "-", "POST", "400 disconnected", "1", "127.0.0.1", ""),
        (f"health ({gone})", STREAM, "POST", "401 unknown_key", "3", "127.0.0.1", "office/1"),
        ("?", STREAM, "POST", "401 unknown_key", "1", "127.0.0.1", "evil�2J"),
    }
    assert len(lines) == 9  # two pushes of two records
    assert len(county.told("--refused")) == 1 + 6
    assert [line.count("health") for line in county.told("health")] == [0, 1]
    assert county.told("--since", "2999-01-01") == ["没有上报 · no pushes"]
    assert len(county.told("--since", "2024-01-01 08:00")) == 1 + 9
    assert "--limit 20 shows more" in county.told("--limit", 2)[-1]
    logs = county.ingest.log.read_text() + county.aggregate.log.read_text()
    for key in (county.key, revoked):
        assert key.removeprefix("minmai_") not in logs + "".join(lines)


def cells(line: str) -> list[str]:
    """The columns of a line after the time."""
    at = [20, 51, 72, 82, 115, 127, 143]
    return [line[begin:end] for begin, end in zip(at, [*at[1:], None], strict=True)]
