"""A plain record is checked by a shorter way than an event, and told the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.streams import STREAMS
from services.ingest import check
from services.ingest.check import Checked, Refused
from services.ingest.records import Record
from tests.ingest.checking import CHECKER, plain, push, refused
from tests.ingest.test_fuzz import nearly
from tests.ingest.test_message import RECORDS


def told(found: Checked | Refused) -> Any:
    if isinstance(found, Refused):
        return found.refusal.code, found.refusal.field, found.refusal.message, found.id
    return found[1:]


@st.composite
def records(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    stream = draw(st.sampled_from(sorted(RECORDS)))
    return stream, draw(nearly(RECORDS[stream] | {"time": "2024-05-01T09:30:00+08:00", "id": "r-1"}))


@settings(max_examples=400)
@given(records())
def test_the_short_way_and_the_whole_way_agree(given: tuple[str, dict[str, Any]]) -> None:
    stream, content = given
    one = push()
    judge = CHECKER.plain(STREAMS[stream])
    [short] = judge(one, [Record(0, b"", content)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_is_ours", lambda _id: False)
        [whole] = judge(one, [Record(0, b"", content)])
    assert told(short) == told(whole)


def test_an_id_that_no_encoding_can_write_is_refused() -> None:
    content = RECORDS["consumption-voucher"] | {"time": "2024-05-01T09:30:00+08:00", "id": "r-\ud800"}
    assert refused(plain("consumption-voucher", content)) == ("invalid_field", "id")


def message(stream: str, **changes: Any) -> str:
    found = plain(stream, RECORDS[stream] | {"time": "2024-05-01T09:30:00+08:00"} | changes)
    assert isinstance(found, Refused)
    return found.refusal.message


def test_choices_are_told_without_the_quotes_of_python() -> None:
    assert message("consumption-voucher", campaign="七花") == (
        "应为以下之一：qihua, qixiang · must be one of qihua, qixiang"
    )


def test_a_division_of_another_level_is_told_in_words() -> None:
    assert message("consumption-voucher", division="532622101001").startswith("应为乡镇区划代码，9 位数字 · ")


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_no_pattern_is_told_as_a_regular_expression(stream: str) -> None:
    """A text that fits no pattern, in every field: whoever fills in a sheet reads none."""
    for field in RECORDS[stream]:
        if isinstance(found := plain(stream, RECORDS[stream] | {field: "a / b"}), Refused):
            assert "^" not in found.refusal.message
            assert "\\" not in found.refusal.message
