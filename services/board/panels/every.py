"""All dashboards of a plan."""

from schemas.words import THEMES
from services.board.panels import county, division, feeds, pipeline, tasks, theme
from services.board.panels.model import Dashboard
from services.platform.plan import Plan


def dashboards(plan: Plan) -> list[Dashboard]:
    """Return them in the order in which people read them."""
    themes = (theme.dashboard(plan, one) for one in THEMES)
    return [
        county.dashboard(plan),
        *(one for one in themes if one),
        *([tasks.dashboard(plan)] if plan.tasks else []),
        *([division.dashboard(plan)] if plan.indicators else []),
        feeds.dashboard(plan),
        pipeline.dashboard(plan),
    ]
