"""How much an agency may push, and what a push that goes beyond a limit is answered."""

import gzip
import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.ingest.agencies import add, revoke, rotate
from services.ingest.app import create_app
from services.ingest.faults import Problem, Refusal
from services.ingest.limits import Limits
from services.ingest.records import from_json, from_ndjson
from services.ingest.settings import (
    BYTES_A_RECORD,
    BYTES_A_REQUEST,
    GZIP_RATIO,
    LEVELS_A_RECORD,
    RECORDS_A_REQUEST,
    IngestSettings,
)
from tests.ingest.support import PLAN, voucher

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
VOUCHERS = "/v1/streams/consumption-voucher"


class Clock:
    """A clock that the test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def limits(clock: Clock, **settings: Any) -> Limits:
    return Limits(IngestSettings(**settings), clock)


def refused(taken: Limits, agency: str = "health") -> tuple[str, str]:
    """Code and Retry-After of a push that is refused 429."""
    with pytest.raises(Problem) as caught, taken.push(agency):
        pass
    assert caught.value.status == 429
    return caught.value.code, caught.value.headers["Retry-After"]


def push(taken: Limits, records: int = 1, agency: str = "health") -> None:
    with taken.push(agency) as count:
        count(records)


def test_pushes_a_second() -> None:
    clock = Clock()
    taken = limits(clock, agency_pushes_per_second=0.25, agency_pushes_burst=3)
    for _ in range(3):
        push(taken)
    assert refused(taken) == ("too_many_pushes_a_second", "4")
    push(taken, agency="commerce")
    clock.now += 3.9
    assert refused(taken) == ("too_many_pushes_a_second", "1")
    clock.now += 0.1
    push(taken)
    clock.now += 1_000_000
    for _ in range(3):
        push(taken)
    assert refused(taken)[1] == "4"


def test_a_push_of_more_records_than_are_left_is_taken_and_the_next_one_waits() -> None:
    clock = Clock()
    taken = limits(clock, agency_records_per_second=100, agency_records_burst=1_000)
    push(taken, 999)
    push(taken, 2_001)
    assert refused(taken) == ("too_many_records_a_second", "20")
    push(taken, 1, agency="commerce")
    clock.now += 20
    push(taken, 1)
    assert refused(taken) == ("too_many_records_a_second", "1")


def test_pushes_at_once_are_freed_however_they_end() -> None:
    taken = limits(Clock(), agency_pushes_at_once=2)
    with taken.push("health"):
        with taken.push("health"):
            assert refused(taken) == ("too_many_at_once", "1")
            push(taken, agency="commerce")
        push(taken)
        with pytest.raises(ZeroDivisionError), taken.push("health"):
            raise ZeroDivisionError
        push(taken)


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b'"]"' + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("levels", [LEVELS_A_RECORD + 1, 500, 5_000, 100_000])
def test_a_record_nested_too_deep_is_refused_alone(levels: int) -> None:
    good, deep = nested(LEVELS_A_RECORD), nested(levels)
    for records in (
        from_json(b"[" + b", ".join([good, deep, good]) + b"]"),
        from_ndjson(b"\n".join([good, deep, good])),
    ):
        assert [record.raw for record in records] == [good, deep, good]
        assert isinstance(records[0].content, dict)
        assert isinstance(records[2].content, dict)
        assert isinstance(records[1].content, Refusal)
        assert records[1].content.code == "too_deep"


@pytest.mark.parametrize("body", [b"[" * 5_000_000, b'[{"a":' + b"[" * 50_000 + b'"'])
def test_depth_without_an_end_is_one_refused_record(body: bytes) -> None:
    [record] = from_json(body)
    assert isinstance(record.content, Refusal)
    assert (record.raw, record.content.code) == (body, "too_deep")


def test_brackets_in_text_are_not_depth() -> None:
    [record] = from_json(json.dumps({"note": '[{"\\' * 5_000}).encode())
    assert isinstance(record.content, dict)


class Client:
    """A client of a gateway whose broker is away: what is refused by its limits never comes that far."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self.http = http
        self.key = key

    async def push(self, body: bytes, path: str = VOUCHERS, **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=body, headers=sent)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    settings = IngestSettings(
        kafka="127.0.0.1:1", clickhouse_port=1, plan=PLAN, agencies=tmp_path / "agencies.json"
    )
    key = add(settings.agencies, "commerce", ["consumption-voucher"], ["532622"])
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
        yield Client(http, key)


def problem(response: httpx.Response, status: int, code: str) -> None:
    """Check that a response is this problem, as RFC 9457 has it, in both languages."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    said = response.json()
    assert (said["status"], said["code"]) == (status, code)
    assert said["title"]
    assert " · " in said["detail"]


def _spaces(number: int) -> bytes:
    return b" " * number + b"[]"


@pytest.mark.parametrize(
    ("status", "code", "make"),
    [
        (401, "unknown_key", lambda: {"authorization": ""}),
        (401, "unknown_key", lambda: {"authorization": "Basic eDp5"}),
        (401, "unknown_key", lambda: {"authorization": f"Bearer minmai_{secrets.token_urlsafe(32)}"}),
        (403, "forbidden_stream", lambda: {"path": "/v1/streams/facility"}),
        (413, "body_too_large", lambda: {"body": _spaces(10_000_000)}),
        (413, "too_many_records", lambda: {"body": b"[" + b"{}," * 2_000 + b"{}]"}),
        (413, "gzip_bomb", lambda: {"body": gzip.compress(_spaces(2_000_000)), "content_encoding": "gzip"}),
        (413, "gzip_bomb", lambda: {"body": gzip.compress(b"") * 2_000, "content_encoding": "gzip"}),
        (415, "unsupported_media_type", lambda: {"content_type": "text/html"}),
        (415, "unsupported_charset", lambda: {"content_type": "application/json; charset=utf-16"}),
        (415, "unsupported_encoding", lambda: {"content_encoding": "br"}),
    ],
)
async def test_each_status(
    client: Client, status: int, code: str, make: Callable[[], dict[str, Any]]
) -> None:
    response = await client.push(**{"body": b"[]", **make()})
    problem(response, status, code)
    assert ("www-authenticate" in response.headers) == (status == 401)


async def test_what_gzip_may_do(client: Client) -> None:
    """A small body may be compressed as well as it can be, and a large one well."""
    small = gzip.compress(_spaces(900_000))
    records = [voucher(number, voucher_id=secrets.token_hex(8)) for number in range(2_000)]
    large = gzip.compress(json.dumps(records).encode(), 9)
    for body in (small, large):
        response = await client.push(body, content_encoding="gzip")
        problem(response, 503, "unavailable")  # it was read; the broker is away


async def test_a_key_that_is_revoked_is_401_at_the_next_push(tmp_path: Path) -> None:
    settings = IngestSettings(
        kafka="127.0.0.1:1", clickhouse_port=1, plan=PLAN, agencies=tmp_path / "agencies.json"
    )
    old = add(settings.agencies, "commerce", ["consumption-voucher"], ["532622"])
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
        before = Client(http, old)
        problem(await before.push(b"{}"), 503, "unavailable")
        new, _ = rotate(settings.agencies, "commerce", timedelta(hours=1))
        after = Client(http, new)
        problem(await before.push(b"{}"), 503, "unavailable")
        problem(await after.push(b"{}"), 503, "unavailable")
        revoke(settings.agencies, "commerce", sha256(old.encode()).hexdigest()[:8])
        problem(await before.push(b"{}"), 401, "unknown_key")
        problem(await after.push(b"{}"), 503, "unavailable")
        revoke(settings.agencies, "commerce")
        problem(await after.push(b"{}"), 401, "unknown_key")


async def test_429(tmp_path: Path) -> None:
    settings = IngestSettings(
        kafka="127.0.0.1:1",
        clickhouse_port=1,
        plan=PLAN,
        agencies=tmp_path / "agencies.json",
        agency_records_per_second=0.01,
        agency_records_burst=1,
    )
    keys = [add(settings.agencies, name, ["consumption-voucher"], ["532622"]) for name in ("one", "other")]
    body = json.dumps([voucher(1), voucher(2)]).encode()
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
        one, other = (Client(http, key) for key in keys)
        problem(await one.push(body), 503, "unavailable")
        response = await one.push(body)
        problem(response, 429, "too_many_records_a_second")
        assert 90 <= int(response.headers["retry-after"]) <= 100
        problem(await one.push(body, "/v1/events"), 429, "too_many_records_a_second")
        problem(await other.push(body), 503, "unavailable")


def test_the_guides_tell_the_limits_as_they_are() -> None:
    settings = IngestSettings()
    operators = (GUIDES / "operators-agencies.md").read_text(encoding="utf-8")
    for name in IngestSettings.model_fields:
        if name.startswith(("agency_", "head_", "body_")):
            assert f"| `MINMAI_{name.upper()}` | {getattr(settings, name):.0f} |" in operators
    agencies = (GUIDES / "agencies.md").read_text(encoding="utf-8")
    for told in (
        f"| {RECORDS_A_REQUEST:,} 条 |",
        f"| {BYTES_A_REQUEST // 1_000_000} MB |",
        f"| {BYTES_A_RECORD // 1_000_000} MB |",
        f"| {LEVELS_A_RECORD} 层 |",
        f"| {GZIP_RATIO} : 1 |",
        f"请求头 {settings.head_wait:.0f} 秒内到齐；请求体平均每秒至少 {settings.body_least_pace:,.0f} 字节，"
        f"停顿不超过 {settings.body_wait:.0f} 秒",
        f"每秒 {settings.agency_pushes_per_second:,.0f} 次，"
        f"空闲后可以一下子 {settings.agency_pushes_burst:,.0f} 次",
        f"每秒 {settings.agency_records_per_second:,.0f} 条，"
        f"空闲后可以一下子 {settings.agency_records_burst:,.0f} 条",
        f"| {settings.agency_pushes_at_once} 个 |",
    ):
        assert told in agencies
