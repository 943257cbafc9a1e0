"""Words with their colours, and the titles that several panels have."""

from collections.abc import Iterable, Mapping

from schemas.declaration import Indicator, Text
from schemas.words import NOT_REPORTED, REFUSED, REPORT, SECTOR, SEVERITY, STATUS, STREAMS
from services.board.panels.model import Colour, Column, Word
from services.platform.plan import Plan

GREEN: Colour = "green"
BLUE: Colour = "blue"
AMBER: Colour = "amber"
ORANGE: Colour = "orange"
RED: Colour = "red"
PURPLE: Colour = "purple"
GREY: Colour = "grey"

_COLOURS: Mapping[str, Colour] = {
    "met": GREEN,
    "on_track": BLUE,
    "behind": AMBER,
    "off_track": ORANGE,
    "missed": RED,
    "cannot_say": PURPLE,
    "no_data": GREY,
    "not_applicable": GREY,
    "done": GREEN,
    "on_schedule": BLUE,
    "delayed": AMBER,
    "suspended": PURPLE,
    "not_reported": GREY,
}
AIMED = ("missed", "off_track", "behind", "cannot_say", "no_data", "not_applicable", "on_track", "met")
"""The states that a figure with a target can be in: what needs people first."""

STATUSES: Mapping[str, Word] = {name: Word(text, _COLOURS.get(name)) for name, text in STATUS.items()}
REPORTS: Mapping[str, Word] = {
    **{name: Word(text, _COLOURS.get(name)) for name, text in REPORT.items()},
    "not_reported": Word(NOT_REPORTED, GREY),
}
STREAM_WORDS: Mapping[str, Word] = {name: Word(text) for name, text in STREAMS.items()}
CODES: Mapping[str, Word] = {name: Word(text) for name, text in REFUSED.items()}
SECTORS: Mapping[str, Word] = {name: Word(text) for name, text in SECTOR.items()}
_SEVERE: Mapping[str, Colour] = {"critical": RED, "warning": AMBER, "info": BLUE}
SEVERITIES: Mapping[str, Word] = {name: Word(text, _SEVERE[name]) for name, text in SEVERITY.items()}

INDICATOR_TITLE = Text(zh="指标", en="indicator")
VALUE = Text(zh="现值", en="value")
TARGET = Text(zh="目标", en="target")
STATUS_TITLE = Text(zh="状态", en="status")
UNIT = Text(zh="单位", en="unit")
TIME = Text(zh="时间", en="time")
DIVISION_TITLE = Text(zh="地区", en="division")
REASON = Text(zh="原因", en="reason")
FORECAST = Text(zh="预计到期值", en="expected on the due day")
DUE = Text(zh="期限", en="due")
OWNER = Text(zh="责任部门", en="responsible")
UPDATED = Text(zh="更新时间", en="updated")


def counted(names: Iterable[str], words: Mapping[str, Word]) -> tuple[Column, ...]:
    """Return the columns of how many there are of each."""
    return tuple(Column(one, words[one].text, decimals=0, colour=words[one].colour) for one in names)


def names(indicators: Iterable[Indicator]) -> Mapping[str, Word]:
    """What the plan calls them."""
    return {one.id: Word(one.name) for one in indicators}


def units(indicators: Iterable[Indicator]) -> Mapping[str, Word]:
    """In what each of them is told."""
    return {one.id: Word(one.unit) for one in indicators}


def owners(indicators: Iterable[Indicator]) -> Mapping[str, Word]:
    """Which department leads on each; a department has one name."""
    return {one.id: Word(Text(zh=one.owner, en=one.owner)) for one in indicators if one.owner}


def agencies(plan: Plan) -> Mapping[str, Word]:
    """What the plan calls them who push."""
    return {name: Word(text) for name, text in plan.county.agencies.items()}


def places(plan: Plan) -> Mapping[str, Word]:
    """What the divisions are called that have figures."""
    return {one.code: Word(Text(zh=one.name, en=one.name)) for one in plan.shown_divisions}
