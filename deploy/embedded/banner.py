"""What `minmai up` prints when all is ready: where everything is, and what to do next."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from deploy.embedded.datafolder import DataFolder
from services.board.settings import BoardSettings
from services.platform.access.users import listed
from services.platform.plan import load_plan

if TYPE_CHECKING:
    from deploy.embedded.up import Ports

_COLUMN = 26


def of(data: DataFolder, ports: "Ports", settings: BoardSettings, invented: bool) -> str:
    """The addresses as a tidy block, Chinese first."""
    host = settings.host
    rows = [
        ("看板 board", f"http://{host}:{ports.board}"),
        ("接收 ingest", f"http://{host}:{ports.ingest}"),
        ("告警 alerts", f"http://{host}:{ports.alerts}/v1/alerts"),
        ("计算 aggregate", f"http://{host}:{ports.aggregate}/metrics"),
        ("数据库 ClickHouse", f"127.0.0.1:{ports.clickhouse}  http://127.0.0.1:{ports.clickhouse_http}"),
        ("消息总线 Kafka", f"127.0.0.1:{ports.kafka}"),
        ("数据目录 data", str(data.path)),
        ("日志 logs", str(data.logs)),
    ]
    block = "\n".join(f"  {_padded(name)}{where}" for name, where in rows)
    hint = (
        "  数据为虚构，仅供演示 · the records are invented, for show only"
        if invented
        else _first_record(data, ports, settings)
    )
    if settings.sign_in == "password" and not listed(settings.users):
        hint = f"{_first_user(settings)}\n\n{hint}"
    return f"{block}\n\n{hint}\n  按 Ctrl-C 全部停止 · Ctrl-C ends everything"


def _first_user(settings: BoardSettings) -> str:
    return f"""\
  还没有用户，先添加一个（另开终端） · there are no users yet, add one first (in another terminal):

    {_command()} user add admin --role admin --file {shlex.quote(str(settings.users))}"""


def _first_record(data: DataFolder, ports: "Ports", settings: BoardSettings) -> str:
    plan = load_plan(settings.plan)
    community = next(code for code, one in plan.divisions.items() if one.level == "community")
    record = (
        f'{{"facility_id": "TY-001", "name": "示例托育园", "kind": "childcare", "division": "{community}", '
        '"status": "open", "ownership": "public", "time": "2026-01-05T09:00:00+08:00"}'
    )
    return f"""\
  登记单位，再推送第一条数据（另开终端） · add an agency, then push a first record (in another terminal):

    {_command()} agency add demo-bureau --stream facility --division {plan.county.county} \\
      --file {shlex.quote(str(data.agencies))}
    curl -H 'Authorization: Bearer 密钥KEY' -H 'Content-Type: application/json' \\
      http://127.0.0.1:{ports.ingest}/v1/streams/facility -d '{record}'
"""


def _command() -> str:
    """How to call this very minmai from the working directory, also where it is on no PATH."""
    script = Path(sys.executable).with_name("minmai")
    if script.is_relative_to(Path.cwd()):
        script = script.relative_to(Path.cwd())
    return shlex.quote(str(script))


def _padded(text: str) -> str:
    wide = sum(east_asian_width(character) in "WF" for character in text)
    return text + " " * (_COLUMN - len(text) - wide)
