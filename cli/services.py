"""The commands that run one service, or only check its settings and the plan."""

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from cli.paths import plan_folder
from services.platform import logs
from services.platform.errors import MinmaiError, SettingsError
from services.platform.plan import load_plan
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


def mistakes_of(*kinds: type[Common]) -> list[str]:
    """Everything that is wrong with the settings of `kinds` and with the plan, each mistake once."""
    found: list[str] = []
    for kind in kinds:
        try:
            load(kind)
        except SettingsError as error:
            found.append(str(error))
    try:
        load_plan(plan_folder())
    except MinmaiError as error:
        found.append(str(error))
    # Services share settings: a line that one has reported is not repeated.
    return list(dict.fromkeys(line for message in found for line in message.splitlines()))


def _run(name: str, kind: type[S], serve: Callable[[S], None], check: bool) -> None:
    if check:
        mistakes = mistakes_of(kind)
        if mistakes:
            print("\n".join(mistakes), file=sys.stderr)
            raise typer.Exit(MISTAKES)
        print(f"{name}: 设置与规划均无误 · settings and plan are right")
        return
    settings = load(kind)
    logs.configure(name, settings.log_level)
    serve(settings)
