"""Pages for subscribers: what they hear of, what fires now, and an end to it, behind a signed link."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from fastapi import FastAPI

from schemas.alert import AlertChange
from services.alerts.channels import Channel
from services.alerts.links import Links
from services.alerts.pages.api import api
from services.alerts.pages.desk import Desk
from services.alerts.pages.html import routes
from services.alerts.pages.news import News
from services.alerts.routing.store import Store
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan


def install(
    app: FastAPI,
    plan: Plan,
    clickhouse: ClickHouse,
    *,
    links: Links,
    channels: Mapping[str, Channel],
    current: Callable[[AlertChange], AlertChange] = lambda change: change,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Serve page and API, if links are signed. `now` is the wall clock: links and people live by it.

    `current` says, in any thread, how what a change tells of stands now.
    """
    if not links.enabled:
        return
    themes = {one.id: one.theme for one in plan.indicators.values()}
    desk = Desk(plan, links, Store(clickhouse), News(clickhouse, themes, current), channels, now)
    app.include_router(api(desk))
    app.router.routes.extend(routes(desk, plan))
