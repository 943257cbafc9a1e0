"""A theme of the plan: how its figures stand everywhere, then each as it is, was, and differs by township."""

from schemas.declaration import Indicator, Theme
from schemas.words import THEMES
from services.board.panels import vouchers
from services.board.panels.figures import counts, now, quoted, townships, trend, wall
from services.board.panels.model import Dashboard, Section
from services.platform.plan import Plan


def dashboard(plan: Plan, theme: Theme) -> Dashboard | None:
    """Return the dashboard of a theme; None if the plan has nothing in it."""
    indicators = [one for one in plan.indicators.values() if one.theme == theme]
    if not indicators:
        return None
    aimed = [one for one in indicators if one.target_at("county")]
    standing = [counts(aimed, quoted(plan.county.county))] if aimed else []
    live = theme == "vouchers"
    return Dashboard(
        id=theme,
        title=THEMES[theme],
        sections=(
            *(vouchers.sections(plan) if live else ()),
            Section(THEMES[theme], (*standing, wall(plan, indicators))),
            *(_one(plan, indicator) for indicator in indicators),
        ),
        span="now-7d" if live else "now-1y",
        refresh="10s" if live else "30s",
    )


def _one(plan: Plan, indicator: Indicator) -> Section:
    county = plan.county.county
    if "township" not in indicator.levels:
        return Section(indicator.name, (now(indicator, county), trend(plan, indicator, county, 19)))
    panels = (now(indicator, county), trend(plan, indicator, county, 11), townships(plan, indicator, 8))
    return Section(indicator.name, panels)
