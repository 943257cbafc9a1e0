"""How full each childcare facility is: by its newest report of places and children, while it is open.

A facility is read anew only when a counted block has touched it (table `touch`), so an evaluation costs what
has changed since the one before; a start reads them all.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

from schemas.declaration import Text
from schemas.rules import ChildcareEmptyRule, ChildcareFullRule
from schemas.streams import STREAMS
from services.alerts.reading import Key, Reading
from services.alerts.sources.measured import PERCENT, Measure, Moment, Subject, places, reading, share
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan

_OVERLAP = timedelta(seconds=30)
"""How long an insert may take from its time of telling until it can be read."""
_KEPT = timedelta(hours=20)
"""Touches are kept for a day: who has not looked for so long reads everything again."""
_FIELDS = {"facility": "kind, name, division, status", "childcare-place": "total, enrolled"}
_MEASURE = Measure("childcare-place", Text(zh="托位使用率", en="places taken"), PERCENT, 1)

ChildcareRule = ChildcareFullRule | ChildcareEmptyRule


@dataclass(frozen=True)
class _Facility:
    name: str
    division: str
    open: bool
    total: int
    enrolled: int


class Childcare:
    """The childcare facilities as they stand."""

    interval = timedelta(seconds=15)

    def __init__(self, plan: Plan, rules: Sequence[ChildcareRule], clickhouse: ClickHouse) -> None:
        self._plan = plan
        self._rules = rules
        self._clickhouse = clickhouse
        self._states: dict[str, dict[str, tuple[str | int, ...]]] = {stream: {} for stream in _FIELDS}
        self._since: datetime | None = None

    def readings(self, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        """Yield a reading for each open facility, and for each closed one that an alert stands of."""
        self._look()
        found = {
            subject: one for subject in self._states["childcare-place"] if (one := self._facility(subject))
        }
        for rule in self._rules:
            for division in places(self._plan, rule):
                for subject, facility in found.items():
                    stands = (rule.id, division.code, subject) in standing
                    if facility.division.startswith(division.code) and (facility.open or stands):
                        yield _reading(rule, moment, division.code, subject, facility)

    def _facility(self, subject: str) -> _Facility | None:
        told = self._states["facility"].get(subject)
        if told is None or told[0] != "childcare":
            return None
        _kind, name, division, status = map(str, told)
        total, enrolled = map(int, self._states["childcare-place"][subject])
        return _Facility(name, division, status == "open", total, enrolled)

    def _look(self) -> None:
        """Read what has been touched since the last look; everything, where there was none."""
        since = self._since
        [(now,)] = self._clickhouse.query("SELECT now64(3, 'UTC')")
        touched: Mapping[str, list[str] | None] = dict.fromkeys(_FIELDS)
        if since is not None and now - since < _KEPT:
            rows = self._clickhouse.query(
                "SELECT stream, groupUniqArrayArray(subjects) FROM touch"
                " WHERE told_at >= %(since)s AND stream IN %(streams)s GROUP BY stream",
                {"since": since - _OVERLAP, "streams": tuple(_FIELDS)},
            )
            touched = {stream: [] for stream in _FIELDS} | dict(rows)
        for stream, subjects in touched.items():
            self._read(stream, subjects)
        self._since = now

    def _read(self, stream: str, subjects: list[str] | None) -> None:
        if subjects == []:
            return
        only = "1" if subjects is None else "subject IN (SELECT name FROM wanted)"
        rows = self._clickhouse.query(
            f"SELECT subject, argMax(tuple({_FIELDS[stream]}), (time, source, id))"
            f" FROM {STREAMS[stream].log_table} WHERE {only}"
            f" AND identity NOT IN (SELECT retracted FROM retraction_log WHERE stream = '{stream}')"
            " GROUP BY subject",
            given=None if subjects is None else {"wanted": {"name String": subjects}},
        )
        known = self._states[stream] if subjects is not None else {}
        for subject in subjects or ():
            known.pop(subject, None)  # all of its records may have been withdrawn
        self._states[stream] = known | dict(rows)


def _reading(
    rule: ChildcareRule, moment: Moment, division: str, subject: str, facility: _Facility
) -> Reading:
    taken = Text(
        zh=f"托位 {facility.total} 个，在托 {facility.enrolled} 人",
        en=f"{facility.enrolled} children in {facility.total} places",
    )
    closed = Text(zh="机构已不再开放", en="the facility is no longer open")
    return reading(
        rule,
        moment,
        Subject(
            division,
            subject,
            Text(zh=facility.name, en=facility.name),
            link=f"#facility/{quote(subject, safe='')}",
        ),
        _MEASURE,
        value=share(facility.enrolled, facility.total),
        why=taken if facility.open else closed,
        parts=(Decimal(facility.enrolled), Decimal(facility.total)),
        fires=None if facility.open else False,
    )
