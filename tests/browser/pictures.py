"""Pictures of a running board, for the README.

    .venv/bin/python -m tests.browser.pictures [--board URL] [--into FOLDER]

Without a URL it starts the demo on ports of its own and ends it afterwards. It waits until the invented
county has come to its live days, so that there is a history to show.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks.machine import PORTS, ROOT, free_ports, wait_ready
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE_MS
from tests.browser.views import PHONE, VIEWS

LIVE_FROM = "2025-01-01"
READ = """() => {
    const waits = (one) => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight;
    return ![...document.querySelectorAll("[aria-busy]")].some(waits);
}"""
HISTORY_SECONDS = 300.0


@dataclass(frozen=True)
class Picture:
    """A picture of a view, by its name in VIEWS."""

    name: str
    view: str
    lang: Literal["both", "zh", "en"] = "both"
    scheme: Literal["light", "dark"] = "light"
    width: int = 1440
    height: int = 900
    path: str = ""
    ready: str = ""
    """A place of its own, instead of the view's, and what stands there once it is shown."""


PICTURES = (
    Picture("board", "overview"),
    Picture("figure", "figure"),
    Picture("dashboards", "dashboards", path="/#dashboards/health", ready=".box"),
    Picture("townships", "townships", scheme="dark"),
    Picture("wall", "wall", scheme="dark", width=1920, height=1080),
    Picture("board-en", "overview", lang="en"),
    Picture("figure-en", "figure", lang="en"),
    Picture("phone", "overview", lang="en", scheme="dark", width=PHONE, height=844),
)


def take(board: str, into: Path) -> None:
    """Take all pictures of the board at a URL, as soon as it has come to its live days."""
    _wait_for_history(board)
    into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for picture in PICTURES:
            _take(browser, board, picture, into / f"{picture.name}.png")
            print(into / f"{picture.name}.png")
        browser.close()


def _wait_for_history(board: str) -> None:
    end = time.monotonic() + HISTORY_SECONDS
    while _newest_day(board) < LIVE_FROM:
        if time.monotonic() > end:
            raise RuntimeError(f"{board} has not come to {LIVE_FROM} after {HISTORY_SECONDS:g} s")
        time.sleep(1)


def _newest_day(board: str) -> str:
    shown = httpx.get(f"{board}/v1/indicators", timeout=60, trust_env=False).raise_for_status().json()
    return max((figure["as_of"] for one in shown["indicators"] for figure in one["figures"]), default="")


def _take(browser: Browser, board: str, picture: Picture, file: Path) -> None:
    [view] = [one for one in VIEWS if one.name == picture.view]
    view = replace(view, path=picture.path or view.path, ready=picture.ready or view.ready)
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        device_scale_factor=2 if picture.width == PHONE else 1,
        color_scheme=picture.scheme,
        reduced_motion="reduce",
        locale="zh-CN",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    path, _, address = view.path.partition("#")
    page.goto(f"{board}{path}{'&' if '?' in path else '?'}lang={picture.lang}#{address}")
    view.wait(page)
    if view.live:
        page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_function(READ)
    page.screenshot(path=file)
    context.close()


@contextmanager
def running_demo() -> Iterator[str]:
    """Start `minmai up --feed` on free ports; yields its board's URL."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    with tempfile.TemporaryDirectory(prefix="minmai-pictures-") as folder:
        options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--feed", "--data", folder, *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_ready(process, [f"http://127.0.0.1:{ports['board']}/readyz"])
            yield f"http://127.0.0.1:{ports['board']}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description="pictures of a running board")
    parser.add_argument("--board", help="the URL of a board that runs; without it the demo is started")
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images", help="folder of the pictures")
    asked = parser.parse_args()
    if asked.board:
        take(asked.board, asked.into)
        return
    with running_demo() as board:
        take(board, asked.into)


if __name__ == "__main__":
    main()
