"""The words of a notice, in Chinese, English or both: what, where, how far from the target, whose it is, why
it is sent, and where the rest can be seen.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, NamedTuple

import orjson

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.words import ALERT_STATE, SEVERITY
from services.alerts.channels import Language, Why
from services.alerts.channels.cut import Part, Parts, Size, fitted, utf8
from services.alerts.place import manageable
from services.alerts.rules.limits import plain, with_unit

_DIRECTION = {
    "at_least": ("不低于", "at least"),
    "at_most": ("不高于", "at most"),
    "exactly": ("等于", "exactly"),
}
_WHY: dict[Why, tuple[str, str]] = {
    "first": ("首次告警", "the first notice of this alert"),
    "new": ("同组出现新的告警", "new alerts in a group you know of"),
    "resolved": ("告警已解除", "what was alerted is over"),
    "repeat": ("告警仍未解除，定时重复", "it still fires: repeated as you asked"),
    "escalation": ("无人确认，升级通知", "nobody has acknowledged it: escalated"),
    "correction": ("迟到的数据改变了已发出的结论", "late records changed what you were told"),
    "digest": ("每日汇总", "the day's digest"),
    "test": ("测试通道，无须处理", "a test of this channel: nothing to do"),
    "resend": ("有人要求重发", "somebody asked for it again"),
}


@dataclass(frozen=True, eq=False)
class Style:
    """How a receiver writes what is not plain words."""

    heading: Callable[[str], str]
    strong: Callable[[str], str]
    link: Callable[[str, str], str]
    """Makes a link of a label and an address."""
    clean: Callable[[str], str]
    """Makes a text from outside harmless: no line breaks, no markup, nobody called by @."""
    line: str
    """What ends a line."""


@lru_cache(4_096)  # mostly phrases of this module, and names of the plan
def _one_line(text: str) -> str:
    if not text.isprintable():
        text = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(text.split())


PLAIN = Style(
    heading=lambda text: text,
    strong=lambda text: text,
    link=lambda label, url: f"{label}: {url}",
    clean=_one_line,
    line="\n",
)

_MARKUP = str.maketrans("<>[]*_`#~|\\", "＜＞［］＊＿｀＃～｜＼")


@lru_cache(4_096)
def _harmless(text: str) -> str:
    return _one_line(text).translate(_MARKUP)


def markdown(line: str) -> Style:
    """The markdown of robots; lines end as the robot wants it."""
    return Style(
        heading=lambda text: f"### {text}",
        strong=lambda text: f"**{text}**",
        link=lambda label, url: f"[{label}]({url})",
        clean=_harmless,
        line=line,
    )


@dataclass(frozen=True)
class Letter:
    """A rendered notice: a title of one line and the text's parts, from which `text` makes what fits."""

    title: str
    head: Part
    items: Parts
    foot: Part
    more: Callable[[int], Part]

    def text(self, most: int | None = None, size: Size = utf8) -> str:
        """The text within so many bytes; what is left out is said, with a link to it."""
        return "".join([part.text for part in self._fitted(most, size)])

    def json(self, most: int | None = None, size: Size = utf8) -> orjson.Fragment:
        """The same text as orjson writes it, of parts that are escaped already."""
        return orjson.Fragment(b"".join(self.pieces(most, size)))

    def pieces(self, most: int | None = None, size: Size = utf8) -> list[bytes]:
        """What `json` is put together of, for who puts more together: long texts are copied but once."""
        return [b'"', *[part.json for part in self._fitted(most, size)], b'"']

    def _fitted(self, most: int | None, size: Size) -> list[Part]:
        return fitted(self.head, self.items, self.foot, most, more=self.more, size=size)


def letter(
    changes: Sequence[AlertChange],
    language: Language,
    why: Why,
    style: Style = PLAIN,
    *,
    managed: bool = True,
) -> Letter:
    """Render one alert in full, several as a list in the order given.

    `managed`: with a place for the link to the subscriber's own page, see `links.py`.
    """
    say = _Speech(language, style)
    group = _Group(changes, say)
    title = _title(changes[0], group, say, why)
    end = style.line
    board = changes[0].link.partition("#")[0]

    if len(changes) == 1:
        [change] = changes
        items: Parts = [Part.of(f"{line}{end}") for line in _facts(change, say)]
        links = _links(change, say)
    else:
        items = group.parts()
        links = [style.link(say.label("看板", "Board"), board)]
    more = partial(_more, say, board, len(changes) == 1)
    return Letter(title, _head(say, title, why), items, _foot(say, tuple(links), managed), more)


def title(changes: Sequence[AlertChange], language: Language, why: Why) -> str:
    """One line: what, where, how many."""
    say = _Speech(language, PLAIN)
    return _title(changes[0], _Group(changes, say), say, why)


class _Speech(NamedTuple):
    """Speaks a language, in a style."""

    language: Language
    style: Style

    def label(self, zh: str, en: str) -> str:
        """A label: both stand side by side."""
        return {"zh": zh, "en": en, "both": f"{zh} {en}"}[self.language]

    def pair(self, zh: str, en: str) -> str:
        """A phrase: in both languages, one after the other."""
        zh, en = self.style.clean(zh), self.style.clean(en)
        if zh == en:
            return zh
        return {"zh": zh, "en": en, "both": f"{zh} · {en}"}[self.language]

    def text(self, text: Text) -> str:
        return self.pair(text.zh, text.en)

    def amount(self, number: str, unit: Text) -> str:
        """A number with its unit; in both languages, the number once."""
        zh, en = (self.style.clean(with_unit(number, one)) for one in (unit.zh, unit.en))
        both = zh if zh == en else f"{zh} ({self.style.clean(unit.en)})"
        return {"zh": zh, "en": en, "both": both}[self.language]

    def fact(self, zh: str, en: str, value: str) -> str:
        return f"{self.style.strong(self.label(zh, en))}: {value}"


# Of a list these are the same for many who read it in one language.


@lru_cache(1_024)
def _head(say: _Speech, title: str, why: Why) -> Part:
    end = say.style.line
    sent = f"{say.label('发送原因', 'Sent because')}: {say.pair(*_WHY[why])}"
    return Part.of(f"{say.style.heading(title)}{end}{end}{sent}{end}{end}")


@lru_cache(1_024)
def _foot(say: _Speech, links: tuple[str, ...], managed: bool) -> Part:
    end = say.style.line
    foot = end + end.join(links) + end
    if managed:
        label = say.label("确认、静默、订阅设置", "Acknowledge, silence, settings")
        foot += manageable(lambda url: f"{say.style.link(label, url)}{end}")
    return Part.of(foot)


@lru_cache(1_024)
def _more(say: _Speech, board: str, alone: bool, left: int) -> Part:
    if alone:
        rest = say.pair("内容过长已截断", "cut, for it is too long")
    else:
        rest = say.pair(f"另有 {left} 条", f"{left} more")
    end, seen = say.style.line, say.pair("在看板上查看", "see the board")
    return Part.of(f"{end}{rest} · {say.style.link(seen, board)}{end}")


def _title(first: AlertChange, group: "_Group", say: _Speech, why: Why) -> str:
    marks = [_state(first)] if len(group) == 1 else [("预警汇总", "Alerts")]
    if group.corrected and not (why == "first" and len(group) > 1):  # who is told for the first time of many
        marks.insert(0, ("更正", "Correction"))
    if why == "test":
        marks = [("测试", "Test")]
    zh_name, en_name = _name(first)
    if len(group) > 1:
        firing = len(group) - group.over
        zh_name = f"{firing} 项告警、{group.over} 项解除：{zh_name} 等"
        en_name = f"{firing} firing, {group.over} over: {en_name} and others"
    return _marked(say, tuple(marks), zh_name, en_name)


@lru_cache(4_096)
def _marked(say: _Speech, marks: tuple[tuple[str, str], ...], zh_name: str, en_name: str) -> str:
    zh = "".join([f"【{one}】" for one, _ in marks])
    en = " ".join([f"[{one}]" for _, one in marks])
    return say.pair(f"{zh}民脉 {zh_name}", f"{en} minmai {en_name}")


def _state(change: AlertChange) -> tuple[str, str]:
    """What is shown, as it stands at the beginning of a line."""
    text = ALERT_STATE[change.state]
    return text.zh, text.en.capitalize()


def _name(change: AlertChange) -> tuple[str, str]:
    name = change.subject_name if change.subject else None
    zh, en = (name.zh, name.en) if name else (change.subject, change.subject)
    return (
        " ".join(filter(None, (change.division_name, zh, change.name.zh))),
        ": ".join(filter(None, (change.division_name, change.name.en, en))),
    )


def _facts(change: AlertChange, say: _Speech) -> list[str]:
    clean = say.style.clean
    place = f"{clean(change.division_name)} ({change.division})"
    return [
        say.fact("地区", "Place", place),
        *([say.fact("对象", "Subject", _subject(change, say))] if change.subject else []),
        say.fact("指标", "Indicator", say.text(change.indicator_name)),
        say.fact("数值", "Figure", _amount(change, change.shown, say) + _working(change, say)),
        say.fact("目标", "Target", _target(change, say)),
        *([say.fact("差距", "Gap", _amount(change, change.gap, say))] if change.gap else []),
        *_pace(change, say),
        say.fact("截至", "As of", change.as_of.isoformat()),
        *([say.fact("责任部门", "Responsible", clean(change.owner))] if change.owner else []),
        say.fact("级别", "Severity", say.text(SEVERITY[change.severity])),
        say.fact("状态", "State", say.pair(*_state(change))),
        say.fact("原因", "Reason", say.text(change.reason)),
        *([say.fact("操作人", "By", clean(change.by))] if change.by else []),
        *([say.fact("更正", "Correction", say.pair(*_WHY["correction"]))] if change.correction else []),
    ]


class _Brief:
    """An alert among others, in one language and style; not rendered before it is asked for, nor twice."""

    __slots__ = ("_change", "_say", "part")

    def __init__(self, change: AlertChange, say: _Speech) -> None:
        self._change = change
        self._say = say
        self.part: Part | None = None

    def render(self) -> Part:
        self.part = Part.of(_brief(self._change, self._say))
        return self.part


class _Group:
    """Alerts one after the other. Thousands are told of a choice of the same alerts, so what is known of each
    is kept; often no more of them fit than the first.
    """

    _KNOWN: Final[defaultdict[_Speech, dict[int, tuple[bool, bool, _Brief]]]] = defaultdict(dict)
    """By language and style, then by the identity of the change, which lives as long as what is known of it:
    whether it says that an alert is over, whether it is a correction, and its words."""
    _MOST: Final = 10_000

    def __init__(self, changes: Sequence[AlertChange], say: _Speech) -> None:
        known = self._KNOWN[say]
        if len(known) > self._MOST:
            known.clear()
        found = [*map(known.get, map(id, changes))]
        if not all(found):
            found = [known.get(id(one)) or known.setdefault(id(one), _known(one, say)) for one in changes]
        over, corrected, self._briefs = zip(*found, strict=True)
        self.over = sum(over)
        self.corrected = any(corrected)

    def __len__(self) -> int:
        return len(self._briefs)

    def __iter__(self) -> Iterator[Part]:
        for one in self._briefs:
            yield one.part or one.render()

    def parts(self) -> Parts:
        """All of them, as a list if all have been rendered."""
        made = [one.part for one in self._briefs]
        return made if all(made) else self


def _known(change: AlertChange, say: _Speech) -> tuple[bool, bool, _Brief]:
    return change.state in ("resolved", "ok"), change.correction, _Brief(change, say)


def _brief(change: AlertChange, say: _Speech) -> str:
    """An alert among others: what and where, the figure, whose it is, where to look."""
    state, severity = say.pair(*_state(change)), say.text(SEVERITY[change.severity])
    mark = f"{say.pair(*_WHY['correction'])}: " if change.correction else ""
    figure = [
        _amount(change, change.shown, say),
        f"{say.label('目标', 'target')} {_target(change, say)}",
        *_pace(change, say),
        f"{say.label('截至', 'as of')} {change.as_of.isoformat()}",
    ]
    owner = [say.style.clean(change.owner)] if change.owner else []
    return say.style.line.join(
        (
            say.style.strong(f"{state} ({severity}) {say.pair(*_name(change))}"),
            f"{mark}{'; '.join(figure)}",
            " · ".join([*owner, *_links(change, say, short=True)]),
            "",
            "",
        )
    )


def _links(change: AlertChange, say: _Speech, *, short: bool = False) -> list[str]:
    links = [say.style.link(say.label("看板", "Board"), change.link)]
    if change.link_records:
        links.append(say.style.link(say.label("明细记录", "Records"), change.link_records))
    if not short:
        links.append(f"{say.label('告警编号', 'Alert id')}: {change.alert_id}")
    return links


def _subject(change: AlertChange, say: _Speech) -> str:
    name = change.subject_name
    code = say.style.clean(change.subject)
    return f"{say.text(name)} ({code})" if name and name.zh != change.subject else code


def _target(change: AlertChange, say: _Speech) -> str:
    amount = _amount(change, plain(change.threshold), say)
    target = f"{say.label(*_DIRECTION[change.direction])} {amount}"
    if change.due:
        target += f" ({say.pair(f'到 {change.due} 为止', f'by {change.due}')})"
    return target


def _pace(change: AlertChange, say: _Speech) -> list[str]:
    facts = []
    if change.pace_needed is not None:
        needed = _amount(change, _signed(change.pace_needed), say)
        observed = (
            say.pair("未知", "unknown")
            if change.pace_observed is None
            else _amount(change, _signed(change.pace_observed), say)
        )
        pace = (
            f"{say.pair('每月需', 'needed a month')} {needed}, {say.pair('近期每月', 'of late')} {observed}"
        )
        facts.append(say.fact("进度", "Pace", pace))
    if change.forecast is not None:
        expected = _amount(change, f"{change.forecast:.4g}", say)
        if change.forecast_low is not None and change.forecast_high is not None:
            band = f"{change.forecast_low:.4g} – {change.forecast_high:.4g}"
            expected += f" ({say.pair('80% 区间', '80 % band')} {band})"
        when = f"{change.due} " if change.due else ""
        facts.append(say.fact("预测", "Forecast", f"{when}{expected}"))
    return facts


def _signed(number: float) -> str:
    return f"{number:+.3g}"


def _amount(change: AlertChange, number: str, say: _Speech) -> str:
    if not number:
        return say.pair("无数据", "no data")
    return say.amount(number, change.unit)


def _working(change: AlertChange, say: _Speech) -> str:
    if change.denominator is None or change.numerator is None:
        return ""
    numerator = f"{say.label('分子', 'numerator')} {plain(change.numerator)}"
    return f" ({numerator}, {say.label('分母', 'denominator')} {plain(change.denominator)})"
