"""The figures as people read them."""

from benchmarks.ingest.client import FilePush, Paced
from benchmarks.ingest.scenarios import RECORDS_TARGET, REQUESTS_TARGET, Options, Rates, Results
from benchmarks.machine import percentile

_KEPT_PACE = 0.99


def report(results: Results, options: Options) -> None:
    """Print all figures, targets beside them."""
    batches, singles = results.batches, results.singles
    print(
        f"\nAs fast as it goes: medians of {options.rounds} rounds of {options.seconds:g} s, "
        "ours and bare in turn; "
        f"connections: {batches.connections} with batches (bare: batches in flight), "
        f"{singles.connections} with single records"
    )
    _row("", "ours", "bare rival", "ratio", "target")
    _rates(f"batches of {batches.records}, records/s", batches, RECORDS_TARGET)
    _rates("single records, requests/s", singles, REQUESTS_TARGET)
    _cpu(f"batches of {batches.records}, CPU µs/record", batches)
    _cpu("single records, CPU µs/request", singles)
    print("\nAt half the target: ms from the moment a request was due to its answer")
    _row("", "p50", "p99", "longest", "answered/s", "pace", "CPU µs/record")
    _paced(
        f"batches of {options.batch}",
        results.paced_batches,
        options.batch,
        RECORDS_TARGET / 2 / options.batch,
    )
    _paced("single records", results.paced_singles, 1, REQUESTS_TARGET / 2)
    print(
        f"\nA file of {options.rows:,} rows, and 100 single records/s beside it: "
        "their ms alone, before the file, and beside it"
    )
    _row(
        "",
        "seconds",
        "CPU s",
        "CPU µs/row",
        "memory MB",
        "p50 alone",
        "p50 beside",
        "p99 alone",
        "p99 beside",
        "longest",
        "ratio p99",
    )
    for kind, push in results.files.items():
        _file(f"{kind.upper()}, {push.bytes / 1e6:.1f} MB", push)
    print(
        "  CPU: of the whole process less what the single records alone took; memory: resident, before → peak"
    )
    print(
        f"\n{results.on_topic:,} records were answered as accepted and lie on the topic, "
        f"{results.copies:,} copies beside them"
    )


def _rates(what: str, rates: Rates, target: float) -> None:
    ours, bare = rates.rate(rates.ours), rates.rate(rates.bare)
    verdict = "reached" if ours >= target else "missed"
    _row(what, f"{ours:,.0f}", f"{bare:,.0f}", f"{rates.ratio:.2f}", f"{target:,} {verdict}")


def _cpu(what: str, rates: Rates) -> None:
    ours, bare = rates.cpu(rates.ours), rates.cpu(rates.bare)
    _row(what, f"{ours:,.0f}", f"{bare:,.0f}", f"{ours / bare:.2f}", "")


def _paced(what: str, paced: Paced, records: int, rate: float) -> None:
    _row(
        what,
        *_latencies(paced),
        f"{paced.rate:,.1f} of {rate:g}",
        "kept" if paced.rate >= _KEPT_PACE * rate else "not kept",
        f"{1e6 * paced.cpu / paced.sent / records:,.0f}",
    )


def _latencies(paced: Paced) -> tuple[str, str, str]:
    found = paced.latencies
    return tuple(
        f"{1000 * one:,.1f}" for one in (percentile(found, 0.5), percentile(found, 0.99), max(found))
    )  # type: ignore[return-value]


def _file(what: str, push: FilePush) -> None:
    alone, beside = push.alone, push.beside
    cpu = push.cpu - push.seconds * alone.cpu / alone.seconds
    p50, p99, _longest = _latencies(alone)
    p50_beside, p99_beside, longest = _latencies(beside)
    ratio = percentile(beside.latencies, 0.99) / percentile(alone.latencies, 0.99)
    _row(
        what,
        f"{push.seconds:.1f}",
        f"{cpu:.1f}",
        f"{1e6 * cpu / push.rows:,.0f}",
        f"{push.memory_before:.0f} → {push.memory_peak:.0f}",
        *(p50, p50_beside, p99, p99_beside, longest, f"{ratio:.1f}"),
    )


def _row(what: str, *cells: str) -> None:
    print(f"  {what:<36}" + "".join(f"{cell:>15}" for cell in cells))
