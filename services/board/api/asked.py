"""Parameters that several routes share, checked: days and moments, divisions, cursors."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
from fastapi import Query

from schemas.declaration import Indicator
from services.board.tables.definitions import Definitions
from services.board.tables.knowledge import Knowledge, end_of
from services.board.tables.records import Place
from services.platform.plan import Division, Plan
from services.platform.problems import invalid, not_found

FIRST_DAY = date(1971, 1, 1)
"""Before any record can be."""

Limit = Annotated[int, Query(ge=1, le=1_000, description="最多几条 · how many at most")]
Cursor = Annotated[
    str | None,
    Query(max_length=2_000, description="上一页的 next · `next` of the page before"),
]
AsOf = Annotated[
    date | None, Query(description="当日结束时的情况 · what was so at the end of that day, as now known")
]
KnownAt = Annotated[
    str | None,
    Query(
        max_length=40,
        description="只算到此刻为止收到的记录：日期（当日结束）或时刻 · only records received until then: "
        "a day (its end) or an ISO 8601 moment, without a zone the county's",
    ),
]


class Asked:
    """Checks what is asked against the plan and the clock."""

    def __init__(self, plan: Plan, now: Callable[[], datetime | None], definitions: Definitions) -> None:
        self._plan = plan
        self._now = now
        self._definitions = definitions

    def indicators(self, knowledge: Knowledge) -> list[Indicator]:
        """Return the plan's indicators, as they were defined at the moment that is asked about."""
        return list(self._definitions.of(list(self._plan.indicators), knowledge).values())

    def indicator(self, id: str, knowledge: Knowledge) -> Indicator:
        """Return one of them; 404 if there is none of that name."""
        self.known(id)
        return self._definitions.of([id], knowledge)[id]

    def known(self, id: str) -> None:
        """Raise 404 if the plan has no such indicator."""
        if id not in self._plan.indicators:
            raise not_found(f"没有指标 {id} · there is no indicator {id}")

    def division(self, code: str | None, indicator: Indicator | None = None) -> Division:
        """Return the division that is asked for, the county by default.

        404 if no figures (of the indicator) are kept for it.
        """
        division = self._plan.divisions.get(code or self._plan.county.county)
        if division is None or division not in self._plan.shown_divisions:
            raise not_found(f"没有区划 {code} 的数字 · no figures are kept for division {code}")
        if indicator is not None and division.level not in indicator.levels:
            raise not_found(
                f"指标 {indicator.id} 没有 {division.name} 的数字 · "
                f"{indicator.id} is not kept for {division.name} ({division.code})"
            )
        return division

    def knowledge(self, as_of: AsOf = None, known_at: KnownAt = None) -> Knowledge:
        """Return which day is looked at and what was known; the defaults are today and all.

        With `known_at` alone it is the day of that moment: what the board showed then. 422 for a day that has
        not come.
        """
        zone = self._plan.zone
        now = self._now() or datetime(1970, 1, 1, tzinfo=UTC)  # nothing has been received: no day has begun
        today = now.astimezone(zone).date()
        moment = read_moment(known_at, zone) if known_at is not None else None
        if as_of is not None and not FIRST_DAY <= as_of <= today:
            raise invalid(
                "as_of",
                f"{as_of} 不在 {FIRST_DAY} 与今天（{today}）之间",
                f"{as_of} is not between {FIRST_DAY} and today ({today})",
            )
        day = as_of or (min(today, moment.astimezone(zone).date()) if moment else today)
        return Knowledge(day, zone, moment, asked=as_of is not None or moment is not None)


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return a moment: of a day its last microsecond in `zone`; without a zone of its own it is in `zone`."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            moment = end_of(date.fromisoformat(text), zone) - timedelta(microseconds=1)
        else:
            # In a URL an unescaped + is a space.
            read = datetime.fromisoformat(re.sub(r" (?=\d{2}:?\d{2}$)", "+", text))
            moment = read if read.tzinfo else read.replace(tzinfo=zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(
            "known_at",
            f"{text!r} 不是日期或时刻，例如 2024-05-31 或 2024-05-31T18:00:00+08:00",
            f"{text!r} is no day or moment such as 2024-05-31 or 2024-05-31T18:00:00+08:00",
        ) from None
    if not FIRST_DAY.year <= moment.year < 2200:
        raise invalid("known_at", f"{text!r} 太早或太晚", f"{text!r} is too early or too late")
    return moment


def write_cursor(place: Place, *question: object) -> str:
    """Return a place in a listing as text that belongs to one question."""
    raw = orjson.dumps([_digest(question), place.part, place.counted, place.key])
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(cursor: str | None, *question: object) -> Place:
    """Return the place of a cursor, the beginning if there is none; 422 if it is not this question's."""
    if cursor is None:
        return Place()
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, part, counted, key = orjson.loads(raw)
    except (NotBase64, ValueError, TypeError):
        digest = None
    if digest != _digest(question):
        raise invalid(
            "cursor",
            "游标不属于这个查询，请用上一页的 next，或从头开始",
            "this cursor does not belong to this question: use `next` of its last page, or begin anew",
        )
    return Place(part, tuple(key), counted)


def _digest(question: tuple[object, ...]) -> str:
    return blake2b(repr(question).encode(), digest_size=6).hexdigest()
