"""Feeds that ingest has stopped: each stop fires an alert, and its end resolves it.

Ingest keeps the stops and their ends in `feed_standing`. What is there and not yet in `alert_log` is a change
to tell, however long nobody looked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from schemas.alert import FEED_MOST_REFUSED, FEED_STOPPED, FEED_STOPPED_NAME, AlertChange, AlertState
from schemas.declaration import Text
from schemas.streams import feed_topic
from services.platform.plan import Plan

_TICK = timedelta(milliseconds=1)  # the log's resolution


@dataclass(frozen=True)
class Stop:
    """One stop of a feed: how many of its newest records were refused, and the commonest reason."""

    agency: str
    alert_id: UUID
    over: bool
    checked: int
    refused: int
    code: str
    at: datetime


@dataclass(frozen=True)
class Told:
    """A change of a feed's that the log has."""

    alert_id: UUID
    state: AlertState
    changed_at: datetime


def untold(
    stops: Sequence[Stop],
    told: Sequence[Told],
    plan: Plan,
    link: str,
    now: Callable[[], datetime | None],
) -> list[AlertChange]:
    """Return what is to be told of these stops, each before its end.

    `now` asks the county's clock, only for a change; while that does not know the time, ingest's date holds.
    """
    known = {(one.alert_id, one.state) for one in told}
    newest = max((one.changed_at for one in told), default=None)
    changes = []
    for stop in stops:
        states: tuple[Literal["firing", "resolved"], ...] = (
            ("firing", "resolved") if stop.over else ("firing",)
        )
        for state in states:
            if (stop.alert_id, state) in known:
                continue
            at = now() or stop.at
            newest = at if newest is None else max(at, newest + _TICK)
            changes.append(_change(replace(stop, at=newest), state, plan, link))
    return changes


def _change(stop: Stop, state: Literal["firing", "resolved"], plan: Plan, link: str) -> AlertChange:
    """The "figure" is the share of refused records when the feed was stopped, in percent."""
    share = Decimal(100 * stop.refused) / max(stop.checked, 1)
    if state == "firing":
        reason = Text(
            zh=f"{stop.agency} 的上报通道最近 {stop.checked} 条中 {stop.refused} 条被拒收"
            f"（{stop.code}），已停止读取；未读的数据仍在主题中",
            en=f"of the newest {stop.checked} records of {stop.agency}'s feed {stop.refused} "
            f"were refused ({stop.code}): it is no longer read, what is unread stays on its topic",
        )
    else:
        reason = Text(zh=f"{stop.agency} 的上报通道已恢复读取", en=f"the feed of {stop.agency} is read again")
    return AlertChange(
        alert_id=stop.alert_id,
        state=state,
        before="ok" if state == "firing" else "firing",
        condition=state,
        severity="critical",
        rule=FEED_STOPPED,
        kind="feed_stopped",
        name=FEED_STOPPED_NAME,
        reason=reason,
        indicator=feed_topic(stop.agency),
        indicator_name=Text(zh=f"{stop.agency} 的拒收比例", en=f"refused share of {stop.agency}"),
        division=plan.county.county,
        division_name=plan.county.name.zh,
        numerator=Decimal(stop.refused),
        denominator=Decimal(stop.checked),
        value=float(share),
        shown=f"{share:.1f}",
        unit=Text(zh="%", en="%"),
        direction="at_most",
        threshold=FEED_MOST_REFUSED,
        clear_level=FEED_MOST_REFUSED,
        gap=f"{share - FEED_MOST_REFUSED:+.1f}",
        as_of=stop.at.astimezone(plan.zone).date(),
        figure_version=0,
        owner=stop.agency,
        changed_at=stop.at,
        link=link,
    )
