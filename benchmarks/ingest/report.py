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
    print(f"\nA file of {options.rows:,} rows alone, and another with 100 single records/s beside it")
    _row("", "seconds", "CPU s", "CPU µs/row", "memory MB", "s with singles")
    for kind, push in results.files.items():
        _file(f"{kind.upper()}, {push.bytes / 1e6:.1f} MB", push)
    _row("the single records' ms", "p50", "p99", "longest", "p99 ratio")
    for kind, push in results.files.items():
        ratio = percentile(push.beside.latencies, 0.99) / percentile(push.quiet.latencies, 0.99)
        _row(f"before the {kind.upper()}", *_latencies(push.quiet))
        _row(f"beside the {kind.upper()}", *_latencies(push.beside), f"{ratio:.1f}")
    print("  memory: resident before, and at its peak while the file was under way")
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
    half, most, longest = (
        f"{1000 * one:,.1f}" for one in (percentile(found, 0.5), percentile(found, 0.99), max(found))
    )
    return half, most, longest


def _file(what: str, push: FilePush) -> None:
    took = push.alone
    _row(
        what,
        f"{took.seconds:.1f}",
        f"{took.cpu:.1f}",
        f"{1e6 * took.cpu / push.rows:,.0f}",
        f"{took.memory_before:.0f} → {took.memory_peak:.0f}",
        f"{push.together.seconds:.1f}",
    )


def _row(what: str, *cells: str) -> None:
    print(f"  {what:<36}" + "".join(f"{cell:>16}" for cell in cells))
