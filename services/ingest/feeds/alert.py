"""The alert that a feed was stopped, and its end, on `minmai.alert.v1`."""

from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.streams import ALERT_TOPIC
from services.ingest.feeds.breaker import MOST_REFUSED
from services.ingest.feeds.names import feed_topic
from services.ingest.feeds.standing import Standing
from services.ingest.message import Message

RULE = "feed-stopped"


def alert_of(standing: Standing, county: str, county_name: str, zone: ZoneInfo) -> AlertChange:
    """Return the change that a standing means. The "figure" is the share of refused records, in percent."""
    share = Decimal(100 * standing.refused) / max(standing.checked, 1)
    limit = Decimal(str(100 * MOST_REFUSED))
    if standing.halted:
        reason = Text(
            zh=f"{standing.agency} 的上报通道最近 {standing.checked} 条中 {standing.refused} 条被拒收"
            f"（{standing.code}），已停止读取；未读的数据仍在主题中",
            en=f"of the newest {standing.checked} records of {standing.agency}'s feed {standing.refused} "
            f"were refused ({standing.code}): it is no longer read, what is unread stays on its topic",
        )
    else:
        reason = Text(
            zh=f"{standing.agency} 的上报通道已恢复读取", en=f"the feed of {standing.agency} is read again"
        )
    return AlertChange(
        alert_id=standing.alert_id,
        state="firing" if standing.halted else "resolved",
        severity="critical",
        rule=RULE,
        name=Text(zh="上报通道停止", en="feed stopped"),
        reason=reason,
        indicator=feed_topic(standing.agency),
        indicator_name=Text(zh=f"{standing.agency} 的拒收比例", en=f"refused share of {standing.agency}"),
        division=county,
        division_name=county_name,
        numerator=Decimal(standing.refused),
        denominator=Decimal(standing.checked),
        value=float(share),
        shown=f"{share:.1f}",
        unit=Text(zh="%", en="%"),
        direction="at_most",
        threshold=limit,
        clear_level=limit,
        gap=f"{share - limit:+.1f}",
        as_of=standing.at.astimezone(zone).date(),
        figure_version=0,
        owner=standing.agency,
        changed_at=standing.at,
        link="",
    )


def message_of(change: AlertChange) -> Message:
    """Return its message; a repetition has the same `alert_id` and `state`."""
    key = f"{change.rule}/{change.indicator}".encode()
    value = change.model_dump_json().encode()
    return Message(ALERT_TOPIC, UUID(int=change.alert_id.int), key, value, kept=False)
