"""Writes `deploy/grafana/dashboards/`: `python -m services.board.grafana.generate`, part of `make generate`.

Grafana reads them there as provisioning; `minmai grafana publish` makes the same of whatever plan it is
given.
"""

import json
from pathlib import Path
from typing import Any

from services.board.grafana import dashboards
from services.platform.plan import Plan, load_plan

_ROOT = Path(__file__).parents[3]
PLAN = _ROOT / "plans" / "yanshan"
FOLDER = _ROOT / "deploy" / "grafana" / "dashboards"
BOARD = "http://127.0.0.1:8101"
"""Where a board is on the machine of the compose file."""


def files(plan: Plan) -> dict[str, str]:
    """Return each dashboard's file by its name."""
    prefix = f"minmai-{plan.county.county}-"
    made = dashboards.of(plan, source=f"{prefix}clickhouse", prefix=prefix, board=BOARD)
    return {f"{one['uid'].removeprefix(prefix)}.json": text(one) for one in made}


def text(one: dict[str, Any]) -> str:
    """Return a dashboard as it stands in its file."""
    return json.dumps(one, ensure_ascii=False, indent=1) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write the dashboards; a file that is none of them is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = files(load_plan(PLAN))
    for superfluous in {path.name for path in folder.glob("*.json")} - wanted.keys():
        (folder / superfluous).unlink()
    for name, content in wanted.items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
