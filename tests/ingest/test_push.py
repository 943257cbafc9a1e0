"""Pushes over HTTP to a real broker: every status, and what lies on the topics afterwards."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from schemas.envelope import fingerprint, identity, partition_of
from schemas.generate import stream_schema
from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from tests.ingest.conftest import Gateway
from tests.ingest.support import event, messages, of_receipt, voucher

VOUCHERS = "minmai.consumption-voucher.v1"


def counts(response: httpx.Response) -> tuple[int, int, int, int]:
    """received, accepted, duplicate, rejected."""
    answer = response.json()
    assert answer["received"] == answer["accepted"] + answer["duplicate"] + answer["rejected"]
    assert len(answer["errors"]) == answer["rejected"]
    return answer["received"], answer["accepted"], answer["duplicate"], answer["rejected"]


def codes(response: httpx.Response) -> list[tuple[int, str, str]]:
    """index, code and field of every error, whose message is in both languages."""
    errors = response.json()["errors"]
    assert all(" · " in error["message"] for error in errors)
    return [(error["index"], error["code"], error["field"]) for error in errors]


async def test_accepted_records_lie_on_their_topic_as_checked_events(gateway: Gateway) -> None:
    response = await gateway.push([voucher(1), voucher(2, face_value="20", id="own-2")])
    assert response.status_code == 200
    assert counts(response) == (2, 2, 0, 0)
    receipt = response.json()["receipt"]
    stored = await asyncio.to_thread(messages, gateway.bootstrap, 2, wanted=of_receipt(receipt))
    stream = STREAMS["consumption-voucher"]
    for message in stored:
        checked = stream.event.model_validate(message.value)
        assert message.topic == VOUCHERS
        assert message.key == checked.subject == checked.data.voucher_id
        assert message.partition == partition_of(identity(checked.source, checked.id), 4)
        assert str(checked.fingerprint) == fingerprint(VOUCHERS, checked.subject, checked.time, checked.data)
        assert checked.source == gateway.agency
        assert checked.time == datetime(2024, 5, 1, 1, 30, tzinfo=UTC)
    by_subject = {message.key: message.value for message in stored}
    assert by_subject["v-2"]["id"] == "own-2"
    assert by_subject["v-1"]["id"] == by_subject["v-1"]["fingerprint"]
    assert {value["data"]["face_value"] for value in by_subject.values()} == {"88.10", "20.00"}


async def test_good_records_of_a_push_are_kept_and_the_others_named_and_kept_as_dead_letters(
    gateway: Gateway,
) -> None:
    pushed = [
        voucher(1),
        voucher(2, face_value="many", typo=1),
        voucher(3, division="532622999"),
        voucher(4, time="soon"),
        voucher(1),
        voucher(5, step="redeemed"),
    ]
    response = await gateway.push(pushed)
    assert response.status_code == 207
    assert counts(response) == (6, 1, 1, 4)
    assert codes(response) == [
        (1, "invalid_field", "face_value"),
        (2, "unknown_division", "division"),
        (3, "invalid_field", "time"),
        (5, "invalid_field", ""),
    ]
    receipt = response.json()["receipt"]
    stored = await asyncio.to_thread(messages, gateway.bootstrap, 5, wanted=of_receipt(receipt))
    letters = {
        int(message.value["place"].rpartition("/")[2]): message.value
        for message in stored
        if message.topic == DEAD_LETTER_TOPIC
    }
    assert letters.keys() == {1, 2, 3, 5}
    for index, letter in letters.items():
        assert json.loads(letter["raw"]) == pushed[index]
        assert letter["source"] == gateway.agency
        assert letter["stream"] == "consumption-voucher"
        assert letter["service"] == "ingest"
        assert letter["encoding"] == "utf-8"


async def test_nothing_accepted_is_400(gateway: Gateway) -> None:
    response = await gateway.push([voucher(1, face_value=-1), 7])
    assert response.status_code == 400
    assert codes(response) == [(0, "invalid_field", "face_value"), (1, "not_object", "")]


async def test_the_same_id_with_other_content_is_a_conflict(gateway: Gateway) -> None:
    response = await gateway.push(
        [voucher(1, id="a"), voucher(1, id="a", face_value=9), voucher(1, id="a", face_value="88.10")]
    )
    assert response.status_code == 207
    assert counts(response) == (3, 1, 1, 1)
    assert codes(response) == [(1, "conflict", "id")]
    receipt = response.json()["receipt"]
    stored = await asyncio.to_thread(messages, gateway.bootstrap, 2, wanted=of_receipt(receipt))
    assert sorted(message.topic for message in stored) == [VOUCHERS, DEAD_LETTER_TOPIC]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=utf-8",
        'application/CloudEvents+JSON; charset="UTF-8"',
        "application/cloudevents-batch+json; charset=UTF-8",
        "application/json",
    ],
)
async def test_cloudevents(gateway: Gateway, content_type: str) -> None:
    one = event(1, source=gateway.agency)
    content = [one, event(2, source=gateway.agency)] if "batch" in content_type else one
    response = await gateway.push(content, stream=None, content_type=content_type)
    assert response.status_code == 200, response.text
    assert response.json()["accepted"] == (2 if "batch" in content_type else 1)


async def test_cloudevents_that_are_refused(gateway: Gateway) -> None:
    good = event(1, source=gateway.agency)
    data = good["data"]
    response = await gateway.push(
        [
            good,
            good | {"id": "2", "source": "somebody-else"},
            good | {"id": "3", "type": "minmai.unheard.v1"},
            good | {"id": "4", "data": data | {"face_value": 1.234}},
            good | {"id": "5", "data": []},
            good | {"id": "6", "time": "2024-05-01T09:30:00"},
            good | {"id": "7", "subject": "another"},
            good | {"id": "8", "specversion": "0.3"},
            {name: value for name, value in good.items() if name != "id"},
            good | {"id": 9},
            good | {"id": "10", "subject": "v-1", "traceparent": "any extension"},
        ],
        stream=None,
    )
    assert response.status_code == 207
    assert counts(response) == (11, 2, 0, 9)
    assert codes(response) == [
        (1, "wrong_source", "source"),
        (2, "unknown_type", "type"),
        (3, "invalid_field", "data.face_value"),
        (4, "invalid_field", "data"),
        (5, "invalid_field", "time"),
        (6, "invalid_field", "subject"),
        (7, "invalid_field", "specversion"),
        (8, "missing_field", "id"),
        (9, "invalid_field", "id"),
    ]


async def test_ndjson_lines_stand_for_themselves(gateway: Gateway) -> None:
    lines = [json.dumps(voucher(1)), "", "{broken", json.dumps(voucher(2)), "  ", "[1]", '{"a": "\xff"}']
    body = "\r\n".join(lines).encode("latin-1")
    response = await gateway.push(body=body, content_type="application/x-ndjson; charset=utf-8")
    assert response.status_code == 207
    assert counts(response) == (5, 2, 0, 3)
    assert codes(response) == [(1, "not_json", ""), (3, "not_object", ""), (4, "not_utf8", "")]
    receipt = response.json()["receipt"]
    stored = await asyncio.to_thread(
        messages, gateway.bootstrap, 3, wanted=of_receipt(receipt), topics=[DEAD_LETTER_TOPIC]
    )
    assert {message.value["encoding"] for message in stored} == {"utf-8", "base64"}


async def test_a_body_with_a_byte_order_mark(gateway: Gateway) -> None:
    for kind in ("application/json", "application/x-ndjson"):
        body = b"\xef\xbb\xbf" + json.dumps(voucher()).encode()
        assert (await gateway.push(body=body, content_type=kind)).status_code == 200


async def test_gzip(gateway: Gateway) -> None:
    body = json.dumps([voucher(1), voucher(2)]).encode()
    packed = gzip.compress(body[:40]) + gzip.compress(body[40:])
    response = await gateway.push(body=packed, content_encoding="gzip")
    assert (response.status_code, response.json()["accepted"]) == (200, 2)


@pytest.mark.parametrize(
    "broken",
    [b"not gzip", gzip.compress(b"[]" * 500)[:-9], gzip.compress(b"[]") + b"junk"],
    ids=["another format", "cut off", "more after it"],
)
async def test_what_is_not_whole_gzip_is_400(gateway: Gateway, broken: bytes) -> None:
    response = await gateway.push(body=broken, content_encoding="gzip")
    assert (response.status_code, response.json()["code"]) == (400, "not_gzip")


async def test_a_gzip_bomb_is_413(gateway: Gateway) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 9)
    assert len(bomb) < 1_000_000
    response = await gateway.push(body=bomb, content_encoding="gzip")
    assert (response.status_code, response.json()["code"]) == (413, "gzip_bomb")


async def test_limits(gateway: Gateway) -> None:
    fits = b" " * (10_000_000 - 2) + b"[]"
    assert (await gateway.push(body=fits)).status_code == 200
    response = await gateway.push(body=b" " + fits)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    records = [voucher(number) for number in range(2_000)]
    response = await gateway.push(records)
    assert (response.status_code, response.json()["accepted"]) == (200, 2_000)
    response = await gateway.push([*records, voucher(2_000)])
    assert (response.status_code, response.json()["code"]) == (413, "too_many_records")
    lines = b"\n".join(json.dumps(one).encode() for one in [*records, voucher(2_000)])
    assert (await gateway.push(body=lines, content_type="application/x-ndjson")).status_code == 413


async def test_a_record_that_is_too_large_is_refused_alone(gateway: Gateway) -> None:
    response = await gateway.push([voucher(1), voucher(2, merchant_id="\x01" * 300_000), voucher(3)])
    assert (response.status_code, codes(response)) == (207, [(1, "too_large", "")])
    response = await gateway.push([voucher(4, merchant_id="界" * 900_000)])
    assert (response.status_code, codes(response)) == (400, [(0, "too_large", "")])
    receipt = response.json()["receipt"]
    [stored] = await asyncio.to_thread(messages, gateway.bootstrap, 1, wanted=of_receipt(receipt))
    assert "600000" in stored.value["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": "application/cloudevents+json"},
        {"content_type": "application/json; charset=gb18030"},
        {"content_encoding": "br"},
    ],
)
async def test_what_is_not_supported_is_415(gateway: Gateway, headers: dict[str, str]) -> None:
    response = await gateway.push([voucher()], **headers)
    assert response.status_code == 415
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 415


async def test_ndjson_is_not_for_events(gateway: Gateway) -> None:
    response = await gateway.push(body=b"{}", stream=None, content_type="application/x-ndjson")
    assert response.status_code == 415


async def test_without_a_right_key_it_is_401(gateway: Gateway) -> None:
    for value in ("", "Bearer", "Bearer nobody", f"Basic {gateway.key}", "Bearer \xff", gateway.key):
        response = await gateway.push([voucher()], authorization=value)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.headers["content-type"] == "application/problem+json"


async def test_an_agency_pushes_its_own_streams_and_divisions(gateway: Gateway) -> None:
    key = gateway.add_agency("town", ["consumption-voucher"], ["532622102"])
    response = await gateway.push([], stream="facility", key=key)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden_stream")
    foreign = event(1, source="town") | {"type": "minmai.facility.v1"}
    response = await gateway.push(
        [event(2, source="town", division="532622102"), foreign], stream=None, key=key
    )
    assert (response.status_code, response.json()["code"]) == (403, "forbidden_stream")
    response = await gateway.push([voucher(1), voucher(2, division="532622102")], key=key)
    assert (response.status_code, codes(response)) == (207, [(0, "forbidden_division", "division")])


async def test_times(gateway: Gateway) -> None:
    now = datetime.now(UTC)
    times = {
        (now + timedelta(minutes=59)).isoformat(): None,
        "2024-05-01 09:30": None,
        "2024-05-01T01:30:00.123456Z": None,
        (now + timedelta(minutes=61)).isoformat(): "time_out_of_range",
        "1970-12-31T23:59:59Z": "time_out_of_range",
        "1971-01-01T00:00:00Z": None,
        "0001-01-01T00:00:00+14:00": "invalid_field",
        "2024-02-30T00:00:00Z": "invalid_field",
        "1714527000": "invalid_field",
    }
    response = await gateway.push(
        [*(voucher(number, time=time) for number, time in enumerate(times)), voucher(99, time=1714527000)]
    )
    found = {index: code for index, code, _field in codes(response)}
    assert found == {
        number: code for number, code in enumerate([*times.values(), "invalid_field"]) if code is not None
    }


async def test_money_is_exact(gateway: Gateway) -> None:
    texts = [
        "0.1",
        "1e1",
        "99999999999999.99",
        "88.10000000000000001",
        "88.1000000000000000000",
        "NaN",
        "1e400",
    ]
    bodies = [json.dumps(voucher(number)).replace("88.1", text) for number, text in enumerate(texts)]
    response = await gateway.push(body="\n".join(bodies).encode(), content_type="application/x-ndjson")
    assert codes(response) == [
        (3, "invalid_field", "face_value"),
        (5, "not_json", ""),
        (6, "invalid_field", "face_value"),
    ]
    receipt = response.json()["receipt"]
    stored = await asyncio.to_thread(
        messages, gateway.bootstrap, 4, wanted=of_receipt(receipt), topics=[VOUCHERS]
    )
    money = {message.key: message.value["data"]["face_value"] for message in stored}
    assert money == {"v-0": "0.10", "v-1": "10.00", "v-2": "99999999999999.99", "v-4": "88.10"}


async def test_true_is_no_number_and_a_number_no_day(gateway: Gateway) -> None:
    games = {
        "time": "2024-05-01T09:30:00+08:00",
        "event_id": "g-1",
        "name": "篮球赛",
        "level": "county",
        "sport": "篮球",
        "division": "532622",
        "day": "2024-05-01",
        "status": "held",
    }
    response = await gateway.push(
        [games, games | {"participants": True}, games | {"day": 0}, games | {"participants": 12.5}],
        stream="fitness-event",
    )
    assert codes(response) == [
        (1, "invalid_field", "participants"),
        (2, "invalid_field", "day"),
        (3, "invalid_field", "participants"),
    ]


async def test_every_stream_takes_its_records(gateway: Gateway) -> None:
    time = "2024-05-01T09:30:00+08:00"
    home = {
        "facility_id": "f-1",
        "kind": "elder_care",
        "name": "敬老院",
        "division": "532622101001",
        "status": "open",
        "ownership": "public",
        "beds": 100,
        "nursing_beds": 55,
    }
    records = {
        "facility": home,
        "childcare-place": {"facility_id": "f-2", "total": 60, "inclusive": 40, "enrolled": 12},
        "statistic": {"division": "532622101", "measure": "resident_population", "value": 51234},
    }
    for stream, record in records.items():
        response = await gateway.push(record | {"time": time}, stream=stream)
        assert response.status_code == 200, response.text
    bad = [
        home | {"time": time, "beds": 1},
        home | {"time": time, "kind": "casino"},
        home | {"time": time, "beds": "x"},
    ]
    assert codes(await gateway.push(bad, stream="facility")) == [
        (0, "invalid_field", ""),
        (1, "invalid_field", ""),
        (2, "invalid_field", "beds"),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"[1,]", b"[1 2]", b"[] []", b'{"a":1} x', b"[" * 100_000, b"[9e99999999999999999999]"],
)
async def test_a_body_that_is_not_json_is_one_refused_record(gateway: Gateway, body: bytes) -> None:
    response = await gateway.push(body=body)
    code = "too_deep" if body.startswith(b"[[") else "not_json"
    assert (response.status_code, codes(response)) == (400, [(0, code, "")])
    receipt = response.json()["receipt"]
    [letter] = await asyncio.to_thread(messages, gateway.bootstrap, 1, wanted=of_receipt(receipt))
    assert letter.value["raw"].encode() == body


async def test_an_empty_push_is_accepted_as_such(gateway: Gateway) -> None:
    assert counts(await gateway.push([])) == (0, 0, 0, 0)
    assert (await gateway.push(body=b"\n\n", content_type="application/x-ndjson")).status_code == 200


async def test_the_same_refusal_has_the_same_letter(gateway: Gateway) -> None:
    letters = []
    for _ in range(2):
        receipt = (await gateway.push([voucher(1, face_value=-1)])).json()["receipt"]
        letters += await asyncio.to_thread(messages, gateway.bootstrap, 1, wanted=of_receipt(receipt))
    assert letters[0].key == letters[1].key == letters[0].value["id"]


async def test_what_is_not_there(gateway: Gateway) -> None:
    assert (await gateway.push([], stream="unheard")).status_code == 404
    for response in (await gateway.client.get("/nothing"), await gateway.client.get("/v1/events")):
        assert response.status_code in (404, 405)
        assert response.headers["content-type"] == "application/problem+json"


async def test_schemas_health_and_metrics(gateway: Gateway) -> None:
    for name, stream in STREAMS.items():
        response = await gateway.client.get(f"/v1/schemas/{name}")
        assert response.json() == stream_schema(stream)
    assert (await gateway.client.get("/v1/schemas/unheard")).status_code == 404
    assert (await gateway.client.get("/healthz")).status_code == 200
    await gateway.push([voucher(1), voucher(2, face_value=-1)])
    text = (await gateway.client.get("/metrics")).text
    assert f'minmai_ingest_records_total{{agency="{gateway.agency}",outcome="accepted"}} 1.0' in text
    assert f'minmai_ingest_refusals_total{{agency="{gateway.agency}",code="invalid_field"}} 1.0' in text
    assert "minmai_ingest_ready 1.0" in text
    assert "minmai_ingest_known_selective 0.0" in text, "there is no ClickHouse"
    document = (await gateway.client.get("/openapi.json")).json()
    push = document["paths"]["/v1/events"]["post"]
    assert push["security"] == [{"agency key": []}]
    assert "agency key" in document["components"]["securitySchemes"]
    assert {"200", "207", "400", "401", "403", "413", "415", "503"} <= push["responses"].keys()
