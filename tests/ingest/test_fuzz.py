"""Bodies nobody would think of: never a 5xx from a healthy gateway, and every record is accounted for.

MINMAI_TEST_FUZZ=30 tries so many times as many of them: some minutes.
"""

import csv
import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.ingest.support import Service, event, voucher
from tests.support.brokers import Broker

pytestmark = pytest.mark.long

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TIMES = int(os.environ.get("MINMAI_TEST_FUZZ", "1"))
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"])


@pytest.fixture(scope="module")
def client(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    ensure_topics(broker.bootstrap)
    folder = tmp_path_factory.mktemp("ingest")
    key = add(folder / "agencies.json", "commerce", STREAMS, ["532622"])
    service = Service(broker.bootstrap, folder)
    service.start()
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as client:
        yield client
    assert service.stop() == 0


text = st.text(st.characters(exclude_categories=[]), max_size=20)
number = st.integers() | st.floats() | st.sampled_from([10**400, 2**63, -1, 0, 1e308])
scalar = st.none() | st.booleans() | number | text
anything = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=10,
)
moment = st.datetimes().map(lambda one: one.isoformat()) | st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-05-01T24:00:00Z", "20240501", "2024-W01"]
)


@st.composite
def nearly(draw: st.DrawFn, right: dict[str, Any]) -> dict[str, Any]:
    """A right record with some fields replaced, missing or new."""
    record = dict(right)
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=3)):
        if draw(st.booleans()):
            record[name] = draw(anything | moment)
        else:
            record.pop(name, None)
    return record | draw(
        st.dictionaries(text | st.sampled_from(["id", "subject", "retracts"]), anything, max_size=1)
    )


WAY = {"op": "retract", "reason": "重复"}
plain = nearly(voucher()) | nearly(voucher() | WAY)
cloud = nearly(event(source="commerce")) | nearly(event(source="commerce") | WAY)
record = plain | cloud | anything
texts = (record | st.lists(record, max_size=5)).map(lambda value: json.dumps(value, ensure_ascii=False))
json_bytes = texts.map(lambda body: body.encode("utf-8", "surrogatepass")) | (
    record | st.lists(record, max_size=5)
).map(lambda value: json.dumps(value).encode())
ndjson = st.lists(json_bytes | st.binary(max_size=30), max_size=5).map(b"\n".join)


FIELDS = list(voucher())
cell = text | moment | st.sampled_from(["", "５０", "1,000", "QH", "=1+1", '"', "\r\n", "\x00"])
tables = st.lists(st.lists(cell, max_size=9), max_size=5).map(lambda rows: csv_of([FIELDS, *rows]))
csv_bytes = st.builds(
    lambda given, encoding: given.encode(encoding, "replace"), tables, ENCODINGS
) | tables.map(lambda given: given.encode("utf-8", "surrogatepass"))


def csv_of(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def book_of(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


RIGHT_BOOK = book_of([FIELDS, list(voucher().values())])


@st.composite
def mangled_books(draw: st.DrawFn) -> bytes:
    """A workbook with some bytes of it, or of one of its packed parts, replaced."""
    if draw(st.booleans()):
        body = bytearray(RIGHT_BOOK)
        _mangle(draw, body)
        return bytes(body)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(RIGHT_BOOK)) as book, zipfile.ZipFile(out, "w") as spoiled:
        names = book.namelist()
        spoil, drop = draw(st.sampled_from(names)), draw(st.none() | st.sampled_from(names))
        for name in names:
            part = bytearray(book.read(name))
            if name == spoil:
                _mangle(draw, part)
            if name != drop:
                spoiled.writestr(name, bytes(part))
    return out.getvalue()


def _mangle(draw: st.DrawFn, body: bytearray) -> None:
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(json_bytes | ndjson | csv_bytes))
    _mangle(draw, body)
    return bytes(body)


@settings(max_examples=150 * TIMES, suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.sampled_from(["/v1/events", *(f"/v1/streams/{name}" for name in STREAMS)])
    | st.just("/v1/streams/consumption-voucher"),
    kind=st.sampled_from(
        [
            "application/json",
            "application/x-ndjson",
            "application/cloudevents+json",
            "application/cloudevents-batch+json; charset=utf-8",
            "text/csv",
            XLSX,
        ]
    ),
    body=json_bytes | ndjson | mangled() | csv_bytes | mangled_books() | st.binary(max_size=200),
    packed=st.sampled_from(["no", "gzip", "a lie"]),
)
def test_no_body_breaks_the_gateway(
    client: httpx.Client, path: str, kind: str, body: bytes, packed: str
) -> None:
    headers = {"content-type": kind}
    if packed != "no":
        headers["content-encoding"] = "gzip"
    response = client.post(path, headers=headers, content=gzip.compress(body) if packed == "gzip" else body)
    assert response.status_code < 500, response.text
    answer = response.json()
    if response.headers["content-type"] == "application/json":
        assert answer["received"] == answer["accepted"] + answer["duplicate"] + answer["rejected"]
        assert [error["index"] for error in answer["errors"]] == sorted(
            {error["index"] for error in answer["errors"]}
        )
        assert len(answer["errors"]) == answer["rejected"]
        assert response.status_code == (
            200 if not answer["rejected"] else 400 if answer["rejected"] == answer["received"] else 207
        )
    else:
        assert response.headers["content-type"] == "application/problem+json"
        assert answer["status"] == response.status_code


@settings(max_examples=60 * TIMES)
@given(mixed=st.lists(st.integers(0, 5) | plain, max_size=12), is_array=st.booleans())
def test_a_good_record_is_never_lost_among_bad_ones(
    client: httpx.Client, mixed: list[Any], is_array: bool
) -> None:
    """Numbers stand for good records with that id, all of the same content."""
    if is_array:  # what is no JSON at all (NaN) spoils the whole array, and as NDJSON its own line only
        mixed = [one for one in mixed if is_json(one)]
    pushed = [
        voucher(one, id=str(one)) if isinstance(one, int) else one | {"time": "no time"} for one in mixed
    ]
    good = [one for one in mixed if isinstance(one, int)]
    body = json.dumps(pushed) if is_array else "\n".join(map(json.dumps, pushed))
    headers = {"content-type": "application/json" if is_array else "application/x-ndjson"}
    answer = client.post("/v1/streams/consumption-voucher", content=body, headers=headers).json()
    assert answer["accepted"] == len(set(good))
    assert answer["duplicate"] == len(good) - len(set(good))
    assert answer["rejected"] == len(mixed) - len(good)


def is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@settings(max_examples=40 * TIMES)
@given(
    mixed=st.lists(st.integers(0, 5) | st.sampled_from(["五十", "-1", "1e", "="]), min_size=1, max_size=12),
    encoding=ENCODINGS | st.just(XLSX),
)
def test_a_good_row_is_never_lost_among_bad_ones(
    client: httpx.Client, mixed: list[Any], encoding: str
) -> None:
    """Numbers stand for good rows with that id, all of the same content; texts for a wrong face value."""
    rows: list[list[Any]] = [["id", *FIELDS]]
    for one in mixed:
        record = voucher(one) if isinstance(one, int) else voucher(face_value=one)
        rows.append([f"row-{one}", *record.values()])
    body = book_of(rows) if encoding == XLSX else csv_of(rows).encode(encoding)
    kind = XLSX if encoding == XLSX else "text/csv"
    answer = client.post(
        "/v1/streams/consumption-voucher", content=body, headers={"content-type": kind}
    ).json()
    good = [one for one in mixed if isinstance(one, int)]
    assert answer["accepted"] == len(set(good)), answer
    assert answer["duplicate"] == len(good) - len(set(good))
    assert answer["rejected"] == len(mixed) - len(good)
