"""What is written to the topics, without a broker."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.streams import STREAMS
from services.ingest.agencies import Agency
from services.ingest.check import Checked, Checker, Push
from services.ingest.message import of_event
from services.ingest.records import Record, from_json
from services.platform.plan import load_plan
from tests.ingest.support import PLAN, voucher

AGENCY = Agency(
    name="commerce",
    streams=frozenset(STREAMS),
    divisions=("532622",),
    key_sha256="0" * 64,
    created=datetime(2024, 1, 1, tzinfo=UTC),
)
PUSH = Push(AGENCY, "a-receipt", datetime(2024, 5, 2, 3, 4, 5, 678900, tzinfo=UTC))
RECEIVED = datetime(2024, 5, 3, 0, 0, 0, 1, tzinfo=UTC)

RECORDS: dict[str, dict[str, Any]] = {
    "facility": {
        "facility_id": "场地-1",
        "kind": "sports_venue",
        "name": "“县”体育场\n",
        "division": "532622101001",
        "status": "open",
        "ownership": "public",
        "sports_area": "1200.5",
    },
    "childcare-place": {"facility_id": "f-2", "total": 60, "inclusive": 40, "enrolled": 12},
    "fitness-event": {
        "event_id": "g-1",
        "name": "篮球赛",
        "level": "county",
        "sport": "篮球",
        "division": "532622",
        "day": "2024-05-01",
        "status": "held",
    },
    "consumption-voucher": voucher(step="redeemed", order_amount=Decimal("1e2"), merchant_id="m-1"),
    "statistic": {"division": "532622101", "measure": "resident_population", "value": 51234},
    "task-report": {"task": 4, "percent": 35, "status": "on_schedule"},
    "retraction": {"stream": "facility", "record": " 场地/1 ", "reason": "重复"},
}


@pytest.mark.parametrize("stream_name", STREAMS)
def test_a_message_is_the_event_as_its_contract_writes_it(stream_name: str) -> None:
    stream = STREAMS[stream_name]
    content = {"time": "2024-05-01T09:30:00.5+08:00"} | RECORDS[stream_name]
    [checked] = Checker(load_plan(PLAN)).plain(stream)(PUSH, [Record(0, b"", content)])
    assert isinstance(checked, Checked)
    message = of_event(PUSH, checked, RECEIVED)
    event = stream.event.model_validate_json(message.value)
    assert list(json.loads(event.model_dump_json()).items()) == list(json.loads(message.value).items())
    assert message.key.decode() == event.subject
    assert event.receivedtime == RECEIVED


def test_numbers_are_read_from_their_digits_and_records_keep_their_bytes() -> None:
    body = ' [ {"a": 88.10 ,"b":0.1000000000000000055511151231257827, "c": "砚"} , {"d":1e2}\n]\n'
    first, second = from_json(body.encode())
    assert first.content == {
        "a": Decimal("88.10"),
        "b": Decimal("0.1000000000000000055511151231257827"),
        "c": "砚",
    }
    assert first.raw.decode() == '{"a": 88.10 ,"b":0.1000000000000000055511151231257827, "c": "砚"}'
    assert (second.content, second.raw) == ({"d": Decimal("1E+2")}, b'{"d":1e2}')
    assert json.loads(first.raw)
