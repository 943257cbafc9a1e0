"""Every view held against axe, the accessibility checker, light and dark."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.board.running import RunningBoard
from tests.browser.conftest import Open
from tests.browser.views import HEIGHTS, VIEWS, View

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SERIOUS = ("serious", "critical")


def told(violation: dict[str, Any]) -> str:
    """A finding with the first places where it is so."""
    places = [f"    {node['target']}: {node['failureSummary']}" for node in violation["nodes"][:5]]
    more = len(violation["nodes"]) - len(places)
    return "\n".join(
        [
            f"{violation['impact']} {violation['id']}: {violation['help']}",
            *places,
            *([f"    and {more} more"] if more else []),
        ]
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_axe_finds_nothing_serious(view: View, request: pytest.FixtureRequest, open_page: Open) -> None:
    board: RunningBoard = request.getfixturevalue(view.board)
    page = open_page(board, view.path, width=view.widths[-1], reduced=True, live=view.live)
    view.wait(page)
    found = []
    for scheme, width in (("light", view.widths[-1]), ("dark", view.widths[0])):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.emulate_media(color_scheme=scheme)
        violations = Axe().run(page, options=RULES).response["violations"]
        print(*map(told, violations), sep="\n")
        found += [f"{scheme}, {width}: {told(one)}" for one in violations if one["impact"] in SERIOUS]
    assert not found, "\n".join(found)
