"""Stream `consumption-voucher`: one step in a voucher's life."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.fields import Contract, EntityId, Money, TownshipCode

Step = Literal["issued", "claimed", "redeemed", "expired", "refunded"]
Campaign = Literal["qihua", "qixiang"]
Sector = Literal["catering", "retail", "lodging", "tourism", "culture_sports", "household"]


class ConsumptionVoucher(Contract):
    """消费券 · one step of one voucher; the event's `time` is the moment of the step."""

    voucher_id: Annotated[EntityId, Field(description="券号 · voucher id")]
    campaign: Annotated[
        Campaign,
        Field(description="活动：qihua 七花消费券，qixiang 七乡购物节 · campaign"),
    ]
    step: Annotated[
        Step,
        Field(
            description="环节：发放、领取、核销、过期、退款 · issued, claimed, redeemed, expired, refunded"
        ),
    ]
    face_value: Annotated[Money, Field(description="面值，元 · face value, yuan")]
    order_amount: Annotated[
        Money | None, Field(description="订单金额，元，核销与退款必填 · order amount, yuan")
    ] = None
    merchant_id: Annotated[EntityId | None, Field(description="商户编号，核销与退款必填 · merchant id")] = (
        None
    )
    sector: Annotated[
        Sector,
        Field(
            description="行业：餐饮、零售、住宿、旅游、文体、家政 · catering, retail, lodging, tourism, "
            "culture and sports, household services"
        ),
    ]
    division: TownshipCode

    @model_validator(mode="after")
    def _spending_names_order_and_merchant(self) -> "ConsumptionVoucher":
        if self.step in ("redeemed", "refunded") and (self.order_amount is None or self.merchant_id is None):
            raise ValueError(
                "核销和退款须填订单金额和商户编号 · "
                "a redeemed or refunded step needs order_amount and merchant_id"
            )
        return self
