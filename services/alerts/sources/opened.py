"""What an alert's link opens on the board, where it is no figure's: an address below the board's own."""

from collections.abc import Mapping

from schemas.rules import RuleKind
from services.platform.plan import Plan

_DASHBOARDS: Mapping[RuleKind, str] = {
    "voucher_budget": "vouchers",
    "voucher_peak": "vouchers",
    "voucher_refund": "vouchers",
    "childcare_full": "childcare_education",
    "childcare_empty": "childcare_education",
    "feed_silent": "feeds",
    "feed_stopped": "feeds",
    "refused_share": "feeds",
    "lag": "pipeline",
    "freshness": "pipeline",
    "notices_lost": "pipeline",
}
_THEMES = ("vouchers", "childcare_education")
"""Dashboards that are there only if the plan has indicators of the theme."""


def opened(plan: Plan, kind: RuleKind) -> str:
    """Return the address of the dashboard of what a kind of rule looks at; "" is the board itself."""
    dashboard = _DASHBOARDS.get(kind, "")
    if dashboard in _THEMES and all(one.theme != dashboard for one in plan.indicators.values()):
        return ""
    return f"#dashboards/{dashboard}" if dashboard else ""
