"""The database, the topics, the plan and Grafana: what an operator brings in line."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import group
from cli.paths import plan_folder

topics = group("Kafka topics.")
plan = group("A county's plan.")
grafana = group("Grafana.")


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
) -> None:
    """Bring the ClickHouse schema to the newest version."""
    from cli import admin

    admin.migrate(dry_run)


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
    rebuilding.known(indicator or [])  # before anything is set right
    if from_topic and since:
        rebuilding.from_topics(since, stream or [], dry_run=dry_run)
    else:
        rebuilding.voucher_sums(dry_run=dry_run)
    if not voucher_sums:
        rebuilding.figures(indicator or [], dry_run=dry_run, wait=wait)


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go")] = False,
) -> None:
    """Drop what is older than its MINMAI_KEEP_… setting; the aggregator does the same every day."""
    from cli import retention as command

    command.run(dry_run)


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


@grafana.command("publish")
def grafana_publish(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what differs")] = False,
) -> None:
    """Bring Grafana in line with the plan: folder, data source, alert rules, contact points, policy."""
    from cli import grafana as publishing

    publishing.publish(dry_run=dry_run)
