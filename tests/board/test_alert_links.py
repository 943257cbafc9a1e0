"""What an alert's link opens is there on the board."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from schemas.rules import MODELS, IndicatorRule, RuleKind
from services.alerts.sources.opened import opened
from services.board.panels.every import dashboards
from services.platform.plan import Plan, load_plan

ROOT = Path(__file__).parents[2]
PLAN = load_plan(ROOT / "plans" / "yanshan")
SMALL = load_plan(ROOT / "tests" / "plans" / "qingxi")
TABS = (ROOT / "services/board/static/tabs.js").read_text(encoding="utf-8")
MEASURED = sorted(kind for kind, model in MODELS.items() if model not in get_args(IndicatorRule))


def views() -> list[str]:
    [listed] = re.findall(r"const VIEWS = \[(.*?)\];", TABS)
    return re.findall(r'"([a-z-]+)"', listed)


@pytest.mark.parametrize("plan", [PLAN, SMALL], ids=["yanshan", "qingxi"])
@pytest.mark.parametrize("kind", MEASURED)
def test_every_kind_opens_a_view_that_there_is(kind: RuleKind, plan: Plan) -> None:
    address = opened(plan, kind)
    assert address or plan is SMALL
    if address:
        view, _, what = address.removeprefix("#").partition("/")
        assert view in views()
        assert what in {one.id for one in dashboards(plan)}


def test_without_a_campaign_there_is_no_dashboard_of_vouchers() -> None:
    none = replace(
        PLAN, indicators={id: one for id, one in PLAN.indicators.items() if one.theme != "vouchers"}
    )
    assert opened(none, "voucher_peak") == ""
