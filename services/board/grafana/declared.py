"""All that minmai declares in Grafana, for one county."""

from dataclasses import dataclass
from typing import Any

from services.board.grafana import alert_rules, dashboards, notify
from services.board.grafana.client import PLUGIN
from services.board.grafana.settings import GrafanaSettings
from services.platform.clickhouse import addresses
from services.platform.plan import Plan

INTERVAL = 60
"""Seconds between evaluations; Grafana's default for a new group."""


@dataclass(frozen=True)
class Declared:
    """What shall be there. Ids of ours begin with `prefix`; `route` is None where nobody is to be told."""

    prefix: str
    name: str
    county: str
    folder: dict[str, Any]
    source: dict[str, Any]
    contact_points: list[dict[str, Any]]
    route: dict[str, Any] | None
    rules: list[dict[str, Any]]
    dashboards: list[dict[str, Any]]
    interval: int = INTERVAL

    def is_ours(self, route: dict[str, Any]) -> bool:
        """Whether a branch of the policies is the one declared here."""
        return notify.matcher(self.county) in (route.get("object_matchers") or [])


def declare(plan: Plan, settings: GrafanaSettings, organisation: int) -> Declared:
    """Return what shall be in an organisation of Grafana for a plan."""
    county = plan.county.county
    prefix = f"minmai-{county}-"
    name = f"民脉 {plan.county.name.zh}"
    contacts = notify.contact_points(settings, prefix, name)
    source = _source(settings, f"{prefix}clickhouse", f"{name} ClickHouse")
    place = alert_rules.Place(
        organisation=organisation,
        folder=f"{prefix}folder",
        source=source["uid"],
        prefix=prefix,
        board=settings.board_url.rstrip("/"),
    )
    return Declared(
        prefix=prefix,
        name=name,
        county=county,
        folder={"uid": place.folder, "title": f"{name} · minmai {plan.county.name.en}"},
        source=source,
        contact_points=contacts,
        route=notify.route(county, name) if contacts else None,
        rules=alert_rules.of(plan, place),
        dashboards=dashboards.of(plan, source=source["uid"], prefix=prefix, board=place.board),
    )


def _source(settings: GrafanaSettings, uid: str, name: str) -> dict[str, Any]:
    host, port = addresses(settings)[0]
    own_user = bool(settings.grafana_clickhouse_user)
    password = settings.grafana_clickhouse_password if own_user else settings.clickhouse_password
    return {
        "uid": uid,
        "name": name,
        "type": PLUGIN,
        "access": "proxy",
        "jsonData": {
            "host": settings.grafana_clickhouse_host or host,
            "port": settings.grafana_clickhouse_port or port,
            "protocol": "native",
            "username": settings.grafana_clickhouse_user or settings.clickhouse_user,
            "defaultDatabase": settings.clickhouse_database,
        },
        "secureJsonData": {"password": password.get_secret_value()},
    }
