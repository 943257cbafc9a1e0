"""The `minmai` command. A command's modules are imported when it runs, so that `minmai --help` is quick."""

import logging
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.alerts.declared import register
from cli.paths import plan_folder
from services.platform.errors import MinmaiError


def _typer(help: str | None = None) -> typer.Typer:
    return typer.Typer(
        help=help,
        no_args_is_help=help is not None,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


app = _typer("民脉: live, explainable figures for a county's service-sector plan.")
alerts = _typer("Alerts.")
topics = _typer("Kafka topics.")
plan = _typer("A county's plan.")
agency = _typer("Agencies that may push records.")
feed = _typer("Agencies' own topics.")
dead_letters = _typer("Refused records: listed, counted, shown, mended and sent again.")
grafana = _typer("Grafana.")
for _name, _group in (("alerts", alerts), ("topics", topics), ("plan", plan), ("agency", agency)):
    app.add_typer(_group, name=_name)
app.add_typer(feed, name="feed")
register(alerts)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(grafana, name="grafana")

Check = Annotated[bool, typer.Option("--check", help="only validate the settings and the plan")]
AgenciesFile = Annotated[
    Path, typer.Option("--file", envvar="MINMAI_AGENCIES", help="file of the agencies and their key hashes")
]


@app.command()
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


@app.command()
def ingest(check: Check = False) -> None:
    """Take in agencies' records over HTTP."""
    from cli import services

    services.ingest(check)


@app.command()
def aggregate(check: Check = False) -> None:
    """Count records and keep the figures."""
    from cli import services

    services.aggregate(check)


@app.command()
def board(check: Check = False) -> None:
    """Serve the live board and the indicator API."""
    from cli import services

    services.board(check)


@alerts.command("serve")
def alerts_serve(check: Check = False) -> None:
    """Watch the figures and send alerts."""
    from cli import services

    services.alerts(check)


@grafana.command("publish")
def grafana_publish(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what differs")] = False,
) -> None:
    """Bring Grafana in line with the plan: folder, data source, alert rules, contact points, policy."""
    from cli import grafana as publishing

    publishing.publish(dry_run=dry_run)


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


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
) -> None:
    """Bring the ClickHouse schema to the newest version."""
    from cli import admin

    admin.migrate(dry_run)


@app.command()
def rebuild(
    *,
    indicator: Annotated[
        list[str] | None, typer.Option(help="compare only this one; may be given several times")
    ] = None,
    voucher_sums: Annotated[
        bool, typer.Option("--voucher-sums", help="only the voucher sums, without the figures")
    ] = False,
    from_topic: Annotated[
        bool, typer.Option("--from-topic", help="first count what the topics have and the logs have lost")
    ] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
            help="with --from-topic: from then on, in the county's time",
        ),
    ] = None,
    stream: Annotated[
        list[str] | None, typer.Option(help="with --from-topic: only this; may be given several times")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would change")] = False,
    wait: Annotated[float, typer.Option(min=0, help="seconds to wait until the board shows it")] = 3600.0,
) -> None:
    """Compute voucher sums and figures anew from the records, beside the running services."""
    from cli import rebuild as rebuilding

    if from_topic != (since is not None) or (stream and not from_topic):
        raise typer.BadParameter("--from-topic goes with --since, --stream with --from-topic")
    if from_topic and since:
        rebuilding.from_topics(since, stream or [], dry_run=dry_run)
    else:
        rebuilding.voucher_sums(dry_run=dry_run)
    if not voucher_sums:
        rebuilding.figures(indicator or [], dry_run=dry_run, wait=wait)


@app.command()
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go")] = False,
) -> None:
    """Drop what is older than its MINMAI_KEEP_… setting; the aggregator does the same every day."""
    from cli import retention as command

    command.run(dry_run)


@app.command()
def overview(
    cluster: Annotated[str, typer.Option(help="cluster of all shards, as the ClickHouse servers name it")],
    counties: Annotated[
        str, typer.Option(help="regular expression of the names of the counties' databases")
    ] = "^minmai_[0-9]+$",
    database: Annotated[str, typer.Option(help="database to make")] = "minmai_overview",
) -> None:
    """Make tables that read all counties of a cluster at once."""
    from cli import admin

    admin.make_overview(cluster, counties, database)


@topics.command("list")
def topics_list() -> None:
    """List minmai's topics as the broker has them."""
    from cli import admin

    admin.list_topics()


@topics.command("create")
def topics_create(
    partitions: Annotated[int, typer.Option(min=1, help="partitions of each stream's topic")] = 4,
    replication: Annotated[int, typer.Option(min=1, help="copies of each partition")] = 1,
) -> None:
    """Create the topics that are missing; those that exist are left as they are."""
    from cli import admin

    admin.create_topics(partitions, replication)


@plan.command("check")
def plan_check(folder: Annotated[Path | None, typer.Argument(help="plan folder")] = None) -> None:
    """Check a plan folder; every mistake is reported at once."""
    from cli import admin

    admin.check_plan(folder or plan_folder())


@plan.command("docs")
def plan_docs(
    folder: Annotated[Path | None, typer.Argument(help="plan folder")] = None,
    out: Annotated[Path, typer.Option(help="folder of the pages")] = Path("docs/indicators"),
    check: Annotated[bool, typer.Option("--check", help="only say whether the pages are up to date")] = False,
) -> None:
    """Write a page for each indicator of a plan, in Chinese and English."""
    from cli import admin

    admin.plan_docs(folder or plan_folder(), out, check)


@agency.command("add")
def agency_add(
    *,
    name: Annotated[str, typer.Argument(help="its name, which becomes the source of its records")],
    stream: Annotated[list[str], typer.Option(help="a stream it may push; may be given several times")],
    division: Annotated[
        list[str] | None,
        typer.Option(help="a division code it may tell of, those below included; the plan's county if none"),
    ] = None,
    feed: Annotated[bool, typer.Option("--feed", help="it also writes to minmai.feed.NAME")] = False,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Add an agency and print its key, which is shown this once."""
    from cli import admin

    admin.add_agency(file, name, stream, division or [], feed)


@agency.command("list")
def agency_list(file: AgenciesFile = Path("data/agencies.json")) -> None:
    """List the agencies and the ids of their keys."""
    from cli import admin

    admin.list_agencies(file)


@agency.command("rotate")
def agency_rotate(
    name: Annotated[str, typer.Argument(help="the agency")],
    overlap: Annotated[
        float, typer.Option(min=0, max=8760, help="hours that the keys it has still hold; 0: none")
    ] = 24.0,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Give an agency a new key and print it, which is shown this once."""
    from cli import admin

    admin.rotate_key(file, name, timedelta(hours=overlap))


@agency.command("revoke")
def agency_revoke(
    name: Annotated[str, typer.Argument(help="the agency")],
    key: Annotated[str | None, typer.Option(help="id of one key, as `list` shows it; all if none")] = None,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Take an agency's keys away at once; the agency and its records stay."""
    from cli import admin

    admin.revoke_keys(file, name, key)


@agency.command("audit")
def agency_audit(
    name: Annotated[str, typer.Argument(help="only of this agency; none: of all, also of unknown keys")] = "",
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], help="from then on, in Beijing time"
        ),
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="only pushes refused as a whole")] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many lines, the newest")] = 50,
) -> None:
    """List pushes, the newest first: who, what, how many, from where, and what was refused."""
    from cli import audit

    audit.show(audit.Wanted(name, since, refused, limit))


@feed.command("list")
def feed_list(file: AgenciesFile = Path("data/agencies.json")) -> None:
    """List the agencies' topics and whether they are read."""
    from cli import feeds

    feeds.show(file)


@feed.command("resume")
def feed_resume(name: Annotated[str, typer.Argument(help="the agency")]) -> None:
    """Let a stopped feed go on from where it was stopped."""
    from cli import feeds

    feeds.resume(name)


ByAgency = Annotated[str, typer.Option("--agency", help="only of this agency")]
ByStream = Annotated[str, typer.Option("--stream", help="only of this stream")]
ByCode = Annotated[str, typer.Option("--code", help="only with this reason")]
LetterId = Annotated[str, typer.Argument(help="id of the dead letter, or its beginning")]


@dead_letters.command("list")
def dead_letters_list(
    *,
    agency: ByAgency = "",
    stream: ByStream = "",
    code: ByCode = "",
    settled: Annotated[bool, typer.Option("--all", help="also those that are settled")] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 50,
) -> None:
    """List dead letters, the newest first."""
    from cli import dead_letters as letters

    letters.show_list(letters.Wanted(agency, stream, code, settled, limit))


@dead_letters.command("count")
def dead_letters_count(agency: ByAgency = "", stream: ByStream = "", code: ByCode = "") -> None:
    """Count dead letters by agency, stream and reason."""
    from cli import dead_letters as letters

    letters.show_counts(letters.Wanted(agency, stream, code))


@dead_letters.command("show")
def dead_letters_show(id: LetterId) -> None:
    """Show a dead letter: the record as it came, the reason, and what has been done about it."""
    from cli import dead_letters as letters

    letters.show(id)


@dead_letters.command("mend")
def dead_letters_mend(
    id: LetterId,
    *,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE; may be given several times")
    ] = None,
    removed: Annotated[list[str] | None, typer.Option("--unset", help="a field to leave out")] = None,
    record: Annotated[Path | None, typer.Option(help="file of the whole record, a JSON object")] = None,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Change what a dead letter's record says; it is sent by `replay`."""
    from cli import replay

    replay.mend(id, change or [], removed or [], record, file)


@dead_letters.command("replay")
def dead_letters_replay(
    ids: Annotated[list[str] | None, typer.Argument(help="ids; none: those that the options choose")] = None,
    *,
    agency: ByAgency = "",
    stream: ByStream = "",
    code: ByCode = "",
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the newest")] = 500,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would become of them")] = False,
    file: AgenciesFile = Path("data/agencies.json"),
) -> None:
    """Send dead letters again, mended or as they are; exit code 1 if any stays unsettled."""
    from cli import replay
    from cli.dead_letters import Wanted

    wanted = Wanted(agency, stream, code, limit=limit)
    raise typer.Exit(replay.replay(ids or [], wanted, dry_run, file))


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def sample(context: typer.Context) -> None:
    """Write an invented county's records to files."""
    from cli.sample import command

    inner = _typer()
    inner.command()(command.sample)
    inner(context.args, prog_name="minmai sample")


@app.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
def push(context: typer.Context) -> None:
    """Push files or folders of records to ingest."""
    from cli.push import command

    raise typer.Exit(command.run(context.args))


@app.command()
def doctor(
    data: Annotated[Path, typer.Option(help="folder that `minmai up` shall keep its data in")] = Path("data"),
) -> None:
    """Check whether this machine can run `minmai up`."""
    from cli import doctor as checks

    raise typer.Exit(checks.report(data))


def main() -> None:
    """Run the command; a named error becomes one message and exit code 1, any other keeps its traceback."""
    # A command itself says what is wrong; a service sets up its own log.
    logging.basicConfig(level=logging.CRITICAL)
    try:
        app(prog_name="minmai")
    except MinmaiError as error:
        print(f"minmai: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
