"""`minmai up`, and each service by itself."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import Check
from cli.paths import plan_folder


def up(
    *,
    data: Annotated[
        Path | None, typer.Option(help="folder of what is kept; data, with --feed data/demo")
    ] = None,
    feed: Annotated[bool, typer.Option("--feed", help="invent a county and feed its records")] = False,
    seconds_per_day: Annotated[
        float, typer.Option(min=0.01, help="how long a day of the invented county takes")
    ] = 4.0,
    live_from: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="day from which it takes that long; before, it is history"),
    ] = datetime(2025, 1, 1),  # noqa: DTZ001 - a calendar day
    ingest_port: Annotated[int, typer.Option(envvar="MINMAI_INGEST_PORT")] = 8100,
    board_port: Annotated[int, typer.Option(envvar="MINMAI_BOARD_PORT")] = 8101,
    alerts_port: Annotated[int, typer.Option(envvar="MINMAI_ALERTS_PORT")] = 8102,
    aggregate_port: Annotated[int, typer.Option(envvar="MINMAI_AGGREGATE_PORT")] = 8103,
    clickhouse_port: Annotated[int, typer.Option(envvar="MINMAI_CLICKHOUSE_PORT")] = 9000,
    clickhouse_http_port: Annotated[int, typer.Option(envvar="MINMAI_CLICKHOUSE_HTTP_PORT")] = 8123,
    kafka_port: Annotated[int, typer.Option(envvar="MINMAI_KAFKA_PORT")] = 9092,
) -> None:
    """Start everything on this machine, brokers and database included; Ctrl-C ends it all."""
    from deploy.embedded import up as one_machine

    ports = one_machine.Ports(
        ingest=ingest_port,
        board=board_port,
        alerts=alerts_port,
        aggregate=aggregate_port,
        clickhouse=clickhouse_port,
        clickhouse_http=clickhouse_http_port,
        kafka=kafka_port,
    )
    folder = data or (Path("data/demo") if feed else Path("data"))
    invented = one_machine.Feed(seconds_per_day, live_from.date()) if feed else None
    one_machine.run(folder, ports, plan_folder(), invented)


def ingest(check: Check = False) -> None:
    """Take in agencies' records over HTTP."""
    from cli import services

    services.ingest(check)


def aggregate(check: Check = False) -> None:
    """Count records and keep the figures."""
    from cli import services

    services.aggregate(check)


def board(check: Check = False) -> None:
    """Serve the live board and the indicator API."""
    from cli import services

    services.board(check)
