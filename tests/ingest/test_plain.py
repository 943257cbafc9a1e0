"""The shortcut and the contract agree: what is plainly a record is one, and becomes the same event."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.streams import STREAMS
from services.ingest.plain import plain
from services.ingest.records import Record
from tests.aggregate.test_plain import SPENT, STRANGE, VALUES, VOUCHER
from tests.ingest.checking import CHECKER, agency, push
from tests.ingest.test_check import told

OWN = {"id": "r-1", "time": "2024-05-01T09:30:00+08:00"}
PLACE = {"facility_id": "F1", "total": 60, "inclusive": 40, "enrolled": 55}
WITHOUT = {name: value for name, value in SPENT.items() if name != "redeemed_value"}
RECORDS: dict[str, dict[str, Any]] = {
    "issued": VOUCHER | OWN,
    "nothing said of what it cannot have": VOUCHER | OWN | {"redeemed_value": None, "merchant_id": None},
    "redeemed": SPENT | OWN,
    "redeemed in part": SPENT | OWN | {"redeemed_value": "19.99"},
    "redeemed, how much is left out": WITHOUT | OWN,
    "amounts are numbers": SPENT | OWN | {"face_value": 20, "order_amount": Decimal("99.9")},
    "amounts without decimals": SPENT | OWN | {"face_value": "20", "redeemed_value": "20.0"},
    "no id": VOUCHER | {"time": "2024-05-01T09:30:00.5"},
    "places": PLACE | OWN,
}
CLOSE = {
    "redeemed more than the order": SPENT | OWN | {"order_amount": "19.99"},
    "left out, the order below the face value": WITHOUT | OWN | {"order_amount": "19.99"},
    "redeemed and no merchant": SPENT | OWN | {"merchant_id": None},
    "issued and redeemed": VOUCHER | OWN | {"redeemed_value": "20.00"},
    "more inclusive places than places": PLACE | OWN | {"inclusive": 61},
    "a withdrawal": VOUCHER | OWN | {"op": "retract", "reason": "重复"},
}
MOMENTS = [
    "2024-05-01",
    "20240501T093000",
    "2024-05-01T09:30:00Z",
    "1970-12-31T00:00:00Z",
    "2025-01-01T00:00:00Z",
]
AMOUNTS = st.one_of(
    st.decimals(-1, 10**15, allow_nan=False), st.integers(-1, 10**15), st.sampled_from(STRANGE["amounts"])
)


def stream_of(content: dict[str, Any]) -> str:
    return "childcare-place" if "facility_id" in content else "consumption-voucher"


def outcomes(stream: str, contents: list[Any]) -> list[Any]:
    """What becomes of records in one push."""
    records = [Record(index, b"", content) for index, content in enumerate(contents)]
    by = agency(divisions=("532622101", "532622102"))
    return [told(one) for one in CHECKER.plain(STREAMS[stream])(push(by), records)]


def agreed(stream: str, content: dict[str, Any]) -> None:
    """Fail unless a record among many like it becomes what it becomes alone, where its contract reads it."""
    [alone] = outcomes(stream, [content])
    assert outcomes(stream, [content] * 5) == [alone] * 5


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_what_agencies_send_is_plainly_a_record(content: dict[str, Any]) -> None:
    stream = stream_of(content)
    shortcut = plain(STREAMS[stream])
    assert shortcut is not None
    assert shortcut.read([content]) is not None
    agreed(stream, content)


@pytest.mark.parametrize("content", CLOSE.values(), ids=CLOSE)
def test_what_only_looks_like_one_is_left_to_the_contract(content: dict[str, Any]) -> None:
    stream = stream_of(content)
    shortcut = plain(STREAMS[stream])
    assert shortcut is not None
    assert shortcut.read([content]) is None
    agreed(stream, content)


@settings(max_examples=600)
@given(st.sampled_from([*RECORDS.values(), *CLOSE.values()]), st.data())
def test_the_shortcut_and_the_contract_agree(sample: dict[str, Any], data: st.DataObject) -> None:
    content = dict(sample)
    names = [*content, "extra", "note", "redeemed_value", "merchant_id", "division"]
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(names))
        if data.draw(st.booleans()):
            content[name] = data.draw(VALUES | AMOUNTS | st.sampled_from(MOMENTS))
        else:
            content.pop(name, None)
    agreed(stream_of(sample), content)


@given(st.lists(st.sampled_from([*RECORDS.values(), *CLOSE.values()]), max_size=12))
def test_records_keep_their_order_and_what_becomes_of_each(contents: list[dict[str, Any]]) -> None:
    for stream in ("consumption-voucher", "childcare-place"):
        mine = [content for content in contents if stream_of(content) == stream]
        assert outcomes(stream, mine) == [one for content in mine for one in outcomes(stream, [content])]


def test_a_stream_without_a_rule_has_no_shortcut() -> None:
    assert plain(STREAMS["facility"]) is None
