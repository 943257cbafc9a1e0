"""The cost of a record by the records before it: as a table, and as a picture."""

import importlib.util
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.machine import BUSY, ROOT

_FIGURES = ROOT / "docs" / "figures"


@dataclass
class Cost:
    """What was measured with so many records before; milliseconds where nothing else is said."""

    records: int
    begin: float
    """Seconds until the aggregator is ready."""
    ready: float
    """MB of the aggregator when it is ready."""
    newest: list[float] = field(default_factory=list)
    past: list[float] = field(default_factory=list)
    block: float = 0
    refresh: float = 0
    take_over: float = 0
    """CPU s of both for the first records: then the aggregator reads what was counted before."""
    alone: tuple[float, float] = (0, 0)
    """CPU ms of aggregator and ClickHouse for a record that comes alone, the waiting between included."""
    among: tuple[float, float] = (0, 0)
    """CPU µs of both for a record among many."""
    peak: float = 0
    """MB of the aggregator at its most."""


def drawing_is_possible() -> None:
    """Raise SystemExit, with what to do, if the library that draws is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise SystemExit("nothing to draw with: pip install -r benchmarks/requirements.txt")


HEADS = (
    *("records before", "newest day ms", "a past day ms", "block ms", "refresh ms"),
    *("alone: CPU ms aggregator", "ClickHouse", "among many: CPU µs aggregator", "ClickHouse"),
    *("memory MB, ready", "at most", "start s", "taking over: CPU s"),
)


def amounts(one: Cost) -> list[float]:
    """Return what is measured, in the order of the table."""
    return [
        *(median(one.newest), median(one.past), one.block, one.refresh),
        *(*one.alone, *one.among, one.ready, one.peak, one.begin, one.take_over),
    ]


def table(costs: list[Cost]) -> str:
    """Return the table in Markdown, and the ratios of the last row to the first."""
    lines = [HEADS, ["---"] * len(HEADS)]
    lines += [[f"{one.records:,}", *(f"{amount:.1f}" for amount in amounts(one))] for one in costs]
    if len(costs) > 1:
        both = zip(amounts(costs[-1]), amounts(costs[0]), strict=True)
        lines.append(["last ÷ first", *(f"{last / first:.2f}" if first else "—" for last, first in both)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def write(costs: list[Cost], machine: str, loaded: bool) -> None:
    """Keep table and picture in docs/figures."""
    _FIGURES.mkdir(parents=True, exist_ok=True)
    warning = f"{BUSY}\n\n" if loaded else ""
    told = f"{warning}{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {machine}; embedded broker and ClickHouse."
    command = " ".join(["python -m benchmarks.cost", *sys.argv[1:]])
    text = f"# The cost of a record\n\n{told}\n\n`{command}`\n\n![curve](cost.svg)\n\n{table(costs)}"
    (_FIGURES / "cost.md").write_text(text, encoding="utf-8")
    draw(costs, _FIGURES / "cost.svg")


def draw(costs: list[Cost], file: Path) -> None:
    """Draw time, CPU time and memory, each over the records before."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "minmai"  # the same figures make the same file
    from matplotlib import pyplot

    before = [one.records for one in costs]
    panels = {
        "from the topic to the changed figure, ms": {
            "newest day": [median(one.newest) for one in costs],
            "a past day": [median(one.past) for one in costs],
        },
        "CPU of a record among many, µs": {
            "aggregator": [one.among[0] for one in costs],
            "ClickHouse": [one.among[1] for one in costs],
        },
        "memory of the aggregator, MB": {
            "ready": [one.ready for one in costs],
            "at most": [one.peak for one in costs],
        },
    }
    figure, axes = pyplot.subplots(1, len(panels), figsize=(12, 3.6), layout="constrained")
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        for label, values in lines.items():
            axis.plot(before, values, marker="o", label=label)
        axis.set(title=title, xscale="log", xlabel="records before")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file, metadata={"Date": None})
