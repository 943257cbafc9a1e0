"""Quiet hours and digests: moments of a day in the subscriber's zone, as moments of UTC.

A local time that the change to summer time skips is taken as it would have been before it; of one that comes
twice the first is meant.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.alerts.routing.subscriber import QuietHours

_DAY = timedelta(days=1)


def quiet_until(quiet: QuietHours | None, zone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that hold now, if any do."""
    if quiet is None:
        return None
    today = now.astimezone(ZoneInfo(zone)).date()
    for day in (today - _DAY, today):
        begin = _at(day, quiet.begin, zone)
        end = _at(day if quiet.begin < quiet.end else day + _DAY, quiet.end, zone)
        if begin <= now < end:
            return end
    return None


def digest_before(at: time, zone: str, now: datetime) -> datetime:
    """The newest moment of a daily digest, now at the latest."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return max(moment for day in (today - _DAY, today) if (moment := _at(day, at, zone)) <= now)


def digest_after(at: time, zone: str, now: datetime) -> datetime:
    """The next moment of a daily digest."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return min(moment for day in (today, today + _DAY) if (moment := _at(day, at, zone)) > now)


def _at(day: date, clock: time, zone: str) -> datetime:
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)
