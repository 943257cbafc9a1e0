"""The commands of whoever runs minmai: schema, topics, plan, agencies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.paths import plan_folder
from cli.plan_docs import pages
from cli.terminal import local
from services.ingest import agencies
from services.ingest.agencies import AgenciesError, Key
from services.ingest.feeds.names import feed_topics
from services.ingest.settings import IngestSettings
from services.platform import migrations, overview
from services.platform import topics as kafka_topics
from services.platform.plan import load_plan
from services.platform.retention import RetentionSettings
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


def make_overview(cluster: str, counties: str, database: str) -> None:
    """Make the tables across counties and print what there is."""
    settings = load(Common)
    made = overview.make(settings, cluster, counties, database)
    print(f"{database} @ {cluster}: {len(made)} 张表，覆盖库名匹配 {counties} 的各县")
    print(f"  {len(made)} tables over the databases that match {counties}: {', '.join(made)}")


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
    days = load(RetentionSettings).keep_topics_days
    feeds = feed_topics(one.name for one in agencies.listed(settings.agencies) if one.feed)
    report = kafka_topics.ensure_topics(
        settings.kafka,
        partitions,
        replication,
        [*kafka_topics.declared(partitions, days), *kafka_topics.kept(feeds, days)],
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


def add_agency(file: Path, name: str, streams: list[str], divisions: list[str], feed: bool) -> None:
    """Add an agency, by default for the whole county of the plan, and print its key.

    Raises AgenciesError as `agencies.add`, and if the plan has no such division: all records that tell of it
    would be refused.
    """
    folder = plan_folder()
    plan = load_plan(folder)
    if unknown := [code for code in divisions if code not in plan.divisions]:
        raise AgenciesError(
            f"{folder} 的区划表里没有 · the plan's divisions have no {', '.join(unknown)}: "
            "县 county 6、乡镇 township 9、社区 community 12 位 digits"
        )
    divisions = divisions or [plan.county.county]
    key = agencies.add(file, name, streams, divisions, feed=feed)
    print(f"已登记 · added: {name} ({', '.join(streams)}; {', '.join(divisions)})")
    _show_once(key)


def list_agencies(file: Path) -> None:
    """Print the agencies of a file and their keys' ids; one that is not there has none."""
    known = agencies.listed(file)
    if not known:
        print(f"{file}: 尚无单位 · no agencies yet; `minmai agency add` adds one")
    now = datetime.now(UTC)
    for agency in known:
        feed = "; 自有主题 · own topic" if agency.feed else ""
        print(
            f"{agency.name:<28} {', '.join(sorted(agency.streams))}; {', '.join(agency.divisions)}; "
            f"{local(agency.created)}{feed}"
        )
        for key in agency.keys:
            print(f"    密钥 · key {key.id}  {local(key.created)}  {_until(key, now)}")
        if not any(key.holds(now) for key in agency.keys):
            print("    没有有效密钥，不能上报 · no key holds, it cannot push: `minmai agency rotate`")


def rotate_key(file: Path, name: str, overlap: timedelta) -> None:
    """Give an agency a new key and print it, and until when the one before still holds."""
    key, end = agencies.rotate(file, name, overlap)
    if overlap:
        print(f"{name}: 旧密钥有效至 {local(end)} · the keys before hold until then")
    else:
        print(f"{name}: 旧密钥已失效 · the keys before hold no longer")
    _show_once(key)


def revoke_keys(file: Path, name: str, id: str | None) -> None:
    """Take an agency's keys away, or one of them, and print which."""
    taken = agencies.revoke(file, name, id)
    ids = ", ".join(key.id for key in taken) or "无 · none"
    print(f"{name}: 已吊销密钥 · revoked: {ids}")


def _show_once(key: str) -> None:
    print("密钥只显示这一次，请立即保存 · the key, shown this once:")
    print(key)


def _until(key: Key, now: datetime) -> str:
    if key.expires is None:
        return "有效 · holds"
    if key.holds(now):
        return f"有效至 · holds until {local(key.expires)}"
    return f"已失效 · ended {local(key.expires)}"


def _versions(numbers: list[int]) -> str:
    return ", ".join(f"{number:04d}" for number in numbers) or "无 · none"
