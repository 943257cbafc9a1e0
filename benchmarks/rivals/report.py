"""The table of a contest, for the terminal and as Markdown."""

from dataclasses import dataclass

from benchmarks.backlog import Run


@dataclass(frozen=True)
class Entry:
    """What one contestant came to: a run, or why there is none."""

    name: str
    run: Run | None
    guarantees: str
    why: str = ""


HEADS = (
    *("", "records/s", "of minmai's", "CPU s per million: worker", "ClickHouse", "broker", "together"),
    *("peak memory MB", "guarantees"),
)


def markdown(entries: list[Entry], told: list[str]) -> str:
    """Return heading lines, the table with minmai in its first row, and who could not be measured."""
    first = entries[0].run
    lines = [*told, "", _line(HEADS), _line(["---"] * len(HEADS))]
    for one in entries:
        if one.run is None:
            lines.append(_line([one.name, *["—"] * (len(HEADS) - 2), f"not measured: {one.why}"]))
            continue
        cpu = [one.run.cpu.get(part) for part in ("worker", "ClickHouse", "broker")]
        lines.append(
            _line(
                [
                    one.name,
                    f"{one.run.rate:,.0f}",
                    f"{one.run.rate / first.rate:.2f}" if first else "—",
                    *("in the worker" if used is None else f"{used:.1f}" for used in cpu),
                    f"{sum(one.run.cpu.values()):.1f}",
                    f"{one.run.memory:.0f}",
                    one.guarantees,
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _line(cells: "list[str] | tuple[str, ...]") -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
