"""Two ways of reading JSON that must not differ, without a broker."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest import records
from services.ingest.faults import Refusal
from services.ingest.records import Record, from_json, from_ndjson
from tests.ingest.test_fuzz import anything, json_bytes, mangled, ndjson

ODD = [
    *(
        b"null",
        b" ",
        b"",
        b"[]",
        b"[[]]",
        b"[null]",
        b"{}",
        b"{},",
        b"[{},]",
        b"\xef\xbb\xbf[{}]",
        b"[{}]\x00",
    ),
    *(b'{"a":1,"a":2}', b'{"a":-0}', b'{"a":-0.0}', b'{"a":01}', b'{"a":1.}', b'{"a":.5}', b'{"a":1E+2}'),
    *(b'{"a":1e400}', b'{"a":1e9999999999999999999}', b'{"a":1e-9999999999999999999}', b'{"a":NaN}'),
    *(b'{"a":-Infinity}', b'{"a":"\\ud800"}', b'{"a":"\\ud83d\\ude00"}', b'{"a":"\\u0000"}', b'{"a":"\x01"}'),
    *(
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":tru}',
        b"[1 2]",
        b'{"a" 1}',
        b"{'a':1}",
        b'{"a":1} {}',
    ),
    *(b'{"a":%b}' % (b"9" * size) for size in (18, 19, 20, 4300, 4301, 9000)),
    *(b"[" * depth + b"]" * depth for depth in (2, 32, 33, 34, 200, 201, 990, 20_000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (31, 32, 33, 199, 200, 201, 990)),
    b'[{"a":1},' + b"[" * 300 + b"]" * 300 + b',{"b":2}]',
]


def told(found: list[Record]) -> list[tuple[int, bytes, Any]]:
    return [(one.index, one.raw, exact(one.content)) for one in found]


def exact(value: Any) -> Any:
    """A value with its types: 1, 1.0 and true differ, as do the digits of decimals."""
    match value:
        case Refusal():
            return value.code, value.field, value.message
        case dict():
            return [(name, exact(inner)) for name, inner in value.items()]
        case list():
            return [exact(inner) for inner in value]
        case Decimal():
            return value.as_tuple()
        case _:
            return type(value), value


def agree(body: bytes) -> None:
    for read in (from_json, from_ndjson):
        quick = told(read(body))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "_quickly", lambda _body: None)
            assert quick == told(read(body))


@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:24]))
def test_both_ways_read_what_is_odd_alike(body: bytes) -> None:
    agree(body)


@given(
    json_bytes
    | ndjson
    | mangled()
    | st.binary(max_size=60)
    | anything.map(lambda one: json.dumps(one).encode())
)
def test_both_ways_read_anything_alike(body: bytes) -> None:
    agree(body)


def test_what_is_right_is_read_quickly() -> None:
    assert records._quickly(b'[{"a": 88.10}]') == [{"a": Decimal("88.10")}]
