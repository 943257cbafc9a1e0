"""Stream `consumption-voucher`: one step in a voucher's life."""

from collections.abc import Collection
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schemas.fields import ADDED, YUAN, Contract, EntityId, Money, TownshipCode, about

Step = Literal["issued", "claimed", "redeemed", "expired", "refunded"]
Campaign = Literal["qihua", "qixiang"]
Sector = Literal["catering", "retail", "lodging", "tourism", "culture_sports", "household"]

SPENT = ("redeemed", "refunded")

_NULL: dict[str, Any] = {"type": "null"}


class ConsumptionVoucher(Contract):
    """消费券 · one step of one voucher; the event's `time` is the moment of the step."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"step": {"enum": list(SPENT)}}, "required": ["step"]},
            "then": {
                "required": ["order_amount", "merchant_id"],
                "properties": {"order_amount": {"not": _NULL}, "merchant_id": {"not": _NULL}},
            },
            "else": {"properties": {"redeemed_value": _NULL}},
        }
    )

    voucher_id: Annotated[EntityId, about("券号", "voucher id")]
    campaign: Annotated[Campaign, about("活动：qihua 七花消费券、qixiang 七乡购物节", "campaign")]
    step: Annotated[
        Step,
        about(
            "环节：issued 发放、claimed 领取、redeemed 核销、expired 过期、refunded 退款",
            "step in the voucher's life",
        ),
    ]
    face_value: Annotated[Money, about("面值", "face value", YUAN)]
    order_amount: Annotated[
        Money | None,
        about("订单金额，核销与退款必填", "order amount, needed when redeemed or refunded", YUAN),
    ] = None
    redeemed_value: Annotated[
        Money | None,
        about(
            "核销（退款）金额，不大于面值和订单金额；核销与退款不填即为面值，其他环节不填",
            "value redeemed or refunded, at most face value and order amount; when left out it is the face "
            "value; only for these two steps",
            YUAN,
        ),
        ADDED,
        Field(validate_default=True),
    ] = None
    merchant_id: Annotated[
        EntityId | None,
        about("商户编号，核销与退款必填", "merchant id, needed when redeemed or refunded"),
    ] = None
    sector: Annotated[
        Sector,
        about(
            "行业：catering 餐饮、retail 零售、lodging 住宿、tourism 旅游、culture_sports 文体、"
            "household 家政",
            "sector",
        ),
    ]
    division: TownshipCode

    @field_validator("redeemed_value")
    @classmethod
    def _redeemed_is_covered(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        known = info.data  # without what is wrong by itself
        step, face, order = known.get("step"), known.get("face_value"), known.get("order_amount")
        if step not in SPENT:
            if value is not None and step is not None:
                raise ValueError(
                    "只有核销和退款可填核销金额 · only a redeemed or refunded step has a redeemed_value"
                )
            return None
        if value is None:
            if face is not None and order is not None and face > order:
                raise ValueError(
                    f"订单金额 {order} 元小于面值 {face} 元，须填核销金额 · "
                    "the order is below the face value: give redeemed_value"
                )
            return face
        for limit, name in ((face, "面值 {} 元 · face value"), (order, "订单金额 {} 元 · order amount")):
            if limit is not None and value > limit:
                raise ValueError(f"核销金额 {value} 元大于{name.format(limit)} is less than redeemed_value")
        return value

    @model_validator(mode="after")
    def _spending_names_order_and_merchant(self) -> "ConsumptionVoucher":
        if self.step in SPENT and (self.order_amount is None or self.merchant_id is None):
            raise ValueError(
                "核销和退款须填订单金额和商户编号 · "
                "a redeemed or refunded step needs order_amount and merchant_id"
            )
        return self

    @classmethod
    def silent_in(cls, record: Any) -> Collection[str]:
        value = record.redeemed_value
        return ("redeemed_value",) if value is None or value == record.face_value else ()
