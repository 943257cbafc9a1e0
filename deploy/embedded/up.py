"""`minmai up`: the whole of minmai on one machine, broker and ClickHouse included.

broker ──► topics ─┐
ClickHouse ► schema ┴► ingest, aggregate, alerts, board ──► with --feed: an invented county's records
"""

import importlib.util
import logging
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import FrameType

from deploy.embedded import banner, broker, probes
from deploy.embedded.datafolder import LINK_SECRET, SESSION_SECRET, DataFolder, secret_of
from deploy.embedded.supervisor import Part, Supervisor
from services.aggregate.settings import AggregateSettings
from services.alerts.settings import AlertsSettings
from services.board.settings import BoardSettings
from services.ingest.settings import IngestSettings
from services.platform import logs
from services.platform.checking import mistakes
from services.platform.clickhouse import ClickHouse
from services.platform.errors import SettingsError, StartError
from services.platform.migrations import migrate
from services.platform.plan import load_plan
from services.platform.settings import PREFIX, Common, load
from services.platform.topics import ensure_topics

HOST = broker.HOST
ROOT = Path(__file__).parents[2]

_INTERRUPTED_TWICE = 130
_ENGINE_PACKAGES = ("chdb", "clickhouse_cityhash", "lz4")
_SECRETS = {LINK_SECRET: f"{PREFIX}ALERTS_LINK_SECRET", SESSION_SECRET: f"{PREFIX}SESSION_SECRET"}
_NO_PLACE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Ports:
    """Where each part listens."""

    ingest: int = 8100
    board: int = 8101
    alerts: int = 8102
    aggregate: int = 8103
    clickhouse: int = 9000
    clickhouse_http: int = 8123
    kafka: int = 9092

    def named(self) -> list[tuple[str, int]]:
        """Each part that listens, by the name of its option, with its port."""
        return [(name.replace("_", "-"), port) for name, port in asdict(self).items()]


@dataclass(frozen=True)
class Feed:
    """An invented county's records: its history at once, from `live_from` on a day in so many seconds."""

    seconds_per_day: float
    live_from: date


def run(folder: Path, ports: Ports, plan: Path, feed: Feed | None = None) -> None:
    """Start everything on `folder` and keep it running until SIGINT, SIGTERM or SIGHUP.

    A second signal kills everything and ends this process with exit code 130.

    Raises SettingsError with every mistake in settings and plan, StartError if a dependency is missing, ports
    are taken, the folder cannot be used or a part does not start; nothing is left running then.
    """
    began = time.monotonic()
    invented = feed is not None
    os.environ.update(_environment(folder.absolute(), ports, plan.absolute(), invented=invented))
    secrets = {name: secret_of(folder, name) for name in _SECRETS}
    for name, variable in _SECRETS.items():
        os.environ.setdefault(variable, secrets[name])
    wrong = mistakes(plan, IngestSettings, AggregateSettings, AlertsSettings, BoardSettings)
    if wrong:
        raise SettingsError("\n".join(wrong))
    settings = load(BoardSettings)
    _check_packages()
    data = DataFolder(folder)
    data.keep_apart(invented=invented)
    for name, secret in secrets.items():
        data.keep(name, secret)
    _check_ports(ports, settings.host)
    with (data.logs / "up.log").open("a", encoding="utf-8") as log:
        logs.configure("up", settings.log_level, log)
        parts = _parts(data, ports, settings)
        if feed is not None:
            parts.append(_feed(data, ports, settings, feed))
        _keep_running(Supervisor(parts, data.logs, _say), began, banner.of(data, ports, settings, invented))
        logging.shutdown()


def check_port(host: str, port: int, name: str) -> None:
    """Raise StartError if `host`:`port` cannot be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections do not count
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(
                f"端口 {port}（{name}）不可用 · port {port}, wanted by {name}: {error.strerror}; end what "
                f"uses it, or choose another with --{name}-port"
            ) from error


def _environment(folder: Path, ports: Ports, plan: Path, *, invented: bool) -> dict[str, str]:
    """What the services are told; `setdefault` where the user may know better."""
    fixed = {
        "KAFKA": f"{HOST}:{ports.kafka}",
        "CLICKHOUSE_HOST": HOST,
        "CLICKHOUSE_PORT": ports.clickhouse,
        "CLICKHOUSE_USER": "default",
        "INGEST_PORT": ports.ingest,
        "BOARD_PORT": ports.board,
        "ALERTS_PORT": ports.alerts,
        "AGGREGATE_PORT": ports.aggregate,
        "PLAN": plan,
        "AGENCIES": folder / "agencies.json",
        "JOURNAL": folder / "journal",
        "USERS": folder / "users.json",
        **({"CLOCK": "event", "SYNTHETIC": "true"} if invented else {}),
    }
    preset = {
        "CLOCK": "wall",
        "BOARD_URL": f"http://{HOST}:{ports.board}",
        "ALERTS_URL": f"http://{HOST}:{ports.alerts}",
        # The embedded broker lets a group wait for half of this time whenever a member joins.
        "SESSION_TIMEOUT_MS": 3_000,
    }
    chosen = {name: os.environ.get(PREFIX + name, value) for name, value in preset.items()}
    return {PREFIX + name: str(value) for name, value in (chosen | fixed).items()}


def _check_packages() -> None:
    missing = [name for name in _ENGINE_PACKAGES if not _importable(name)]
    trouble = [f"the embedded ClickHouse lacks {', '.join(missing)}"] if missing else []
    try:
        broker.binary()
    except StartError as error:
        trouble.append(str(error))
    if trouble:
        raise StartError(
            "缺少依赖 · dependencies are missing:\n  "
            + "\n  ".join(trouble)
            + "\n`make install`, or pip install 'minmai[embedded]', brings them"
        )


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def _check_ports(ports: Ports, host: str) -> None:
    trouble = [
        f"端口 {port} 被指定了 {times} 次 · port {port} is given {times} times"
        for port, times in Counter(port for _name, port in ports.named()).items()
        if times > 1
    ]
    for name, port in ports.named():
        embedded = name.startswith(("clickhouse", "kafka"))
        try:
            check_port(HOST if embedded else host, port, name)
        except StartError as error:
            trouble.append(str(error))
    if trouble:
        raise StartError("无法启动 · cannot start:\n  " + "\n  ".join(trouble))


def _parts(data: DataFolder, ports: Ports, settings: Common) -> list[Part]:
    near = HOST if settings.host in _NO_PLACE else settings.host
    environment = {**os.environ, "TMPDIR": str(data.scratch)}
    bootstrap = f"{HOST}:{ports.kafka}"

    def service(name: str, title: str, port: int, *words: str) -> Part:
        return Part(
            name,
            title,
            [sys.executable, "-m", "cli.main", *words],
            lambda: _discard(probes.answers_ok(near, port, "/readyz")),
            alive=lambda: _discard(probes.answers_ok(near, port, "/healthz")),
            needs=("broker", "clickhouse"),
            # A broker that has lost its log has other topics: whoever knows the old ones begins anew.
            follows=("broker",),
            env=environment,
            cwd=ROOT,
        )

    return [
        Part(
            "broker",
            "消息总线 broker",
            broker.command(ports.kafka),
            lambda: probes.broker_answers(HOST, ports.kafka),
            # One partition a stream: on one machine more would only make ClickHouse's parts smaller.
            lambda: _discard(ensure_topics(bootstrap, partitions=1)),
            env=broker.ENVIRONMENT,
            cwd=Path(broker.WORKING_DIRECTORY),
        ),
        Part(
            "clickhouse",
            "数据库 ClickHouse",
            [
                *(sys.executable, "-m", "deploy.embedded.clickhouse", "--path", str(data.clickhouse)),
                *("--port", str(ports.clickhouse), "--http-port", str(ports.clickhouse_http)),
            ],
            lambda: _discard(probes.answers_ok(HOST, ports.clickhouse_http, "/ping")),
            lambda: _discard(migrate(settings)),
            env=environment,
            cwd=ROOT,
        ),
        service("ingest", "接收 ingest", ports.ingest, "ingest"),
        service("aggregate", "计算 aggregate", ports.aggregate, "aggregate"),
        service("alerts", "告警 alerts", ports.alerts, "alerts", "serve"),
        service("board", "看板 board", ports.board, "board"),
    ]


def _feed(data: DataFolder, ports: Ports, settings: Common, feed: Feed) -> Part:
    from cli.sample.outbox import AGENCIES

    near = HOST if settings.host in _NO_PLACE else settings.host
    clickhouse = ClickHouse(settings)
    data.admit_sample_agencies(AGENCIES, load_plan(settings.plan).county.county)
    return Part(
        "feed",
        "虚构数据 feed",
        [
            *(sys.executable, "-m", "cli.sample.feed", "--ingest", f"http://{near}:{ports.ingest}"),
            *("--keys", str(data.sample_keys), "--state", str(data.feed_state)),
            *("--seconds-per-day", str(feed.seconds_per_day), "--live-from", feed.live_from.isoformat()),
        ],
        lambda: probes.county_has_figures(clickhouse),
        needs=("ingest",),
        env={**os.environ, "TMPDIR": str(data.scratch)},
        cwd=ROOT,
    )


def _keep_running(supervisor: Supervisor, began: float, addresses: str) -> None:
    with _signals(supervisor):
        _say("启动中 · starting …")
        try:
            if supervisor.start():
                _say(f"\n民脉已就绪，用时 {time.monotonic() - began:.1f} 秒 · ready\n\n{addresses}\n")
                supervisor.run()
        finally:
            asked = time.monotonic()
            _say("\n正在停止 · stopping …（再按一次 Ctrl-C 立即终止 · Ctrl-C again kills at once）")
            supervisor.stop()
            _say(f"已全部停止，用时 {time.monotonic() - asked:.1f} 秒 · everything has stopped")


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP asks the supervisor to stop, the second kills everything."""
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            supervisor.strike()
            os._exit(_INTERRUPTED_TWICE)
        asked = True
        supervisor.ask_to_stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: it shall outlive the terminal
        numbers.append(signal.SIGHUP)
    before: Mapping[signal.Signals, object] = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned


def _say(text: str) -> None:
    """Tell the person at the terminal; that nobody listens any more is no reason to end."""
    with suppress(OSError):
        print(text, flush=True)


def _discard(_answer: object) -> None:
    """A probe says all by not raising."""
