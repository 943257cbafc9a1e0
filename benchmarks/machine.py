"""What the benchmarks share: a minmai of their own on free ports, and what machine this is."""

import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.embedded.child import Child
from tests.support.ports import free_port

ROOT = Path(__file__).parents[1]
PORTS = ("ingest", "board", "alerts", "aggregate", "clickhouse", "clickhouse-http", "kafka")


@dataclass(frozen=True)
class Minmai:
    """A running one-machine minmai."""

    ports: Mapping[str, int]
    folder: Path
    pid: int

    def host(self, part: str) -> str:
        return f"127.0.0.1:{self.ports[part]}"

    def url(self, part: str) -> str:
        return f"http://{self.host(part)}"


@contextmanager
def running_minmai(clock: str = "event") -> Iterator[Minmai]:
    """Start `minmai up` without feeds on free ports and an empty folder; end it afterwards."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    with tempfile.TemporaryDirectory(prefix="minmai-bench-") as folder:
        options = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--data", folder, *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "MINMAI_CLOCK": clock},
        )
        try:
            wait_ready(process, [f"http://127.0.0.1:{ports[name]}/readyz" for name in PORTS[:4]])
            yield Minmai(ports, Path(folder), process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def wait_ready(process: "subprocess.Popen[bytes] | Child", urls: list[str], seconds: float = 90) -> None:
    """Return when every URL answers 200; raises RuntimeError if the process ends or time runs out."""
    end = time.monotonic() + seconds
    for url in urls:
        while True:
            code = process.code if isinstance(process, Child) else process.poll()
            if code is not None:
                raise RuntimeError(f"what shall answer at {url} ended with code {code} before it was ready")
            try:
                if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if time.monotonic() > end:
                raise RuntimeError(f"{url} is not ready after {seconds:.0f} s")
            time.sleep(0.1)  # asked again: a service that starts tells nobody


def free_ports(number: int) -> list[int]:
    """Return different ports that nobody listens on now."""
    ports: set[int] = set()
    while len(ports) < number:
        ports.add(free_port())
    return list(ports)


def machine() -> str:
    """Name the machine, and how busy it is with other things: a figure means nothing without that."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f}"
    )


BUSY = "**Measured on a loaded machine: times are no figures of minmai, and CPU times are too high.**"


def busy() -> bool:
    """Return whether other things take a quarter of a core or more, looked at for a second."""
    before = _ticks()
    time.sleep(1)  # the second it is looked at for
    return _ticks() - before > 0.25 * os.sysconf("SC_CLK_TCK")


def _ticks() -> int:
    """Return the ticks in which the machine's cores were not idle."""
    user, nice, system, _idle, _wait, *rest = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(map(int, (user, nice, system, *rest[:3])))


def memory(root: int) -> dict[str, float]:
    """Return the resident memory, in MB, of a process's children, by what they run."""
    return {
        name: int(fields["VmRSS"].split()[0]) / 1024
        for name, (_pid, fields) in _children(root).items()
        if "VmRSS" in fields
    }


def children(root: int) -> dict[str, int]:
    """Return the process ids of a process's children, by what they run, as `memory` names them."""
    return {name: pid for name, (pid, _fields) in _children(root).items()}


def _children(root: int) -> dict[str, tuple[int, dict[str, str]]]:
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(fields["PPid"]) == root:
            found[_name(command)] = int(fields["Pid"]), fields
    return found


def _name(command: str) -> str:
    for part in ("ingest", "aggregate", "alerts", "board", "sample.feed", "embedded.clickhouse", "tansu"):
        if part in command:
            return part.split(".")[-1]
    return command[:60]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, that a process has taken so far, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_peak(pid: int) -> None:
    """Let the peak memory of a process begin anew from what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_memory(pid: int) -> float:
    """Return the peak resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
