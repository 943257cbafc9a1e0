"""`minmai alerts …`: who hears of alerts, and what people say about them.

What the commands do is imported when they run.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

_ZONED = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
By = Annotated[str, typer.Option("--by", help="who says so; none: the user of this machine")]
NoticeId = Annotated[str, typer.Argument(help="id of the notice, or its beginning")]
Severity = Annotated[list[str] | None, typer.Option(help="info, warning, critical; several times")]
Theme = Annotated[list[str] | None, typer.Option(help="a theme of indicators; several times")]
Indicator = Annotated[list[str] | None, typer.Option(help="an indicator; several times")]
RuleKind = Annotated[list[str] | None, typer.Option(help="a kind of rule: value, forecast, …; several times")]
Rule = Annotated[list[str] | None, typer.Option(help="a rule; several times")]
Division = Annotated[
    list[str] | None, typer.Option(help="a division code, with what lies in it; several times")
]
Townships = Annotated[
    bool | None, typer.Option("--townships/--no-townships", help="divisions include what lies in them")
]


def register(alerts: typer.Typer) -> None:
    """Add the commands."""
    _of_people(alerts)
    _of_orders(alerts)


def _of_people(alerts: typer.Typer) -> None:

    @alerts.command("subscribe")
    def subscribe(
        *,
        id: Annotated[str, typer.Argument(help="a short name, such as li-fang or health-bureau")],
        to: Annotated[
            list[str] | None,
            typer.Option(help="CHANNEL:ADDRESS, as mail:li@county.example; may be given several times"),
        ] = None,
        name: Annotated[str | None, typer.Option(help="the full name; none: the id")] = None,
        kind: Annotated[str | None, typer.Option(help="person or system")] = None,
        language: Annotated[str | None, typer.Option(help="zh, en or both")] = None,
        severity: Severity = None,
        theme: Theme = None,
        indicator: Indicator = None,
        rule_kind: RuleKind = None,
        rule: Rule = None,
        division: Division = None,
        townships: Townships = None,
        hears: Annotated[
            list[str] | None, typer.Option(help="firing, resolved, no_data, correction; none: all")
        ] = None,
        mode: Annotated[str | None, typer.Option(help="at_once, digest, each or every")] = None,
        digest_at: Annotated[str | None, typer.Option(help="HH:MM")] = None,
        quiet: Annotated[str | None, typer.Option(help="HH:MM-HH:MM; none: no quiet hours")] = None,
        zone: Annotated[str | None, typer.Option(help="time zone, as Asia/Shanghai")] = None,
        critical_passes: Annotated[
            bool | None,
            typer.Option("--critical-passes/--critical-waits", help="or quiet hours and digest hold for it"),
        ] = None,
        group_wait: Annotated[str | None, typer.Option(help="as 30s")] = None,
        group_interval: Annotated[str | None, typer.Option(help="as 5m")] = None,
        repeat: Annotated[str | None, typer.Option(help="as 12h or 7d; 0: never")] = None,
        mute_townships: Annotated[
            bool | None,
            typer.Option("--mute-townships/--hear-townships", help="while the county's alert fires"),
        ] = None,
        escalate_to: Annotated[str | None, typer.Option(help="who hears if nobody acknowledges")] = None,
        escalate_after: Annotated[str | None, typer.Option(help="as 1h")] = None,
        by: By = "",
    ) -> None:
        """Subscribe somebody, or change what is given of a subscription."""
        from cli.alerts import people

        wanted = {
            **{"name": name, "kind": kind, "language": language, "severities": severity, "themes": theme},
            **{"indicators": indicator, "kinds": rule_kind, "rules": rule, "divisions": division},
            **{"townships": townships, "hears": hears, "mode": mode, "digest_at": digest_at, "zone": zone},
            **{"critical_passes": critical_passes, "mute_townships": mute_townships},
            **{"escalate_to": escalate_to},
        }
        lengths = {
            **{"group_wait": group_wait, "group_interval": group_interval, "repeat_interval": repeat},
            "escalate_after": escalate_after,
        }
        people.subscribe(id, people.Wanted(to, wanted, lengths, quiet), by)

    @alerts.command("list")
    def list_() -> None:
        """List the subscribers; of their addresses what is no secret."""
        from cli.alerts import people

        people.show()

    @alerts.command("unsubscribe")
    def unsubscribe(id: Annotated[str, typer.Argument(help="the subscriber")], by: By = "") -> None:
        """Let a subscriber hear no more."""
        from cli.alerts import people

        people.unsubscribe(id, by)

    @alerts.command("link")
    def link(
        id: Annotated[str, typer.Argument(help="the subscriber")],
        data: Annotated[
            Path,
            typer.Option(help="folder of `minmai up`, which signs if MINMAI_ALERTS_LINK_SECRET is not set"),
        ] = Path("data"),
    ) -> None:
        """Print the link to a subscriber's own page: whoever has it manages the subscription."""
        from cli.alerts import people

        people.link(id, data)


def _of_orders(alerts: typer.Typer) -> None:
    @alerts.command("firing")
    def firing() -> None:
        """List the alerts that fire, with their ids."""
        from cli.alerts import orders

        orders.firing()

    @alerts.command("silence")
    def silence(
        *,
        reason: Annotated[str, typer.Option(help="why, for all who ask")],
        length: Annotated[str | None, typer.Option("--for", help="how long, as 2h")] = None,
        until: Annotated[
            datetime | None, typer.Option(formats=_ZONED, help="until then, in Beijing time")
        ] = None,
        since: Annotated[
            datetime | None, typer.Option(formats=_ZONED, help="from then on; none: now")
        ] = None,
        alert: Annotated[
            list[str] | None, typer.Option(help="id of an alert that fires, or its beginning; several times")
        ] = None,
        severity: Severity = None,
        theme: Theme = None,
        indicator: Indicator = None,
        rule_kind: RuleKind = None,
        rule: Rule = None,
        division: Division = None,
        townships: Townships = None,
        everything: Annotated[bool, typer.Option("--everything", help="all alerts there are")] = False,
        by: By = "",
    ) -> None:
        """Let nobody be told of some alerts for a time; they go on as they are."""
        from cli.alerts import orders

        wanted = {
            **{"severities": severity, "themes": theme, "indicators": indicator, "kinds": rule_kind},
            **{"rules": rule, "divisions": division, "townships": townships, "alerts": alert},
        }
        orders.silence(wanted, reason, (since, until, length), by, everything=everything)

    @alerts.command("silences")
    def silences(
        end: Annotated[str | None, typer.Option(help="id of a silence to end now")] = None, by: By = ""
    ) -> None:
        """List silences; or end one."""
        from cli.alerts import orders

        orders.silences(end, by)

    @alerts.command("ack")
    def ack(
        alert: Annotated[str, typer.Argument(help="id of the alert, or its beginning")],
        *,
        note: Annotated[str, typer.Option(help="what is being done")] = "",
        undo: Annotated[bool, typer.Option("--undo", help="take it back")] = False,
        by: By = "",
    ) -> None:
        """Take an alert on: it is neither repeated nor escalated any more."""
        from cli.alerts import orders

        orders.acknowledge(alert, note, by, undo=undo)

    @alerts.command("notices")
    def notices(
        *,
        subscriber: Annotated[str, typer.Option(help="only to this subscriber")] = "",
        channel: Annotated[str, typer.Option(help="only by this channel")] = "",
        state: Annotated[
            str, typer.Option(help="pending, retrying, delivered, refused, given_up or muted")
        ] = "",
        alert: Annotated[str, typer.Option(help="only of this alert: its id, or the beginning")] = "",
        limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 50,
    ) -> None:
        """List notices, the newest first: to whom, why, and what became of them."""
        from cli.alerts import delivery
        from services.alerts.records import Wanted

        delivery.show_list(Wanted(subscriber, channel, state, alert, limit))

    @alerts.command("notice")
    def notice(id: NoticeId) -> None:
        """Show a notice: what it tells of, what was sent, and every attempt with its answer."""
        from cli.alerts import delivery

        delivery.show(id)

    @alerts.command("resend")
    def resend(id: NoticeId) -> None:
        """Send a notice again, as it was."""
        from cli.alerts import delivery

        delivery.resend(id)

    @alerts.command("test-send")
    def test_send(
        subscriber: Annotated[str, typer.Argument(help="send to all addresses of a subscriber")] = "",
        *,
        to: Annotated[str, typer.Option(help="or to CHANNEL:ADDRESS, as mail:li@county.example")] = "",
        language: Annotated[str, typer.Option(help="of --to: zh, en or both")] = "both",
    ) -> None:
        """Send a test, and say what the receiver answered; exit code 1 if it was not delivered."""
        from cli.alerts import delivery

        raise typer.Exit(not delivery.test_send(subscriber, to, language))
