"""`minmai alerts …`."""

from datetime import datetime
from typing import Annotated

import typer

from cli.alerts.declared import register
from cli.commands.options import Check, group

alerts = group("Alerts.")
register(alerts)


@alerts.command("serve")
def alerts_serve(check: Check = False) -> None:
    """Watch the figures and send alerts."""
    from cli import services

    services.alerts(check)


@alerts.command("backtest")
def alerts_backtest(
    *,
    rule: Annotated[str, typer.Argument(help="id of a rule on an indicator")],
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="first day; a year before the last, if none"),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day; the newest, if none")
    ] = None,
    threshold: Annotated[str | None, typer.Option(help="also with this threshold")] = None,
    clear_margin: Annotated[str | None, typer.Option(help="also with this clear margin")] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="also if it fires only after so long: 30m, 12h, 2d")
    ] = None,
    keep_firing: Annotated[str | None, typer.Option(help="also if it resolves only after so long")] = None,
    flapping: Annotated[str, typer.Option(help="fired again within this time of its end: flapped")] = "7d",
    as_known: Annotated[
        bool, typer.Option("--as-known", help="by what was known on each day: counts all records anew")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, with every alert")] = False,
) -> None:
    """Try a rule on the past: how often it would have fired, how long, how often it flapped."""
    from cli import alerts_backtest as command

    asked = command.Asked(
        first=first.date() if first else None,
        last=last.date() if last else None,
        threshold=threshold,
        clear_margin=clear_margin,
        for_=for_,
        keep_firing=keep_firing,
        flapping=flapping,
        as_known=as_known,
        as_json=as_json,
    )
    command.run(rule, asked)
