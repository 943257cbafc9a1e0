"""Refused pushes: each counted with who, what, how many and from where; bounded, and never written twice."""

import asyncio
import gzip
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from schemas.refused_push import OTHERS, RefusedPushes
from schemas.streams import REFUSED_PUSH_TOPIC
from services.aggregate.blocks import Place
from services.ingest.agencies import Agencies, add, revoke, rotate
from services.ingest.app import create_app
from services.ingest.audit import ROWS, Audit
from services.ingest.counted import all_counted
from services.ingest.faults import Problem
from services.ingest.message import Message, of_refused_pushes
from services.ingest.pipeline import Pipeline
from services.ingest.settings import IngestSettings
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.topics import ensure_topics
from tests.aggregate import support as counting
from tests.ingest.support import PLAN, messages
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse as Server
from tests.support.waiting import eventually_async

REMOTE = "192.0.2.7"
VOUCHERS = "consumption-voucher"


class Broken:
    """Takes messages like the writer, while `away` only in doubt: they may be written all the same."""

    def __init__(self) -> None:
        self.away = False
        self.written: list[RefusedPushes] = []

    async def write(self, messages: Sequence[Message]) -> None:
        self.written += [RefusedPushes.model_validate_json(one.value) for one in messages]
        if self.away:
            raise Unavailable("in doubt")

    @property
    def counted(self) -> list[RefusedPushes]:
        """As the table has them: one row by the id."""
        return list({one.id: one for one in self.written}.values())


def request(path: str = f"/v1/streams/{VOUCHERS}", remote: str = REMOTE, **headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": path,
            "client": (remote, 1),
            "headers": [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()],
        }
    )


def unknown_key() -> Problem:
    return Problem(401, "unknown_key", "错 · wrong")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "agencies.json"


async def test_a_flood_stays_bounded_and_every_push_is_counted(people: Path) -> None:
    key = add(people, "health", ["facility"], ["532622"])
    broker = Broken()
    audit = Audit(Agencies(people), broker.write)
    for number in range(10_000):
        audit.note(request(user_agent=f"agent {number}"), unknown_key())
    for number in range(10_000):
        audit.note(request(f"/v1/streams/{number}", f"198.51.100.{number % 9}"), unknown_key())
    for number in range(3 * ROWS):
        audit.note(request(remote=f"2001:db8::{number:x}"), unknown_key())
    known = request("/v1/events", authorization=f"Bearer {key}", user_agent="office", content_length="7")
    audit.note(known, Problem(429, "too_many_at_once", "忙 · busy"))
    await audit.write_out()
    assert len(broker.written) == len(broker.counted) == 2 * ROWS + 2
    assert sum(one.pushes for one in broker.counted) == 20_000 + 3 * ROWS + 1
    [wider] = [one for one in broker.counted if (one.user_agent, one.remote) == (OTHERS, REMOTE)]
    assert (wider.pushes, wider.stream, wider.method) == (10_000 - ROWS, OTHERS, "POST")
    [rest] = [one for one in broker.counted if one.remote == OTHERS]
    assert (rest.agency, rest.status, rest.code, rest.method) == ("", 401, "unknown_key", OTHERS)
    [office] = [one for one in broker.counted if one.agency]
    assert (office.agency, office.user_agent, office.pushes, office.bytes) == ("health", "office", 1, 7)
    await audit.write_out()
    assert len(broker.written) == 2 * ROWS + 2


Steps = list[int | bool | None]


@given(steps=st.lists(st.one_of(st.integers(0, 3), st.booleans(), st.none()), max_size=40))
async def test_whenever_the_broker_goes_and_comes_each_is_counted_once(steps: Steps) -> None:
    """A number: a push of that user agent; a truth: the broker goes or comes; None: a minute is over."""
    broker = Broken()
    audit = Audit(Agencies(Path("nobody")), broker.write)
    pushed: list[str] = []
    for step in [*steps, False, None]:
        if isinstance(step, bool):
            broker.away = step
        elif step is None:
            with suppress(Unavailable):
                await audit.write_out()
        else:
            pushed.append(str(step))
            audit.note(request(user_agent=str(step)), unknown_key())
    counted = dict.fromkeys(pushed, 0)
    for one in broker.counted:
        counted[one.user_agent] += one.pushes
    assert counted == {agent: pushed.count(agent) for agent in pushed}
    assert all(one.first_at <= one.last_at for one in broker.counted)


async def test_it_is_written_by_itself_and_tried_again(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.audit._EVERY_SECONDS", 0.01)
    broker = Broken()
    broker.away = True
    audit = Audit(Agencies(people), broker.write)
    writing = asyncio.create_task(audit.run())

    async def written() -> int:
        return len(broker.written)

    audit.note(request(), unknown_key())
    await eventually_async(written, 20, "it is tried again", until=lambda tries: tries > 2)
    audit.note(request(user_agent="meanwhile"), unknown_key())
    broker.away = False

    async def counted() -> list[int]:
        return [one.pushes for one in broker.counted]

    await eventually_async(counted, 20, "both are written", until=lambda pushes: pushes == [1, 1])
    tries = len(broker.written)
    audit.note(request(user_agent="later"), unknown_key())
    await eventually_async(written, 20, "the next one too", until=lambda now: now > tries)
    assert [one.user_agent for one in broker.written[tries:]] == ["later"]
    writing.cancel()
    await asyncio.wait([writing])


async def test_a_stop_without_a_broker_says_what_is_lost(
    people: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broken()
    broker.away = True
    audit = Audit(Agencies(people), broker.write)
    await audit.close()
    assert not caplog.records
    audit.note(request(), unknown_key())
    await audit.close()
    assert "1 rows of the audit of refused pushes are lost: in doubt" in caplog.text


async def test_what_is_no_push_is_not_counted_and_a_key_in_the_wrong_place_not_kept(people: Path) -> None:
    key = add(people, "health", ["facility"], ["532622"])
    broker = Broken()
    audit = Audit(Agencies(people), broker.write)
    for path in ("/v1/receipts/x", "/v1/schemas/x", "/", "/v1/events/"):
        audit.note(request(path), unknown_key())
    audit.note(request(f"/v1/streams/{key}", user_agent=f"curl {key} x"), unknown_key())
    audit.note(request(authorization=f"Basic {key}", content_length="9" * 50), unknown_key())
    audit.note(request(content_length="-1", user_agent="x" * 100_000), unknown_key())
    await audit.write_out()
    assert [(one.stream, one.user_agent[:20]) for one in broker.counted] == [
        ("minmai_…", "curl minmai_… x"),
        (VOUCHERS, ""),
        (VOUCHERS, "x" * 20),
    ]
    assert all(len(one.user_agent) <= 200 for one in broker.counted)
    assert key.removeprefix("minmai_") not in repr(broker.written)


class Refusing:
    """Ingest beside a broker and a ClickHouse, and what its aggregator has counted."""

    def __init__(self, app: Any, settings: IngestSettings, pool: ClickHouse) -> None:
        self.app = app
        self.settings = settings
        self.pool = pool
        self.place = Place(REFUSED_PUSH_TOPIC, uuid4(), 0)
        self.agent = f"test/{secrets.token_hex(4)}"
        self.health = add(settings.agencies, "health", ["facility", VOUCHERS], ["532622"])
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(REMOTE, 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://ingest")

    async def push(
        self, path: str, body: bytes = b"[]", method: str = "POST", key: str | None = None, **headers: str
    ) -> int:
        sent = {"authorization": f"Bearer {key or self.health}", "content-type": "application/json"}
        sent |= {"user-agent": self.agent} | {name.replace("_", "-"): text for name, text in headers.items()}
        response = await self.client.request(method, path, content=body, headers=sent)
        return response.status_code

    async def counted(self, number: int) -> list[dict[str, Any]]:
        """Rows of the table once the broker has `number` and they are counted, and then counted again."""
        await self.app.state.audit.write_out()
        found = await asyncio.to_thread(
            messages,
            *(self.settings.kafka, number),
            wanted=lambda value: value["user_agent"] == self.agent,
            topics=[REFUSED_PUSH_TOPIC],
        )
        stretch = [counting.Message(at, json.dumps(one.value).encode()) for at, one in enumerate(found)]
        for _ in range(2):
            await counting.Worker(self.pool).count(self.place, stretch)
        return self.pool.rows("SELECT * FROM refused_push FINAL ORDER BY last_at, id")


@pytest.fixture
async def refusing(
    broker: Broker, clickhouse: Server, migrated: str, people: Path
) -> AsyncIterator[Refusing]:
    ensure_topics(broker.bootstrap)
    settings = IngestSettings(
        kafka=broker.bootstrap,
        plan=PLAN,
        agencies=people,
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
        body_wait=0.2,
        agency_pushes_burst=2,
        agency_pushes_per_second=0.001,
    )
    app = create_app(settings)
    pool = ClickHouse(settings)
    async with app.router.lifespan_context(app):
        one = Refusing(app, settings, pool)

        async def ready() -> bool:
            return (await one.client.get("/readyz")).status_code == 200

        await eventually_async(ready, 20, "ingest is ready")
        yield one
        await one.client.aclose()
    pool.close()


def id_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:8]


async def test_every_status_has_its_row(refusing: Refusing) -> None:
    people = refusing.settings.agencies
    names = ("revoked", "rotated", "much", *"abcde")
    keys = {name: add(people, name, [VOUCHERS], ["532622"]) for name in names}
    revoke(people, "revoked")
    rotate(people, "rotated", timedelta(0))
    records = f"/v1/streams/{VOUCHERS}"

    async def drip() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.Event().wait()

    many = b"[" + b"{}," * 2_000 + b"{}]"
    bomb = gzip.compress(bytes(2_000_000))
    wanted: list[tuple[Any, ...]] = []

    async def refused(agency: str, status: int, code: str, path: str = records, **push: Any) -> None:
        key = keys.get(agency) or f"minmai_{secrets.token_urlsafe(32)}"
        assert await refusing.push(path, key=key, **push) == status
        who = (agency, id_of(key)) if agency in keys else ("", "")
        body, stream = push.get("body", b"[]"), path.rpartition("/")[2].split("?")[0]
        size = len(body) if isinstance(body, bytes) else 0
        wanted.append((*who, push.get("method", "POST"), stream, status, code, 1, size))

    keys["health"] = refusing.health
    await refused("nobody", 401, "unknown_key", body=b"[1, 2]")
    await refused("revoked", 401, "unknown_key")
    await refused("rotated", 401, "unknown_key")
    await refused("health", 403, "forbidden_stream", "/v1/streams/statistic")
    await refused("health", 404, "unknown_stream", "/v1/streams/vouchers")
    await refused("health", 405, "method_not_allowed", method="GET", body=b"")
    await refused("a", 408, "too_slow", body=drip())
    await refused("a", 413, "too_many_records", body=many)
    await refused("b", 413, "body_too_large", body=b" " * 10_000_001)
    await refused("c", 415, "unsupported_media_type", content_type="text/html")
    await refused("c", 400, "not_gzip", content_encoding="gzip")
    await refused("d", 413, "gzip_bomb", body=bomb, content_encoding="gzip")
    await refused("d", 400, "no_header", body=b"", content_type="text/csv")
    await refused("e", 422, "invalid_parameter", f"{records}?dry_run=perhaps")
    await refused("much", 400, "not_gzip", content_encoding="gzip")
    await refused("much", 400, "not_gzip", content_encoding="gzip")
    wanted[-2:] = [(*wanted[-1][:6], 2, 4)]
    await refused("much", 429, "too_many_pushes_a_second")
    rows = await refusing.counted(len(wanted))
    columns = ("agency", "key", "method", "stream", "status", "code", "pushes", "bytes")
    assert sorted(tuple(row[name] for name in columns) for row in rows) == sorted(wanted)
    assert {(row["remote"], row["user_agent"]) for row in rows} == {(REMOTE, refusing.agent)}
    assert all(row["first_at"] <= row["last_at"] for row in rows)


async def test_a_bug_of_ours_and_a_header_that_claims_another_address(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Pipeline, "events", bug)
    assert await refusing.push("/v1/events", x_forwarded_for="203.0.113.9") == 500
    [row] = await refusing.counted(1)
    assert (row["status"], row["code"], row["agency"], row["stream"], row["remote"]) == (
        *(500, "internal_error", "health", ""),
        REMOTE,
    )


async def test_a_refused_push_stays_in_the_journal_until_it_is_stored(refusing: Refusing) -> None:
    assert await refusing.push("/v1/streams/statistic") == 403
    [row] = await refusing.counted(1)
    stored, other = (of_refused_pushes(RefusedPushes(**row | {"id": id})) for id in (row["id"], uuid4()))
    assert all_counted(refusing.pool, [stored, stored])
    assert not all_counted(refusing.pool, [stored, other])
