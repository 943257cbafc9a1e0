"""Records are withdrawn in three ways, and each becomes the same event of stream `retraction`."""

import asyncio
import json
from typing import Any

import orjson
import pytest

from schemas.envelope import identity
from services.ingest.faults import Problem
from tests.ingest.checking import accepted, agency, cloud, plain, refused
from tests.ingest.conftest import Gateway
from tests.ingest.support import event, messages, of_receipt, voucher

TIME = "2024-05-03T10:00:00+08:00"
VOUCHERS = "consumption-voucher"
WAY: dict[str, Any] = {"op": "retract", "reason": "面值写错"}


def said(**changes: Any) -> dict[str, Any]:
    return {"stream": VOUCHERS, "record": "own-1", "reason": "面值写错"} | changes


def test_the_three_ways_make_the_same_event() -> None:
    named = {"time": TIME, **WAY, "retracts": "own-1"}
    by_stream = accepted(plain("retraction", {"time": TIME} | said()))
    by_name = accepted(plain(VOUCHERS, named))
    by_copy = accepted(plain(VOUCHERS, voucher(1, id="own-1", time=TIME) | WAY))
    content = event(1, source="commerce", time=TIME) | {"id": "r-1"}
    cloud_by_type = content | {"type": "minmai.retraction.v1", "data": said()}
    cloud_by_name = {key: value for key, value in content.items() if key != "data"} | WAY
    cloud_by_copy = content | {"id": "own-1"} | WAY
    derived = [by_stream, by_name, by_copy, accepted(cloud(cloud_by_copy))]
    own = [accepted(cloud(cloud_by_type)), accepted(cloud(cloud_by_name | {"retracts": "own-1"}))]
    for one in (*derived, *own):
        assert one.stream.name == "retraction"
        assert orjson.loads(one.data) == said()
        assert one.subject == f"{VOUCHERS}/own-1"
        assert one.fingerprint == by_stream.fingerprint
        assert one.identity == identity("commerce", one.id)
    assert {one.id for one in derived} == {by_stream.fingerprint}
    assert {one.id for one in own} == {"r-1"}


@pytest.mark.parametrize(
    "record",
    [
        voucher(1),
        voucher(1, step="redeemed", order_amount=100, merchant_id="m-1"),
        voucher(1, face_value="88.10"),
        voucher(1, time="2024-05-01T01:30:00Z"),
    ],
)
def test_without_an_id_it_is_the_one_that_follows_from_the_content(record: dict[str, Any]) -> None:
    before = accepted(plain(VOUCHERS, record))
    assert orjson.loads(accepted(plain(VOUCHERS, record | WAY)).data) == said(record=before.id)


def test_a_withdrawal_sent_again_is_the_same() -> None:
    for way in (voucher(1) | WAY, {"time": TIME, "retracts": "own-1"} | WAY):
        first, again = (accepted(plain(VOUCHERS, dict(way))) for _ in range(2))
        assert (first.identity, first.fingerprint) == (again.identity, again.fingerprint)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (voucher(1, op="delete", reason="r"), ("invalid_field", "op")),
        (voucher(1, op=None, reason="r"), ("invalid_field", "op")),
        (voucher(1, op="retract"), ("missing_field", "reason")),
        (voucher(1, op="retract", reason=""), ("invalid_field", "reason")),
        (voucher(1, op="retract", reason=7), ("invalid_field", "reason")),
        (voucher(1, op="retract", reason="长" * 501), ("invalid_field", "reason")),
        (voucher(1, reason="r"), ("unknown_field", "reason")),
        (voucher(1, retracts="own-1"), ("missing_field", "op")),
        (voucher(1, retracts="own-1") | WAY, ("unknown_field", "voucher_id")),
        (voucher(1, face_value=-1) | WAY, ("invalid_field", "face_value")),
        ({"time": TIME, "retracts": 7} | WAY, ("invalid_field", "retracts")),
        ({"time": TIME, "retracts": ""} | WAY, ("invalid_field", "retracts")),
        ({"time": TIME, "retracts": "长" * 201} | WAY, ("invalid_field", "retracts")),
        ({"time": TIME, "id": "own-1"} | WAY, ("missing_field", "voucher_id")),
        ({"retracts": "own-1"} | WAY, ("missing_field", "time")),
    ],
)
def test_what_is_refused(record: dict[str, Any], fault: tuple[str, str]) -> None:
    assert refused(plain(VOUCHERS, record)) == fault
    if "time" in record and "id" not in record:
        attributes = ("time", "op", "reason", "retracts")
        content = event(1, source="commerce") | {k: v for k, v in record.items() if k in attributes}
        content["data"] = {key: value for key, value in record.items() if key not in attributes}
        code, field = fault
        if field in ("voucher_id", "face_value"):
            field = "data" if code == "unknown_field" else f"data.{field}"
        if record.keys() & {"op", "retracts"}:  # CloudEvents admits any other attribute, `reason` too
            assert refused(cloud(content)) == (code, field)


def test_a_withdrawal_cannot_be_withdrawn() -> None:
    content = {"time": TIME} | said()
    assert refused(plain("retraction", content | WAY)) == ("invalid_field", "op")
    assert refused(plain("retraction", content | {"stream": "retraction"})) == ("invalid_field", "stream")
    content = event(1, source="commerce") | {"type": "minmai.retraction.v1", "data": said()} | WAY
    assert refused(cloud(content)) == ("invalid_field", "op")


def test_who_may_push_a_stream_may_withdraw_in_it() -> None:
    town = agency(VOUCHERS)
    content = {"time": TIME} | said()
    assert accepted(plain("retraction", content, town))
    with pytest.raises(Problem) as caught:
        plain("retraction", content | {"stream": "facility"}, town)
    assert (caught.value.status, caught.value.code) == (403, "forbidden_stream")
    only = agency("retraction")
    with pytest.raises(Problem):
        plain("retraction", content, only)


async def test_withdrawals_over_http_lie_on_their_own_topic(gateway: Gateway) -> None:
    lines = [
        voucher(1),
        voucher(1) | WAY,
        {"time": TIME, "retracts": "own-2"} | WAY,
        {"time": TIME, "retracts": "own-2"} | WAY,
        voucher(3, op="retract"),
    ]
    body = "\n".join(json.dumps(line) for line in lines).encode()
    response = await gateway.push(body=body, content_type="application/x-ndjson")
    answer = response.json()
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (3, 1, 1)
    stored = await asyncio.to_thread(
        messages,
        gateway.bootstrap,
        2,
        wanted=of_receipt(answer["receipt"]),
        topics=["minmai.retraction.v1"],
    )
    [kept] = await asyncio.to_thread(
        messages,
        gateway.bootstrap,
        1,
        wanted=of_receipt(answer["receipt"]),
        topics=["minmai.consumption-voucher.v1"],
    )
    records = {message.value["data"]["record"] for message in stored}
    assert records == {"own-2", kept.value["id"]}
    key = gateway.add_agency("town", ["facility"], ["532622"])
    response = await gateway.push([{"time": TIME} | said()], stream="retraction", key=key)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden_stream")
