"""The commands of whoever runs minmai: schema, topics, plan, agencies."""

import json
from pathlib import Path

from cli.paths import plan_folder
from cli.plan_docs import pages
from services.ingest import agencies
from services.ingest.agencies import Agency
from services.ingest.feeds.names import feed_topics
from services.ingest.settings import IngestSettings
from services.platform import migrations
from services.platform import topics as kafka_topics
from services.platform.plan import load_plan
from services.platform.settings import Common, load


def migrate(dry_run: bool) -> None:
    """Print which versions were there and which were (in a dry run: would be) applied."""
    settings = load(Common)
    report = migrations.migrate(settings, dry_run=dry_run)
    where = f"{settings.clickhouse_database} @ {settings.clickhouse_host}:{settings.clickhouse_port}"
    print(f"数据库 {where}")
    print(f"  之前已有 · there before:     {_versions(report.before)}")
    if dry_run:
        print(f"  尚未执行 · would be applied: {_versions(report.applied)}")
    else:
        print(f"  本次执行 · applied now:      {_versions(report.applied)}")


def list_topics() -> None:
    """Print each of minmai's topics with its partitions and id, or that it is missing."""
    settings = load(Common)
    names = [topic.name for topic in kafka_topics.declared()]
    there = kafka_topics.describe(settings.kafka, names)
    for name in names:
        state = there.get(name)
        told = f"{state.partitions:>3} 分区 partitions  {state.id}" if state else "尚未创建 · missing"
        print(f"{name:<32} {told}")


def create_topics(partitions: int, replication: int) -> None:
    """Create what is missing, the agencies' own topics included, and print what was done."""
    settings = load(IngestSettings)
    feeds = feed_topics(one.name for one in agencies.listed(settings.agencies) if one.feed)
    report = kafka_topics.ensure_topics(
        settings.kafka, partitions, replication, [*kafka_topics.declared(partitions), *feeds]
    )
    for name in report.created:
        print(f"{name:<32} 已创建 · created")
    for name in report.existing:
        print(f"{name:<32} 已存在 · there already")
    for name, (found, wanted) in report.differing.items():
        print(f"{name:<32} 有 {found} 个分区，不改为 {wanted} · has {found} partitions, left so")


def check_plan(folder: Path) -> None:
    """Print what a plan folder declares; raises PlanError with every mistake in it."""
    plan = load_plan(folder)
    print(
        f"{folder}: {plan.county.name.zh} 规划无误 · the plan is right: {len(plan.divisions)} divisions, "
        f"{len(plan.indicators)} indicators, {len(plan.tasks)} tasks, {len(plan.rules)} alert rules"
    )


def plan_docs(plan: Path, folder: Path, check: bool) -> None:
    """Write a page for each indicator of a plan; with `check` raise StaleDocs when one is not up to date."""
    if check:
        print(f"{folder}: {pages.check(plan, folder)} 页与规划一致 · pages say what the plan declares")
        return
    changed = pages.write(plan, folder)
    print(f"{folder}: 更新 {len(changed)} 页 · {len(changed)} pages changed")


def add_agency(file: Path, name: str, streams: list[str], divisions: list[str]) -> None:
    """Add an agency, by default for the whole county of the plan, and print its key."""
    divisions = divisions or [load_plan(plan_folder()).county.county]
    key = agencies.add(file, name, streams, divisions)
    print(f"已登记 · added: {name} ({', '.join(streams)}; {', '.join(divisions)})")
    print("密钥只显示这一次，请立即保存 · the key, shown this once:")
    print(key)


def list_agencies(file: Path) -> None:
    """Print the agencies of a file; one that is not there has none."""
    known = _agencies(file)
    if not known:
        print(f"{file}: 尚无单位 · no agencies yet; `minmai agency add` adds one")
    for agency in known:
        print(
            f"{agency.name:<28} {', '.join(sorted(agency.streams))}; {', '.join(agency.divisions)}; "
            f"{agency.created:%Y-%m-%d}"
        )


def _agencies(file: Path) -> list[Agency]:
    agencies.Agencies(file)  # raises AgenciesError with what is wrong
    try:
        return [Agency.model_validate(entry) for entry in json.loads(file.read_bytes())["agencies"]]
    except FileNotFoundError:
        return []


def _versions(numbers: list[int]) -> str:
    return ", ".join(f"{number:04d}" for number in numbers) or "无 · none"
