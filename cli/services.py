"""The commands that run one service, or only check its settings and the plan."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from cli.paths import plan_folder
from services.platform import logs
from services.platform.checking import mistakes
from services.platform.settings import Common, load

S = TypeVar("S", bound=Common)

MISTAKES = 2
"""Exit code of --check when something is wrong."""


def ingest(check: bool) -> None:
    from services.ingest.settings import IngestSettings

    def serve(settings: IngestSettings) -> None:
        from services.ingest.app import serve

        serve(settings)

    _run("ingest", IngestSettings, serve, check)


def aggregate(check: bool) -> None:
    from services.aggregate.settings import AggregateSettings

    def serve(settings: AggregateSettings) -> None:
        from services.aggregate.app import serve

        serve(settings)

    _run("aggregate", AggregateSettings, serve, check)


def alerts(check: bool) -> None:
    from services.alerts.settings import AlertsSettings

    def serve(settings: AlertsSettings) -> None:
        from services.alerts.app import serve

        serve(settings)

    _run("alerts", AlertsSettings, serve, check)


def board(check: bool) -> None:
    from services.board.settings import BoardSettings

    def serve(settings: BoardSettings) -> None:
        from services.board.app import serve

        serve(settings)

    _run("board", BoardSettings, serve, check)


def _run(name: str, kind: type[S], serve: Callable[[S], None], check: bool) -> None:
    os.environ.setdefault("MINMAI_PLAN", str(plan_folder()))
    if check:
        wrong = mistakes(plan_folder(), kind)
        if wrong:
            print("\n".join(wrong), file=sys.stderr)
            raise typer.Exit(MISTAKES)
        print(f"{name}: 设置与规划均无误 · settings and plan are right")
        return
    settings = load(kind)
    logs.configure(name, settings.log_level)
    serve(settings)
