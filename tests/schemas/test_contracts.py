"""What the contracts accept and refuse beyond the type of each field."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from schemas import examples
from schemas.consumption_voucher import ConsumptionVoucher
from schemas.envelope import event_type, fingerprint, identity
from schemas.retraction import RecordStream, Retraction
from schemas.statistic import MEASURES, Measure
from schemas.streams import STREAMS

MOMENT = datetime(2024, 5, 1, 1, 30, tzinfo=UTC)


def example(name: str) -> dict[str, Any]:
    """The record of an example, by its id after the stream's name."""
    [data] = [event["data"] for event in examples.events() if event["id"] == f"EXAMPLE-{name}"]
    return dict(data)


def read(stream: str, data: dict[str, Any]) -> BaseModel:
    return STREAMS[stream].model.model_validate(data)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("facility-elder_care", {"nursing_beds": 121}, "护理型床位 121 张多于床位 120 张"),
        ("facility-medical", {"nursing_beds": 601}, "护理型床位"),
        ("facility-medical", {"grade": "best"}, "grade"),
        ("facility-community_service", {"activity_area": "1200.01"}, "居民活动区域面积"),
        ("facility-community_service", {"floor_area": None}, "floor_area"),
        ("facility-estate", {"new": "yes"}, "new"),
        ("facility-estate", {"new": 1}, "new"),
        ("facility-estate", {"residents": -1}, "residents"),
        ("facility-mother_room", {"beds": 3}, "beds"),
        ("facility-sports_venue", {"investment": "1.001"}, "investment"),
        ("childcare-place-places", {"inclusive": 91}, "普惠托位"),
        ("statistic-resident-population", {"value": "0.5"}, "应为整数"),
        ("statistic-resident-population", {"division": "532622"}, "按乡镇上报，区划代码应为 9 位"),
        ("statistic-resident-population", {"dimension": "men"}, "不分组"),
        ("statistic-resident-population", {"measure": "unheard"}, "measure"),
        ("statistic-institutions-rated-childcare", {"dimension": ""}, "dimension 应为以下之一"),
        ("statistic-institutions-rated-childcare", {"dimension": "catering"}, "dimension 应为以下之一"),
        ("statistic-complete-community", {"value": 2}, "不能大于 1"),
        ("statistic-basic-service-measures", {"value": 81}, "不能大于 80"),
        ("task-report-done", {"percent": 101}, "percent"),
        ("task-report-done", {"task": 0}, "task"),
        ("task-report-done", {"note": "长" * 2001}, "note"),
        ("retraction-facility", {"stream": "retraction"}, "stream"),
        ("retraction-facility", {"reason": ""}, "reason"),
        ("retraction-facility", {"reason": "长" * 501}, "reason"),
    ],
)
def test_what_is_refused(name: str, wrong: dict[str, Any], said: str) -> None:
    name = name.replace("_", "-")
    stream = next(stream for stream in STREAMS if name.startswith(stream))
    right = example(name)
    read(stream, right)
    with pytest.raises(ValidationError, match=said):
        read(stream, right | wrong)


@pytest.mark.parametrize(
    ("order", "given", "kept"),
    [("168.80", None, "50.00"), ("50", None, "50.00"), ("30.00", "30", "30.00"), ("168.80", "0", "0.00")],
)
@pytest.mark.parametrize("step", ["redeemed", "refunded"])
def test_the_value_redeemed(step: str, order: str, given: str | None, kept: str) -> None:
    record = example("consumption-voucher-spent-3-redeemed")
    record |= {"step": step, "order_amount": order, "redeemed_value": given}
    for one in (record, {**record} if given else {k: v for k, v in record.items() if k != "redeemed_value"}):
        assert ConsumptionVoucher.model_validate(one).redeemed_value == Decimal(kept)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"redeemed_value": "50.01"}, "核销金额 50.01 元大于面值 50.00 元"),
        ({"order_amount": "30", "redeemed_value": "30.01"}, "核销金额 30.01 元大于订单金额 30.00 元"),
        ({"order_amount": "30", "redeemed_value": None}, "须填核销金额"),
        ({"step": "issued"}, "只有核销和退款可填核销金额"),
        ({"step": "expired"}, "只有核销和退款可填核销金额"),
        ({"order_amount": None}, "须填订单金额和商户编号"),
        ({"merchant_id": None}, "须填订单金额和商户编号"),
    ],
)
def test_what_cannot_have_been_redeemed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ConsumptionVoucher.model_validate(example("consumption-voucher-spent-3-redeemed") | changes)


def test_the_vocabularies_agree() -> None:
    assert get_args(Measure) == tuple(MEASURES)
    assert {*get_args(RecordStream)} == STREAMS.keys() - {"retraction"}


def test_a_retraction_names_the_record_as_it_stands() -> None:
    content = {"stream": "facility", "record": " 1/a ", "reason": " 重复 "}
    retraction = Retraction.model_validate(content)
    assert (retraction.record, retraction.reason) == (" 1/a ", "重复")
    stream = STREAMS["retraction"]
    event = stream.event.model_construct(source="health", data=retraction)
    assert {name: of(event) for name, of in stream.derived.items()} == {
        "retracted": UUID(int=identity("health", " 1/a "))
    }


FIRST_FINGERPRINTS = {
    "facility-childcare": "c42f32b2-866b-de51-26b0-6272862c0b8d",
    "facility-elder_care": "d3bab1ec-d010-8751-48a1-a41932d79c95",
    "consumption-voucher-spent-3-redeemed": "6159fffe-53f0-dbed-7c38-a7772b35f004",
    "consumption-voucher-lapsed-1-issued": "88fc30e4-ae76-c214-e356-766e62190b7d",
}


@pytest.mark.parametrize("name", FIRST_FINGERPRINTS)
def test_a_record_from_before_a_field_was_added_is_still_the_same(name: str) -> None:
    """The fingerprints are those of the first contracts: what is sent again after an upgrade counts once."""
    added = {
        "investment",
        "comprehensive",
        "medical_contract",
        "integrated_care_unit",
        "integrated_care_demo",
    }
    added.add("redeemed_value")
    stream = next(stream for stream in STREAMS if name.startswith(stream))
    data = {key: value for key, value in example(name.replace("_", "-")).items() if key not in added}
    model = read(stream, data)
    found = fingerprint(event_type(stream), STREAMS[stream].subject(data), MOMENT, model)
    assert found == FIRST_FINGERPRINTS[name]
