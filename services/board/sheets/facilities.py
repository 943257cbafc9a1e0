"""The sheet of a division's facilities: each as it stands, with all that its newest records say."""

from collections.abc import Iterable, Sequence

from schemas.columns import Field, contract_fields
from schemas.declaration import Text
from schemas.streams import STREAMS
from services.board.panels import words
from services.board.sheets.frame import Frame
from services.board.sheets.records import said
from services.board.sheets.sheet import Cell, Head, Sheet, head, moment_head
from services.board.tables.facilities import Facility
from services.board.tables.knowledge import Knowledge
from services.platform.plan import Division

_COMMON = ("kind", "status", "ownership")
_OFFERED = ("total", "inclusive", "enrolled")
_FIRST = ("name", "division", *_COMMON)
"""What every facility has a column for already."""


def facilities_sheet(
    frame: Frame, division: Division, knowledge: Knowledge, facilities: Iterable[Facility]
) -> Sheet:
    """Return facilities, one a row; they are read as the sheet is written."""
    known = {field.name: field for field in contract_fields(STREAMS["facility"])}
    common = [known[name] for name in _COMMON]
    own = [one for name, one in known.items() if name in STREAMS["facility"].columns and name not in _FIRST]
    offered = [one for one in contract_fields(STREAMS["childcare-place"]) if one.name in _OFFERED]
    zone = frame.plan.zone
    return frame.sheet(
        what=Text(zh="设施机构", en="facilities"),
        id="facilities",
        division=division,
        when=knowledge,
        heads=[
            head(Text(zh="编号", en="id")),
            head(Text(zh="名称", en="name")),
            head(Text(zh="区划代码", en="division code")),
            head(words.DIVISION_TITLE),
            *(Head(field.header) for field in (*common, *own, *offered)),
            head(Text(zh="上报单位", en="agency")),
            moment_head(Text(zh="最近情况", en="newest record is of"), zone),
            moment_head(Text(zh="收到时间", en="received"), zone),
        ],
        rows=(_row(one, common, own, offered) for one in facilities),
    )


def _row(
    one: Facility, common: Sequence[Field], own: Sequence[Field], offered: Sequence[Field]
) -> list[Cell]:
    return [
        one.id,
        one.name,
        one.division,
        one.division_name,
        *(said(field, getattr(one, field.name)) for field in common),
        *(said(field, one.fields.get(field.name)) for field in own),
        *(said(field, getattr(one.places, field.name, None)) for field in offered),
        one.source,
        one.time,
        one.received_at,
    ]
