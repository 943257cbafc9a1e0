"""`GET /v1/alerts`: how alerts stand, a page at a time."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from schemas.alert import AlertState, Condition, HeldCondition
from schemas.declaration import Text
from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from schemas.rules import RuleKind, Severity
from services.alerts.entry import Entry
from services.alerts.ledger import Ledger, NoticeView
from services.alerts.rules.limits import plain
from services.alerts.watch import Watch
from services.platform.problems import problem

_RANK: dict[str, int] = {"critical": 0, "warning": 1, "info": 2}


class StandingView(Contract):
    """Where one rule stands in one place, by what was measured last, with the notices of its newest alert.

    `state` is what is shown, `condition` where the rule stands whatever is laid over it, `held` what no_data
    or error froze. `alert_id` and `changed_at` are those of the newest change, None before the first.
    """

    rule: str
    rule_version: str
    kind: RuleKind
    name: Text
    indicator: str
    division: str
    division_name: str
    subject: str
    subject_name: Text | None
    severity: Severity
    state: AlertState
    condition: Condition
    held: HeldCondition | None
    reason: str
    by: str
    value: float | None
    threshold: str
    clear_level: str
    as_of: date | None
    figure_version: int | None
    alert_id: UUID | None
    changed_at: UtcDatetime | None
    notices: list[NoticeView]

    @property
    def on(self) -> bool:
        """Whether something is, or would be but for what is laid over it or froze it."""
        return (self.held or self.condition) in ("pending", "firing", "recovering") or self.state == "error"

    @property
    def order(self) -> tuple[int, str, str, str, str]:
        """The most severe first, then by rule and place."""
        return _RANK[self.severity], self.rule, self.division, self.subject, self.indicator


class StandingList(Contract):
    """A page of standings, the most severe first; `next` is the cursor of the next page, None on the last.

    `total` counts all that were asked for.
    """

    alerts: list[StandingView]
    total: int
    next: str | None


class Asked(Contract):
    """Which standings are asked for; each filter may be repeated, and those given must all hold."""

    state: Annotated[
        list[AlertState | Literal["on", "all"]],
        Field(description="on: 待定、告警中、恢复中、出错（默认） · what is not at rest, the default"),
    ] = ["on"]
    rule: Annotated[list[str], Field(description="规则 · rules")] = []
    kind: Annotated[list[RuleKind], Field(description="规则种类 · kinds of rule")] = []
    division: Annotated[list[str], Field(description="区划 · divisions")] = []
    severity: Annotated[list[Severity], Field(description="级别 · severities")] = []
    cursor: Annotated[str | None, Field(description="上一页的 next · `next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100

    def means(self, one: StandingView) -> bool:
        """Whether a standing is asked for."""
        states = set(self.state)
        shown = states & {"all", one.state, one.condition} or ("on" in states and one.on)
        return bool(shown) and all(
            not wanted or value in wanted
            for wanted, value in (
                (self.rule, one.rule),
                (self.kind, one.kind),
                (self.division, one.division),
                (self.severity, one.severity),
            )
        )


def routes(watch: Callable[[], Watch], ledger: Ledger) -> APIRouter:
    """The routes of standings; `watch` gives the one that holds now."""
    router = APIRouter(prefix="/v1")

    @router.get("/alerts", response_model=StandingList)
    def alerts(asked: Annotated[Asked, Query()]) -> StandingList | JSONResponse:
        try:
            after = _read(asked.cursor)
        except ValueError:
            return problem(400, "cursor 不对 · cursor is wrong", "take it from `next` of the page before")
        views = map(_view, watch().entries)
        found = sorted((one for one in views if asked.means(one)), key=lambda one: one.order)
        left = [one for one in found if after is None or one.order > after]
        page = left[: asked.limit]
        notices = ledger.notices([one.alert_id for one in page if one.alert_id])
        return StandingList(
            alerts=[_with(one, notices) for one in page],
            total=len(found),
            next=_write(page[-1]) if len(left) > asked.limit else None,
        )

    return router


def _with(one: StandingView, notices: Sequence[NoticeView]) -> StandingView:
    told = [notice for notice in notices if one.alert_id in notice.alert_ids]
    return one.model_copy(update={"notices": told})


def _view(entry: Entry) -> StandingView:
    rule, standing, reading, newest = entry.rule, entry.standing, entry.reading, entry.newest
    measured = reading or newest
    return StandingView(
        rule=rule.id,
        rule_version=rule.version,
        kind=rule.kind,
        name=rule.name,
        indicator=(reading.measured if reading else newest.indicator if newest else "")
        or getattr(rule, "indicator", rule.id),
        division=entry.division.code,
        division_name=entry.division.name,
        subject=entry.subject,
        subject_name=measured.subject_name if measured else None,
        severity=rule.severity,
        state=entry.shown,
        condition=standing.condition,
        held=standing.held,
        reason=f"{entry.reason.zh} · {entry.reason.en}" if entry.reason else "尚未评估 · not evaluated yet",
        by=newest.by if newest else "",
        value=None if measured is None or measured.value is None else float(measured.value),
        threshold=plain(measured.threshold) if measured else "",
        clear_level=plain(measured.clear_level) if measured else "",
        as_of=measured.as_of if measured else None,
        figure_version=reading.version if reading else newest.figure_version if newest else None,
        alert_id=standing.alert_id,
        changed_at=standing.changed_at,
        notices=[],
    )


def _write(last: StandingView) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(last.order)).decode()


def _read(cursor: str | None) -> tuple[int, str, str, str, str] | None:
    """Raises ValueError."""
    if cursor is None:
        return None
    try:
        rank, *place = orjson.loads(base64.urlsafe_b64decode(cursor))
        rule, division, subject, indicator = place
    except (binascii.Error, TypeError) as error:
        raise ValueError(cursor) from error
    return int(rank), str(rule), str(division), str(subject), str(indicator)
