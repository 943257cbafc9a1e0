"""A test of a channel: a notice that is marked as such, rendered, sent, judged and kept like any other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

from schemas.alert import AlertChange
from schemas.declaration import Text
from services.alerts.channels import Channel, Destination, Notice, Outcome, notice_of
from services.alerts.ledger import Attempt, Ledger, NoticeState
from services.platform.plan import Plan

_STATES: dict[str, NoticeState] = {"delivered": "delivered", "refused": "refused", "retry": "given_up"}


@dataclass(frozen=True)
class Trial:
    """What became of a test: it has one attempt."""

    notice: Notice
    outcome: Outcome


def sample(plan: Plan, link: str, now: datetime) -> AlertChange:
    """An invented alert about the county's first indicator with a target, which says that it is invented."""
    indicator = next(one for one in plan.indicators.values() if one.target is not None)
    target = indicator.target
    if target is None:
        raise AssertionError("it was chosen for its target")
    return AlertChange(
        alert_id=uuid5(NAMESPACE_URL, "minmai.test"),
        state="firing",
        condition="firing",
        severity="info",
        rule="test",
        name=Text(zh="通道测试，并无告警", en="test of a channel, there is no alert"),
        reason=Text(zh="这是一条测试通知，数值是编造的", en="this is a test, and its figures are invented"),
        indicator=indicator.id,
        indicator_name=indicator.name,
        division=plan.county.county,
        division_name=plan.county.name.zh,
        numerator=None,
        denominator=None,
        value=float(target.value),
        shown=f"{target.value:f}",
        unit=indicator.unit,
        direction=target.direction,
        threshold=target.value,
        clear_level=target.value,
        gap="+0",
        as_of=now.astimezone(plan.zone).date(),
        figure_version=0,
        owner=indicator.owner,
        changed_at=now,
        link=f"{link}#{indicator.id}/{plan.county.county}",
    )


async def try_out(to: Destination, channel: Channel, changes: Sequence[AlertChange], ledger: Ledger) -> Trial:
    """Send a test once, keep it in the ledger with what came of it, and return that."""
    now = datetime.now(UTC)
    notice = notice_of(changes, to, channel, "test", now, occasion=str(uuid4()))
    began = time.monotonic()
    outcome = await channel.send(notice, to.to)
    attempt = Attempt(
        number=1,
        state=_STATES[outcome.kind],
        answer=outcome.answer,
        duration_ms=round((time.monotonic() - began) * 1000),
        at=datetime.now(UTC),
    )
    # Kept when it is over: the service would send one that waits.
    ledger.write([notice], attempt.state, "")
    ledger.record([(notice, attempt)])
    return Trial(notice, outcome)
