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
