"""Feeds that ingest has stopped reading, because nearly everything they brought was refused."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.alert import FEED_MOST_REFUSED, FEED_STOPPED
from schemas.declaration import Text
from schemas.rules import FeedStoppedRule
from schemas.streams import feed_topic
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import PERCENT, Moment, share
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan


class _Row(NamedTuple):
    agency: str
    running: bool
    checked: int
    refused: int
    code: str
    at: datetime


class FeedStops:
    """Reads table `feed_standing`, in which ingest keeps every stop and every end of one."""

    interval = timedelta(seconds=2)

    def __init__(self, plan: Plan, rules: Sequence[FeedStoppedRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each stop and each end of one, oldest first: whoever was away is told of all.

        The version is when ingest said so, so what has been told before is a repeat. Stops that ended while
        they were no rule's, and had no subject, were told then.
        """
        rows = self._clickhouse.query(
            "SELECT agency, state = 'running', checked, refused, code, at FROM feed_standing"
            " WHERE alert_id NOT IN (SELECT alert_id FROM alert_log"
            " WHERE rule = %(rule)s AND subject = '' AND state = 'resolved') ORDER BY at",
            {"rule": FEED_STOPPED},
        )
        for rule in self._rules:
            for agency, running, *rest in rows:
                yield self._reading(rule, moment, _Row(agency, bool(running), *rest))

    def _reading(self, rule: FeedStoppedRule, moment: Moment, row: _Row) -> Reading:
        agency, running, checked, refused, code, at = row
        if running:
            why = Text(zh=f"{agency} 的上报通道已恢复读取", en=f"the feed of {agency} is read again")
        else:
            why = Text(
                zh=f"{agency} 的上报通道最近 {checked} 条中 {refused} 条被拒收（{code}），已停止读取；"
                "未读的数据仍在主题中",
                en=f"of the newest {checked} records of {agency}'s feed {refused} were refused ({code}): "
                "it is no longer read, what is unread stays on its topic",
            )
        return Reading(
            rule=rule.id,
            division=self._plan.county.county,
            subject=agency,
            subject_name=Text(zh=agency, en=agency),
            value=share(refused, checked or 1),
            status="value",
            direction="at_most",
            threshold=FEED_MOST_REFUSED,
            clear_level=FEED_MOST_REFUSED,
            numerator=Decimal(refused),
            denominator=Decimal(checked),
            unit=PERCENT,
            decimals=1,
            as_of=at.astimezone(self._plan.zone).date(),
            version=int(at.timestamp() * 1_000_000),
            at=moment.now,
            why=why,
            measured=feed_topic(agency),
            measured_name=Text(zh=f"{agency} 的拒收比例", en=f"refused share of {agency}"),
            fires=not running,
            owner=agency,
        )
