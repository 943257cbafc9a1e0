"""The answer and the receipt: counts that add up, languages, dry runs, what became of the records."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.receipt import Receipt
from schemas.streams import DEAD_LETTER_TOPIC, RECEIPT_TOPIC, STREAMS
from services.aggregate.blocks import Place
from services.aggregate.keeper import Keeper
from services.ingest.check import Refused
from services.ingest.faults import Refusal
from services.ingest.language import asked_for, said_in
from services.ingest.letters import letter
from services.ingest.receipts import Origin, Taking
from services.ingest.records import Record
from services.ingest.settings import IngestSettings
from services.platform.clickhouse import ClickHouse
from services.platform.topics import ensure_topics
from tests.aggregate import support as counting
from tests.aggregate.test_keeper import DAY
from tests.ingest.checking import COUNTY, accepted, agency, plain, push
from tests.ingest.conftest import Gateway, running
from tests.ingest.support import PLAN, messages, of_receipt, voucher
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse as Server

VOUCHERS = STREAMS["consumption-voucher"].topic


def counts(response: httpx.Response) -> tuple[int, int, int, int]:
    body = response.json()
    return body["received"], body["accepted"], body["duplicate"], body["rejected"]


PART = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([88, 99, -1])), max_size=6)


@given(parts=st.lists(PART, min_size=1, max_size=4), known=st.sets(st.integers(0, 3)), lost=st.integers(0, 4))
def test_counts_add_up_over_parts_that_are_written_or_not(
    parts: list[list[tuple[int, int]]], known: set[int], lost: int
) -> None:
    """Part `lost` is not written and sent again: it counts once."""
    taking = Taking(agency(), Origin("feed"))
    content = {number: accepted(plain("consumption-voucher", voucher(1, id=f"{number}"))) for number in known}
    taking.know({(one.stream.name, one.identity): one.fingerprint for one in content.values()})
    index, said, wanted = 0, dict.fromkeys(known, 88), [0, 0, 0]
    for at, part in enumerate(parts):
        checked = []
        for number, value in part:
            one = plain("consumption-voucher", voucher(1, id=f"{number}", face_value=value))
            if number in known and value == 88:
                one = content[number]
            checked.append(one)
            index += 1
        if at == lost:
            taking.after(*taking.sort(checked))
        new, duplicate, refused = taking.sort(checked)
        taking.take(new, taking.after(new, duplicate, refused))
        for number, value in part:
            outcome = 2 if value < 0 else 0 if number not in said else 1 if said[number] == value else 2
            if outcome == 0:
                said[number] = value
            wanted[outcome] += 1
    answer, receipt = taking.answer(), taking.receipt(taking.counts)
    for one in (answer, receipt):
        assert [one.accepted, one.duplicate, one.rejected] == wanted
        assert one.received == one.accepted + one.duplicate + one.rejected == index
    assert Receipt.model_validate_json(receipt.model_dump_json()) == receipt
    assert len(answer.errors) == answer.rejected


def test_a_push_of_a_hundred_thousand_refusals_keeps_an_answer_of_bounded_size() -> None:
    taking = Taking(agency(), Origin("file"))
    one = plain("consumption-voucher", voucher(1, face_value=-1))
    assert isinstance(one, Refused)
    for _ in range(50):
        taking.take([], taking.after([], 0, [one] * 2_000))
    assert (taking.counts.rejected, len(taking.answer().errors)) == (100_000, 2_000)
    assert len(taking.receipt(taking.counts).faults) == 100


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", None),
        ("en", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB;q=0.4, zh ; q=0.3", "en"),
        ("fr, *;q=0.1", None),
        ("zh;q=0", None),
        (";;,=;q=q,", None),
    ],
)
def test_the_language_asked_for(header: str, language: str | None) -> None:
    assert asked_for(header) == language


def test_a_text_in_one_language() -> None:
    several = "beds：应为整数 · must be an integer；名称：没有这个字段 · there is no such field"
    assert said_in("en", several) == "beds: must be an integer; 名称: there is no such field"
    assert said_in("zh", several) == "beds：应为整数；名称：没有这个字段"
    assert said_in(None, several) == several
    assert said_in("en", "应为以下之一：a · b · must be one of these") == "must be one of these"
    assert said_in("zh", "only one") == "only one"


async def test_messages_in_the_language_asked_for(gateway: Gateway) -> None:
    bad = [voucher(1, face_value="x")]
    both = (await gateway.push(bad)).json()["errors"][0]["message"]
    assert both == "应为数字 · must be a number"
    for language, message in (("zh-CN", "应为数字"), ("en", "must be a number")):
        response = await gateway.push(bad, accept_language=language)
        assert response.json()["errors"][0]["message"] == message
        assert response.headers["content-language"] == language[:2]
    response = await gateway.push(bad, key="nobody", accept_language="en")
    assert response.json()["detail"].startswith("no key")


async def test_every_push_has_its_receipt_on_the_topic(gateway: Gateway) -> None:
    pushes = [
        await gateway.push([voucher(1), voucher(1), voucher(2, face_value=-1)], user_agent="office/1"),
        await gateway.push([]),
        await gateway.push(body=b"{"),
    ]
    for response in pushes:
        id = response.json()["receipt"]
        [stored] = await asyncio.to_thread(
            messages, gateway.bootstrap, 1, wanted=of_receipt(id), topics=[RECEIPT_TOPIC]
        )
        receipt = Receipt.model_validate(stored.value)
        assert (receipt.received, receipt.accepted, receipt.duplicate, receipt.rejected) == counts(response)
        assert (receipt.agency, receipt.stream, receipt.kind) == (
            *(gateway.agency, "consumption-voucher"),
            "http",
        )
        told = [fault.model_dump(exclude_defaults=True) for fault in receipt.faults]
        assert told == response.json()["errors"]
        assert stored.key == id
    assert [counts(response) for response in pushes] == [(3, 1, 1, 1), (0, 0, 0, 0), (1, 0, 0, 1)]


async def test_a_dry_run_says_the_same_and_writes_nothing(gateway: Gateway) -> None:
    records = [voucher(1), voucher(1), voucher(2, face_value=-1, id="dry")]
    tried = await gateway.client.post(
        "/v1/streams/consumption-voucher?dry_run=true",
        json=records,
        headers={"authorization": f"Bearer {gateway.key}"},
    )
    assert (tried.status_code, tried.json()["receipt"], tried.json()["dry_run"]) == (207, "", True)
    done = await gateway.push(records)
    assert (counts(tried), tried.json()["errors"]) == (counts(done), done.json()["errors"])
    ours = gateway.agency

    def is_ours(value: dict[str, Any]) -> bool:
        return ours in (value.get("source"), value.get("agency"))

    topics = [VOUCHERS, DEAD_LETTER_TOPIC, RECEIPT_TOPIC]
    found = await asyncio.to_thread(messages, gateway.bootstrap, 3, wanted=is_ours, topics=topics)
    assert {one.value["receipt"] for one in found} == {done.json()["receipt"]}


async def test_a_wrong_parameter_is_a_problem(gateway: Gateway) -> None:
    response = await gateway.client.post("/v1/events?dry_run=perhaps", content=b"[]")
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


@pytest.fixture
async def counted(
    broker: Broker, clickhouse: Server, migrated: str, tmp_path: Path
) -> AsyncIterator[tuple[Gateway, ClickHouse]]:
    """A gateway beside a ClickHouse."""
    ensure_topics(broker.bootstrap)
    settings = IngestSettings(
        kafka=broker.bootstrap,
        plan=PLAN,
        agencies=tmp_path / "agencies.json",
        clickhouse_port=clickhouse.port,
        clickhouse_database=migrated,
        known_wait=30,
    )
    pool = ClickHouse(settings)
    async with running(settings) as gateway:
        yield gateway, pool
    pool.close()


async def count(gateway: Gateway, pool: ClickHouse, response: httpx.Response) -> None:
    """Count the messages of a push, each topic's in a block of a new topic: as a replay would bring them."""
    worker = counting.Worker(pool)

    async def move(topic: str, values: list[dict[str, Any]]) -> None:
        where = Place(topic, uuid4(), 0)
        stretch = [counting.Message(at, json.dumps(value).encode()) for at, value in enumerate(values)]
        await worker.count(where, stretch)

    body = response.json()
    wanted = {VOUCHERS: body["accepted"], DEAD_LETTER_TOPIC: body["rejected"], RECEIPT_TOPIC: 1}
    for topic, number in wanted.items():
        if number:
            found = await asyncio.to_thread(
                messages, gateway.bootstrap, number, wanted=of_receipt(body["receipt"]), topics=[topic]
            )
            await move(topic, [one.value for one in found])
    if worker.letters:
        await move(DEAD_LETTER_TOPIC, [letter.model_dump(mode="json") for letter in worker.letters])


async def state(gateway: Gateway, id: str, key: str | None = None, query: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {key or gateway.key}"}
    return await gateway.client.get(f"/v1/receipts/{id}{query}", headers=headers)


def known(fault: dict[str, Any]) -> dict[str, Any]:
    """A fault without what only sheets have."""
    return {name: value for name, value in fault.items() if value is not None}


async def test_what_became_of_a_push(counted: tuple[Gateway, ClickHouse]) -> None:
    gateway, pool = counted
    first = await gateway.push([voucher(1, id="a"), voucher(2, id="b"), voucher(3, id="c", step="?")])
    second = await gateway.push([voucher(1, id="a"), voucher(2, id="b", face_value=1), voucher(4, id="d")])
    assert (counts(first), counts(second)) == ((3, 2, 0, 1), (3, 3, 0, 0)), "nothing is counted yet"
    ids = [response.json()["receipt"] for response in (first, second)]
    waits = (await state(gateway, ids[0])).json()
    assert waits["records"] == {"counted": 0, "duplicate": 0, "conflict": 0, "waiting": 2}
    assert (waits["final"], waits["on_the_board_at"]) == (False, None)
    assert [known(one) for one in waits["errors"]] == first.json()["errors"]

    await count(gateway, pool, first)
    await count(gateway, pool, second)
    finals = [(await state(gateway, id)).json() for id in ids]
    assert [one["records"] for one in finals] == [
        {"counted": 2, "duplicate": 0, "conflict": 0, "waiting": 0},
        {"counted": 1, "duplicate": 1, "conflict": 1, "waiting": 0},
    ]
    assert [one["final"] for one in finals] == [True, True]
    assert [one["on_the_board_at"] for one in finals] == [None, None]
    [conflict] = finals[1]["conflicts"]
    assert conflict["id"] == "b"
    assert "counted before with other content" in conflict["message"]

    keeper = Keeper(pool, COUNTY, uuid4().hex)
    keeper.begin()
    keeper.refresh(DAY)
    shown = [(await state(gateway, id)).json() for id in ids]
    assert all(one["on_the_board_at"] > one["received_at"] for one in shown)

    for response in (first, second):  # the broker lost its memory: the journal is replayed
        await count(gateway, pool, response)
    assert [(await state(gateway, id)).json()["records"] for id in ids] == [one["records"] for one in finals]


async def test_a_receipt_is_its_agencys_own_and_outlives_the_process(
    counted: tuple[Gateway, ClickHouse],
) -> None:
    gateway, pool = counted
    response = await gateway.push([voucher(1), *(voucher(n, face_value=-n) for n in range(1, 151))])
    id = response.json()["receipt"]
    other = gateway.add_agency("other", STREAMS, ["532622"])
    assert (await state(gateway, id, key=other)).status_code == 404
    assert (await state(gateway, id, key="nobody")).status_code == 401
    for unknown in ("0" * 32, "x", "' OR 1", "%00"):
        assert (await state(gateway, unknown)).status_code == 404
    assert (await state(gateway, id, query="?limit=0")).status_code == 422
    await count(gateway, pool, response)
    async with running(gateway.settings) as another:  # which has not taken the push
        seen = (await state(another, id, key=gateway.key)).json()
        assert (seen["received"], seen["accepted"], seen["rejected"]) == (151, 1, 150)
        assert len(seen["errors"]) == seen["next_offset"] == 100
        rest = (await state(another, id, key=gateway.key, query="?offset=100")).json()
        assert [known(one) for one in seen["errors"] + rest["errors"]] == response.json()["errors"]
        assert rest["next_offset"] is None


async def test_a_receipt_outlives_the_process_before_it_is_counted(
    counted: tuple[Gateway, ClickHouse],
) -> None:
    gateway, pool = counted
    content = [voucher(1, id="a"), voucher(1, id="a"), voucher(2, id="b", step="?")]
    responses = [await gateway.push(content) for _ in range(3)]
    for response in responses:
        at_once = (await state(gateway, response.json()["receipt"])).json()
        async with running(gateway.settings) as another:  # which has not taken the push
            seen = await state(another, response.json()["receipt"], key=gateway.key)
        assert (seen.status_code, seen.json()) == (200, at_once)
        assert (at_once["accepted"], at_once["duplicate"], at_once["rejected"]) == (1, 1, 1)
        assert at_once["records"] == {"counted": 0, "duplicate": 0, "conflict": 0, "waiting": 1}
        assert [known(one) for one in at_once["errors"]] == response.json()["errors"]
    assert pool.query("SELECT count() FROM receipt") == [(0,)]


async def test_without_clickhouse_a_receipt_is_503(gateway: Gateway) -> None:
    id = (await gateway.push([voucher(1)])).json()["receipt"]
    response = await state(gateway, id)
    assert response.status_code == 503
    assert response.headers["retry-after"]


def test_the_letter_of_a_sheets_record_names_its_cell() -> None:
    record = Record(7, b"[]", {}, row=12, columns={"face_value": "C"})
    for field, place in (("face_value", "push/a-receipt/7/C12"), ("", "push/a-receipt/7/12")):
        refused = Refused(record, "consumption-voucher", "", Refusal("invalid_field", "错 · wrong", field))
        assert letter(push(), refused).place == place
