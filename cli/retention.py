"""`minmai retention`: what is older than its setting, and dropping it."""

from datetime import UTC, datetime

from services.ingest import agencies
from services.ingest.feeds.names import feed_topics
from services.ingest.settings import IngestSettings
from services.platform import topics
from services.platform.clickhouse import ClickHouse
from services.platform.retention import Due, Retention, RetentionSettings
from services.platform.settings import load


def run(dry_run: bool) -> None:
    """Drop what is due, and have Kafka keep its topics as long as is set; with `dry_run` only say so."""
    settings = load(RetentionSettings)
    now = datetime.now(UTC)
    clickhouse = ClickHouse(settings)
    retention = Retention(clickhouse, settings)
    print("将删除 · would go:" if dry_run else "已删除 · gone:")
    try:
        for one in retention.due(now) if dry_run else retention.drop(now):
            print(_line(one))
    finally:
        clickhouse.close()
    _topics(settings, dry_run)
    print("指标、历史和明细不受影响 · no figure, no history and no record is touched: docs/retention.md")


def _line(one: Due) -> str:
    return (
        f"  {one.rule.table:<22} {one.rows:>12,} / {one.of:,} 行 rows, {one.bytes / 1e6:.1f} MB, "
        f"{one.before:%Y-%m-%d} 之前 · before; {one.rule.unneeded}"
    )


def _topics(settings: RetentionSettings, dry_run: bool) -> None:
    fed = feed_topics(one.name for one in agencies.listed(load(IngestSettings).agencies) if one.feed)
    wanted = [
        *topics.declared(keep_days=settings.keep_topics_days),
        *topics.kept(fed, settings.keep_topics_days),
    ]
    changed = topics.ensure_kept(settings.kafka, wanted, dry_run=dry_run)
    for name, (found, days) in changed.items():
        before = "未设 · not set" if found is None else f"{found:g} 天 days"
        print(f"  {name:<32} {before} → {days:g} 天 days{'（未改 · not changed）' if dry_run else ''}")
