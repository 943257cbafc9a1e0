"""`minmai doctor`: whether this machine can run the one-machine default, and what to do where it cannot."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from cli.paths import plan_folder
from deploy.embedded import up
from services.platform.errors import MinmaiError, SettingsError
from services.platform.plan import load_plan
from services.platform.settings import PREFIX

_PACKAGES = (
    *(
        "aiokafka",
        "clickhouse_driver",
        "clickhouse_migrations",
        "fastapi",
        "faust",
        "httpx",
        "kafka",
        "orjson",
    ),
    *("prometheus_client", "pydantic", "pydantic_settings", "typer", "tzdata", "uvicorn", "yaml"),
)
_OLDEST = (3, 11)
_PROBE_SECONDS = 60


class _NotOk(Exception):
    """What is wrong, and the remedy."""


def report(data: Path) -> int:
    """Print a line for each check; return the exit code: 0 if all are ok, else 1."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("软件包 packages", _packages),
        ("消息总线 broker", _broker),
        ("ClickHouse (chDB)", _chdb),
        ("数据目录 data folder", lambda: _writable(data)),
        ("规划 plan", _plan),
        *(
            (f"端口 port {port}", lambda port=port, name=name: _port(port, name))
            for name, port in _ports().named()
        ),
    ]
    worst = 0
    for name, check in checks:
        try:
            print(f"ok      {name}: {check()}")
        except (_NotOk, MinmaiError) as wrong:
            worst = 1
            print(f"not ok  {name}: {wrong}")
    return worst


def _ports() -> up.Ports:
    """The ports that `minmai up` would take without options; raises SettingsError for one that is none."""
    wanted: dict[str, int] = {}
    for name, usual in asdict(up.Ports()).items():
        variable = f"{PREFIX}{name.upper()}_PORT"
        told = os.environ.get(variable, str(usual))
        if not told.isdecimal():
            raise SettingsError(f"{variable}: {told!r} is no port")
        wanted[name] = int(told)
    return up.Ports(**wanted)


def _python() -> str:
    version = sys.version.split()[0]
    if sys.version_info < _OLDEST:
        raise _NotOk(f"{version}; install Python 3.11 or newer, then `make install`")
    return version


def _packages() -> str:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise _NotOk(f"missing: {', '.join(missing)}; `make install` brings them")
    return f"{len(_PACKAGES)} there"


def _broker() -> str:
    from deploy.embedded.broker import binary

    return _runs([binary(), "--version"], "the broker's executable does not run on this machine")


def _chdb() -> str:
    """In a process of its own: on a processor too old for it the engine would end this one."""
    program = "import chdb._chdb, clickhouse_cityhash, lz4; print('there, and it loads')"
    return _runs(
        [sys.executable, "-c", program],
        "the ClickHouse engine does not load: `make install` brings it, it needs a 64-bit processor of the "
        "last ten years",
    )


def _writable(data: Path) -> str:
    """Nothing is left behind: a folder that is not there yet is judged by the one it will be made in."""
    there = data.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            free = os.statvfs(there)
    except OSError as error:
        raise _NotOk(
            f"{there}: {error.strerror}; choose another folder with --data or mend its rights"
        ) from error
    return f"{data.absolute()} ({free.f_bavail * free.f_frsize / 1e9:.0f} GB free)"


def _plan() -> str:
    plan = load_plan(plan_folder())
    return f"{plan.county.name.zh}, {len(plan.indicators)} indicators"


def _port(port: int, name: str) -> str:
    up.check_port(up.HOST, port, name)
    return f"free for {name}"


def _runs(command: list[str], trouble: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the argument list is our own
            command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NotOk(f"{trouble} ({error})") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise _NotOk(f"{trouble} (code {done.returncode}: {last})")
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "runs"
