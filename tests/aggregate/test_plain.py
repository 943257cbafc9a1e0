"""The shortcut and the contract agree: what is plainly an event is one, and says the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.streams import STREAMS
from services.aggregate.plain import plain
from services.aggregate.records import decode
from tests.aggregate.support import event, messages, place

NOON = datetime(2024, 5, 1, 4, tzinfo=UTC)
VOUCHER = {
    "voucher_id": "V1",
    "campaign": "qihua",
    "step": "issued",
    "face_value": "20.00",
    "sector": "retail",
    "division": "532622101",
}
SPENT = VOUCHER | {
    "step": "redeemed",
    "order_amount": "99.90",
    "redeemed_value": "20.00",
    "merchant_id": "M1",
}
RECORDS: dict[str, list[dict[str, Any]]] = {
    "consumption-voucher": [VOUCHER, SPENT],
    "childcare-place": [{"facility_id": "F1", "total": 60, "inclusive": 40, "enrolled": 55}],
    "fitness-event": [
        {
            "event_id": "E1",
            "name": "广场舞大赛",
            "level": "county",
            "sport": "广场舞",
            "division": "532622",
            "day": "2024-05-01",
            "status": "held",
            "participants": 300,
        }
    ],
    "task-report": [{"task": 7, "percent": 40, "status": "delayed", "note": "等待资金"}],
    "retraction": [{"stream": "facility", "record": "r 1", "reason": "重复上报"}],
}
PLAIN = [(stream, data) for stream, records in RECORDS.items() for data in records]

STRANGE = {
    "blank": ["", " ", "a ", "\u3000a", "a\n", "a/b", "\0", "\u001c", "532622101\n", "x" * 301],
    "digits": ["１２", "٣", "１２３４５６７８９", "1714521600"],
    "amounts": ["20", "20.0", "20.000", "-0.00", "+1.00", "1e2", "00.10", "99999999999999999.00", "20.00 "],
    "days": ["2024-02-30", "2024-W01-1", "20240501", "0000-01-01", "1960-01-01", "2024-05-01"],
    "zones": ["2024-05-01T00:00:00Z", "2024-05-01T00:00:00+08:00", "2024-05-01 00:00:00Z"],
    "fractions": ["2024-05-01T00:00:00.5Z", "2024-05-01T00:00:00.1234567Z", "2024-05-01T00:00Z"],
    "moments": [
        "2024-13-01T00:00:00Z",
        "2024-05-01T00:00:60Z",
        "0000-05-01T00:00:00Z",
        "2024-05-01T24:00:00Z",
    ],
    "names": ["00000000-0000-0000-0000-00000000000A", "0" * 32, "00000000+0000-0000-0000-000000000000"],
    "lists": ["qihua", "redeemed"],
}
TEXTS = st.one_of(st.text(max_size=12), *(st.sampled_from(texts) for texts in STRANGE.values()))
VALUES = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-1, 101),
    st.floats(allow_nan=False, allow_infinity=False),
    st.just([]),
    st.just({}),
)


def agreed(stream: str, raw: bytes) -> bool:
    """Whether a message is plainly an event; fails unless its contract then says so too, and the same."""
    contract = STREAMS[stream]
    reader = plain(contract)
    columns = reader.read([raw])
    [row] = reader.rows([raw])
    assert (columns is None) == (row is None)
    if columns is None:
        return False
    event = contract.event.model_validate_json(raw)
    for name, column in reader.columns([reader.row(event)]).items():
        assert np.array_equal(np.asarray(columns[name].values), np.asarray(column.values)), name
        assert (columns[name].null is None) == (column.null is None), name
    return True


@pytest.mark.parametrize(("stream", "data"), PLAIN)
def test_what_ingest_writes_is_plainly_an_event(stream: str, data: dict[str, Any]) -> None:
    for moment in (NOON, NOON + timedelta(microseconds=1)):
        assert agreed(stream, orjson.dumps(event(stream, "某局", "编号 1", moment, data)))


@given(st.sampled_from(PLAIN), st.data())
def test_what_is_plainly_an_event_is_one(sample: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    stream, said = sample
    sent = event(stream, "bureau", "1", NOON, said)
    for _ in range(data.draw(st.integers(1, 3))):
        part = data.draw(st.sampled_from([sent, sent["data"]]))
        change = data.draw(st.sampled_from(["value", "drop", "add"]))
        name = data.draw(st.sampled_from(sorted(part)))
        if change == "value" and name != "data":
            part[name] = data.draw(VALUES)
        elif change == "drop" and name != "data":
            del part[name]
        else:
            part[data.draw(st.sampled_from(["extra", "note", "merchant_id"]))] = data.draw(VALUES)
    agreed(stream, json.dumps(sent, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass"))


@given(st.sampled_from(PLAIN), st.data())
def test_broken_bytes_too(sample: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    raw = bytearray(orjson.dumps(event(sample[0], "局", "1", NOON, sample[1])))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    agreed(sample[0], bytes(raw))


@given(st.lists(st.sampled_from(["plain", "contract", "broken"]), min_size=1, max_size=30))
def test_records_keep_their_order_whoever_reads_them(kinds: list[str]) -> None:
    """Of three: one that the shortcut reads, one that only the contract does, one that is no event."""
    change: dict[str, Callable[[dict[str, Any]], Any]] = {
        "plain": lambda sent: None,
        "contract": lambda sent: sent.update(time="2024-05-01T12:00:00+08:00"),
        "broken": lambda sent: sent["data"].update(step="spent"),
    }
    sent = [event("consumption-voucher", "bureau", str(at), NOON, VOUCHER) for at in range(len(kinds))]
    for one, kind in zip(sent, kinds, strict=True):
        change[kind](one)
    where = place("consumption-voucher")
    records, refused = decode(STREAMS["consumption-voucher"], where, messages(sent))
    good = [at for at, kind in enumerate(kinds) if kind != "broken"]
    assert records.columns["id"].texts == [str(at) for at in good]
    assert records.columns["offset"].numbers.tolist() == good
    assert set(records.columns["time"].numbers.tolist()) <= {int(NOON.timestamp()) * 1_000_000}
    assert len(refused) == len(kinds) - len(good)


def test_a_contract_without_a_shortcut_reads_by_itself() -> None:
    households = {"division": "532622101", "measure": "households", "dimension": "", "value": "12.0000"}
    stream = STREAMS["statistic"]
    sent = event("statistic", "bureau", "1", NOON.astimezone(timezone(timedelta(hours=8))), households)
    records, refused = decode(stream, place("statistic"), messages([sent]))
    assert not refused
    assert records.columns["value"].numbers.tolist() == [120_000]
    with pytest.raises(ValidationError):
        stream.event.model_validate(sent | {"data": households | {"division": "532622"}})


_AT_FIRST_USE = """
import sys, threading
import orjson
from schemas.streams import STREAMS
from services.aggregate.plain import Plain
from tests.aggregate.support import event
from tests.aggregate.test_plain import VOUCHER, NOON

stream = STREAMS["consumption-voucher"]
said = stream.event.model_validate_json(orjson.dumps(event(stream.name, "a", "1", NOON, VOUCHER)))
sys.setswitchinterval(1e-6)
for _ in range(30):
    reader, ready = Plain(stream), threading.Barrier(4)
    def read():
        ready.wait()
        reader.row(said)
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_blocks_may_be_read_at_the_same_time_from_the_first_on() -> None:
    """A worker crashed in msgspec (SIGSEGV): a process of its own, for it would take the tests with it."""
    subprocess.run([sys.executable, "-c", _AT_FIRST_USE], check=True, timeout=300)
