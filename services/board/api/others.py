"""Routes of the tasks, the vouchers, the alerts and the feeds."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from schemas.alert import FEED_STOPPED, FEED_STOPPED_NAME
from schemas.declaration import Text
from schemas.fields import Contract
from services.board.api.asked import Asked, Cursor, Limit, read_cursor, write_cursor
from services.board.api.live import Live
from services.board.sheets.download import DOWNLOADS, Format, download
from services.board.sheets.frame import Frame
from services.board.sheets.tasks import tasks_sheet
from services.board.tables.others import AlertState, Feed, Others
from services.board.tables.records import Place
from services.board.tables.tasks import Tasks, TaskState
from services.board.tables.vouchers import (
    GROUPS,
    FlaggedVoucher,
    Grouping,
    VoucherGroup,
    VoucherHour,
    Vouchers,
    VoucherTotal,
)
from services.platform.problems import invalid

_FLAGS = "voucher flags"


class VoucherMoney(Contract):
    """Voucher money: since the beginning, by hour for the newest 48 hours that have any, and as asked for."""

    totals: list[VoucherTotal]
    hours: list[VoucherHour]
    groups: list[VoucherGroup] = []


class Flags(Contract):
    """A page of vouchers whose steps cannot be in order; `next`: the cursor of the next page."""

    vouchers: list[FlaggedVoucher]
    next: str | None


class NamedAlert(AlertState):
    """An alert's state with its rule's name and kind, which says what its subject is.

    A rule that is no longer declared has its id for a name, and no kind. `subject_name`: what the plan calls
    the subject, if that is a promised feed.
    """

    name: Text
    kind: str | None
    subject_name: Text | None


class NamedFeed(Feed):
    """What an agency has sent of a stream; `name`: what the plan calls the feed, if it is promised."""

    name: Text | None


class Alerts(Contract):
    """`available` is false where no alert log is kept: then an empty list says nothing."""

    available: bool
    alerts: list[NamedAlert]


def routes(
    frame: Frame, asked: Asked, live: Live, *, tasks: Tasks, vouchers: Vouchers, others: Others
) -> APIRouter:
    """The other routes below /v1."""
    router = APIRouter(prefix="/v1")
    plan = frame.plan
    names = {FEED_STOPPED: FEED_STOPPED_NAME, **{id: rule.name for id, rule in plan.rules.items()}}
    _add_vouchers(router, asked, live, vouchers)

    @router.get("/tasks", response_model=list[TaskState], responses=DOWNLOADS)
    async def task_states(request: Request, format: Format = None) -> Response:
        if format is None:
            return await live.answer(request, "tasks", list[TaskState], tasks.states)
        return await run_in_threadpool(
            download, format, lambda: tasks_sheet(frame, asked.knowledge(), tasks.states())
        )

    @router.get("/alerts", response_model=Alerts)
    async def alerts(request: Request) -> Response:
        return await live.answer(request, "alerts", Alerts, states)

    def states() -> Alerts:
        found = others.alerts()

        def named(alert: AlertState) -> NamedAlert:
            name = names.get(alert.rule, Text(zh=alert.rule, en=alert.rule))
            rule, feed = plan.rules.get(alert.rule), plan.feeds.get(alert.subject)
            return NamedAlert(
                name=name,
                kind=rule.kind if rule else None,
                subject_name=feed.name if feed else None,
                **alert.model_dump(),
            )

        return Alerts(available=found is not None, alerts=[named(alert) for alert in found or []])

    @router.get("/feeds", response_model=list[NamedFeed])
    async def feeds(request: Request) -> Response:
        return await live.answer(request, "feeds", list[NamedFeed], senders)

    def senders() -> list[NamedFeed]:
        return [
            NamedFeed(name=promise.name if promise else None, **feed.model_dump())
            for feed in others.feeds()
            for promise in [plan.feeds.get(f"{feed.source}/{feed.stream}")]
        ]

    return router


def _add_vouchers(router: APIRouter, asked: Asked, live: Live, vouchers: Vouchers) -> None:
    @router.get("/vouchers", response_model=VoucherMoney)
    async def money(
        request: Request,
        *,
        by: Annotated[list[Grouping] | None, Query(max_length=4, description="分组，可重复 · groups")] = None,
        division: str | None = None,
        first: Annotated[date | None, Query(alias="from", description="首日 · first day")] = None,
        last: Annotated[date | None, Query(alias="to", description="末日 · last day")] = None,
    ) -> Response:
        """`division`, `from` and `to` narrow down the groups alone."""
        question = "vouchers", tuple(by or ()), division, first, last
        return await live.answer(
            request, question, VoucherMoney, lambda: told(by or [], division, first, last)
        )

    def told(by: list[Grouping], division: str | None, first: date | None, last: date | None) -> VoucherMoney:
        groups: list[VoucherGroup] | None = []
        if by:
            code = asked.division(division).code
            groups = vouchers.groups(list(dict.fromkeys(by)), code, first, last)
        if groups is None:
            raise invalid(
                "by",
                f"超过 {GROUPS} 组，请用 from、to 或 division 缩小范围",
                f"more than {GROUPS} groups: narrow them down with `from`, `to` or `division`",
            )
        return VoucherMoney(totals=vouchers.totals(), hours=vouchers.hours(), groups=groups)

    @router.get("/vouchers/flags")
    def flags(cursor: Cursor = None, limit: Limit = 100) -> Flags:
        begin = read_cursor(cursor, _FLAGS)
        found = vouchers.flags(begin.key[0] if begin.key else "", limit + 1)
        more = len(found) > limit
        found = found[:limit]
        end = Place(key=(found[-1].voucher_id,)) if more else None
        return Flags(vouchers=found, next=write_cursor(end, _FLAGS) if end else None)
