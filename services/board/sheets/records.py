"""Sheets of the records behind a figure: all of them, a row each, with all that they say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from schemas.columns import Field, contract_fields
from schemas.declaration import Indicator, Text
from schemas.parts import Part, RecordsPart, streams_of
from schemas.streams import STREAMS
from schemas.words import STREAMS as STREAM_WORDS
from services.board.panels import words
from services.board.sheets.frame import Frame
from services.board.sheets.sheet import Cell, Head, Sheet, head, moment_head
from services.board.tables.knowledge import Knowledge
from services.board.tables.records import Contributor, Contributors, Place, asks_for_places
from services.platform.plan import Division

Side = Literal["numerator", "denominator"]

_PAGE = 2_000
_SIDES: Mapping[Side, Text] = {
    "numerator": Text(zh="分子的记录", en="records of the numerator"),
    "denominator": Text(zh="分母的记录", en="records of the denominator"),
}
_SOURCES: Mapping[str, Text] = {
    **STREAM_WORDS,
    "division": Text(zh="区划", en="division"),
    "constant": Text(zh="计划中的数", en="a number of the plan"),
}
_OWN = ("name", "division")
"""What every record has a column for already."""


def records_sheet(
    frame: Frame,
    indicator: Indicator,
    side: Side,
    division: Division,
    knowledge: Knowledge,
    *,
    contributors: Contributors,
) -> Sheet:
    """Return every contributor; they are read as the sheet is written."""
    parts = indicator.numerator if side == "numerator" else indicator.denominator
    fields = _fields(parts)
    zone = frame.plan.zone
    heads = [
        head(Text(zh="来源", en="stream")),
        head(Text(zh="上报单位", en="agency")),
        head(Text(zh="记录编号", en="record")),
        head(Text(zh="对象编号", en="subject")),
        head(Text(zh="名称", en="name")),
        head(Text(zh="区划代码", en="division code")),
        head(words.DIVISION_TITLE),
        moment_head(Text(zh="情况时间", en="when it was so"), zone),
        moment_head(Text(zh="收到时间", en="received"), zone),
        head(Text(zh="回执", en="receipt")),
        head(Text(zh="计入", en="adds")),
        *(Head(field.header) for _stream, field in fields),
    ]
    return frame.sheet(
        what=Text(zh=f"{indicator.name.zh}-{_SIDES[side].zh}", en=f"{indicator.name.en}: {_SIDES[side].en}"),
        id=f"{indicator.id}-{side}",
        division=division,
        when=knowledge,
        heads=heads,
        rows=(_row(one, fields) for one in _all(contributors, parts, division, knowledge)),
        notes=[(Text(zh="定义", en="definition"), indicator.definition.both)],
    )


def _all(
    contributors: Contributors, parts: Sequence[Part], division: Division, knowledge: Knowledge
) -> Iterator[Contributor]:
    place: Place | None = Place()
    while place is not None:
        found, place = contributors.page(parts, division, knowledge, place, _PAGE)
        yield from found


def _fields(parts: Sequence[Part]) -> list[tuple[str, Field]]:
    """Return the fields that the listed records can have, by stream, in the order of the contracts."""
    kinds: dict[str, set[str]] = {}
    for part in parts:
        for stream in sorted(streams_of(part), reverse=True):
            if stream == "childcare-place" and not (isinstance(part, RecordsPart) and asks_for_places(part)):
                continue
            kinds.setdefault(stream, set()).update(part.kinds if isinstance(part, RecordsPart) else ())
    return [
        (stream, field)
        for stream, counted in kinds.items()
        for field in contract_fields(STREAMS[stream])
        if field.name in STREAMS[stream].columns
        and field.name not in _OWN
        and (not field.kinds or field.kinds & counted)
    ]


def _row(one: Contributor, fields: Sequence[tuple[str, Field]]) -> list[Cell]:
    source = _SOURCES.get(one.stream)
    return [
        source.both if source else one.stream,
        one.source,
        one.id,
        one.subject,
        one.name,
        one.division,
        one.division_name,
        one.time,
        one.received_at,
        one.receipt,
        one.amount,
        *(
            said(field, one.fields.get(field.name)) if stream == one.stream else None
            for stream, field in fields
        ),
    ]


def said(field: Field, value: Any) -> Cell:
    """Return the cell of what a record says in a field: a code with its word."""
    word = field.words.get(value) if isinstance(value, str) else None
    if word is None or word == value:
        return value  # type: ignore[no-any-return]  # what a log table's columns hold
    return f"{word} · {value}"
