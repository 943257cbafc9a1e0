"""Every view of the board, for the tests that look at all of them: a new one is a line here."""

from dataclasses import dataclass

from playwright.sync_api import Page

PHONE, TABLET, DESK = 390, 768, 1440
HEIGHTS = {PHONE: 844, TABLET: 1024, DESK: 900, 1920: 1080, 3840: 2160}
NOTHING_READ = """() => [...document.querySelectorAll("[aria-busy]:not(.box)")]
    .every((one) => !one.checkVisibility())"""


@dataclass(frozen=True)
class View:
    """A view that can be opened by its address."""

    name: str
    path: str
    ready: str
    """What is there once it shows its figures."""
    widths: tuple[int, ...] = (PHONE, TABLET, DESK)
    live: bool = True
    """Whether it follows the stream of changes, and says so."""
    board: str = "board"
    """The fixture of a board that has what it shows."""

    def wait(self, page: Page) -> None:
        """Wait until it shows its figures and nothing is still being read: what comes late moves the rest.

        The boxes of a dashboard are read when they come nearly in sight, so they are not waited for.
        """
        page.locator(self.ready).first.wait_for()
        page.wait_for_function(NOTHING_READ)


VIEWS = (
    View("overview", "/#overview", ".card .big"),
    View("townships", "/#townships", "#matrix .cell .num"),
    View("map", "/#map", ".town-tile .num"),
    View("township", "/#township/532622101", ".kinds ~ .grid-box tbody tr", board="ledger_board"),
    View("facility", "/#facility/childcare-01", ".timeline li", board="ledger_board"),
    View("tasks", "/#tasks", ".task .report"),
    View("dashboards", "/#dashboards/tasks", ".box tbody tr"),
    View("figure", "/#childcare_places_per_1000/532622", "#panel-chart :is(svg, canvas)"),
    View("public", "/public", ".card .big", live=False),
    View("wall", "/wall?every=600", ".tile .num", widths=(1920,)),
    View("records", "/#childcare_places_per_1000/532622/records", "#panel[open] #records-total:not(:empty)"),
)
