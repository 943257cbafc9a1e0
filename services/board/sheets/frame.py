"""What all sheets of a board say of themselves: whose figures they are, where, as of when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.declaration import Text
from services.board.sheets.sheet import Cell, Head, Sheet
from services.board.tables.knowledge import Knowledge
from services.platform.plan import Division, Plan

MADE_UP = Text(zh="演示数据，不是真实记录", en="made up for a demo, no real records")

_WHAT = Text(zh="内容", en="what")
_PLACE = Text(zh="地区", en="place")
_AS_OF = Text(zh="截至", en="as of")
_KNOWN = Text(zh="只算到此刻收到的记录", en="only records received until")
_ZONE = Text(zh="时间按此时区", en="times are of this zone")
_PLAN = Text(zh="依据", en="by the plan")
_CAUTION = Text(zh="注意", en="mind")


@dataclass(frozen=True)
class Frame:
    """`synthetic`: the records are made up; the sheets say so, in their names too."""

    plan: Plan
    synthetic: bool

    def sheet(
        self,
        *,
        what: Text,
        id: str,
        division: Division,
        when: "Knowledge | str",
        heads: Sequence[Head],
        rows: Iterable[Sequence[Cell]],
        notes: Sequence[tuple[Text, str]] = (),
    ) -> Sheet:
        """Return a sheet with its name and notes."""
        county = self.plan.county
        known = when.known_at if isinstance(when, Knowledge) else None
        as_of = str(when.day) if isinstance(when, Knowledge) else when
        moment = f"{known.astimezone(self.plan.zone):%Y-%m-%dT%H.%M.%S}" if known else ""
        return Sheet(
            what=Text(zh=f"演示-{what.zh}", en=f"demo: {what.en}") if self.synthetic else what,
            id=f"demo-{id}" if self.synthetic else id,
            place=(division.name, division.code),
            when=f"{as_of}-known-{moment}" if moment else as_of,
            zone=self.plan.zone,
            heads=heads,
            rows=rows,
            notes=(
                (_WHAT, what.both),
                (_PLACE, f"{division.name} {division.code}"),
                (_AS_OF, as_of),
                *([(_KNOWN, moment)] if moment else ()),
                *notes,
                (_ZONE, county.time_zone),
                (_PLAN, f"{county.title.both} {county.document}"),
                *([(_CAUTION, MADE_UP.both)] if self.synthetic else ()),
            ),
        )
