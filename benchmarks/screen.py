"""How soon the board is on the screen, and how soon a pushed record is: in a real browser, a county in full.

    .venv/bin/python -m benchmarks.screen [--openings 10] [--probes 40]

The sample's three years lie counted. An opening is a new browser profile that goes to the board: first paint
as the browser tells it (first-contentful-paint), figures when the page has all of them. A probe pushes one
record that makes the county's childcare places another number, and waits until the open page has painted it:
from the POST on, so ingest's answer is within. All clocks are this machine's.
"""

import argparse
import random
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.freshness import FACILITY, report
from benchmarks.machine import ROOT, Minmai, machine, percentile, running_minmai
from cli.sample.county import END, sample
from cli.sample.outbox import HEALTH
from services.platform.plan import load_plan
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.support.sampled import accounts, push

COUNTY = "532622"
PROBED = f"childcare_places_per_1000/{COUNTY}"
COUNTED_SECONDS = 180.0
PAUSE_SECONDS = 0.3
SETTLE_SECONDS = 3.0

WATCH = """() => {
    const number = document.querySelector(`.card:has([data-figure="PROBED"]) .big`);
    window.__shown = [];
    new MutationObserver(() => {
        const said = number.textContent;
        requestAnimationFrame(() => setTimeout(() => window.__shown.push([said, Date.now() / 1000])));
    }).observe(number, { childList: true, characterData: true, subtree: true });
}""".replace("PROBED", PROBED)
WHOLE = """() => new Promise((resolve) => {
    const look = () => document.querySelector("#main:not([aria-busy])")
        ? resolve([performance.getEntriesByName("first-contentful-paint")[0].startTime, performance.now()])
        : requestAnimationFrame(look);
    look();
})"""


def measure(minmai: Minmai, openings: int, probes: int) -> None:
    """Fill a county, open its board, push and look."""
    keys = fill(minmai)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        paints, figures = opened(browser, minmai, openings)
        print(f"first paint: median {percentile(paints, 0.5):.0f} ms, longest {max(paints):.0f} ms")
        print(f"all figures: median {percentile(figures, 0.5):.0f} ms, longest {max(figures):.0f} ms")
        page = browser.new_page()
        page.goto(minmai.url("board"))
        page.wait_for_selector("#connection[data-state=live]")
        page.wait_for_selector("#main:not([aria-busy])")
        page.evaluate(WATCH)
        report("POST to painted", probed(page, minmai, keys[HEALTH], probes))
        browser.close()


def fill(minmai: Minmai) -> dict[str, str]:
    """Push the sample and wait until it is on the board; return the agencies' keys."""
    keys = accounts(minmai.folder / "agencies.json", COUNTY)
    push(minmai.url("ingest"), keys, sample(load_plan(ROOT / "plans" / "yanshan"), scale=0.5, seed=3))
    end = time.monotonic() + COUNTED_SECONDS
    while newest(minmai) < END.isoformat():
        if time.monotonic() > end:
            raise RuntimeError(f"the board has not come to {END} after {COUNTED_SECONDS:g} s")
        time.sleep(0.5)  # asked again: the board tells how far it has come only when asked
    time.sleep(SETTLE_SECONDS)
    return keys


def newest(minmai: Minmai) -> str:
    """The newest day of any figure on the board; empty before there is one."""
    shown = httpx.get(f"{minmai.url('board')}/v1/indicators", timeout=60, trust_env=False).json()
    return max((figure["as_of"] for one in shown["indicators"] for figure in one["figures"]), default="")


def post(minmai: Minmai, key: str, stream: str, record: dict[str, Any]) -> None:
    """Push a record, and see that it was accepted."""
    answer = httpx.post(
        f"{minmai.url('ingest')}/v1/streams/{stream}",
        json=[record],
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    )
    if answer.status_code != 200:
        raise RuntimeError(f"{stream}: {answer.status_code} {answer.text[:300]}")


def opened(browser: Browser, minmai: Minmai, openings: int) -> tuple[list[float], list[float]]:
    """Open the board in so many new profiles: ms to the first paint, and to all figures."""
    paints, figures = [], []
    for _ in range(openings):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(minmai.url("board"), wait_until="commit")
        page.wait_for_selector("#main")
        paint, whole = page.evaluate(WHOLE)
        paints.append(paint)
        figures.append(whole)
        context.close()
    return paints, figures


def probed(page: Page, minmai: Minmai, key: str, probes: int) -> list[float]:
    """Push so many records; return the seconds until each was painted."""
    post(minmai, key, "facility", {**FACILITY, "time": f"{END}T20:00:00+08:00"})
    took = []
    for number in range(1, probes + 1):
        record = {"facility_id": FACILITY["facility_id"], "inclusive": 0, "enrolled": 0}
        told = {
            "total": 200 + 40 * (number % 2),
            "time": f"{END}T20:{number // 60:02}:{number % 60:02}+08:00",
        }
        seen = page.evaluate("window.__shown.length")
        began = time.time()
        post(minmai, key, "childcare-place", {**record, **told})
        page.wait_for_function("seen => window.__shown.length > seen", arg=seen, timeout=60_000)
        took.append(page.evaluate("window.__shown.at(-1)[1]") - began)
        time.sleep(random.random() * PAUSE_SECONDS)  # no probe in step with the blocks
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).stem)
    parser.add_argument("--openings", type=int, default=10)
    parser.add_argument("--probes", type=int, default=40)
    asked = parser.parse_args()
    print(machine())
    with running_minmai() as minmai:
        measure(minmai, asked.openings, asked.probes)


if __name__ == "__main__":
    main()
