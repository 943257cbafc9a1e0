"""The words of a notice, in Chinese, English or both: what, where, how far from the target, whose it is, why
it is sent, and where the rest can be seen.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.words import ALERT_STATE, SEVERITY
from services.alerts.channels import Language, Why
from services.alerts.channels.cut import Items, Size, joined, utf8
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


@dataclass(frozen=True)
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
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


PLAIN = Style(
    heading=lambda text: text,
    strong=lambda text: text,
    link=lambda label, url: f"{label}: {url}",
    clean=_one_line,
    line="\n",
)

_MARKUP = str.maketrans("<>[]*_`#~|\\", "＜＞［］＊＿｀＃～｜＼")


def markdown(line: str) -> Style:
    """The markdown of robots; lines end as the robot wants it."""
    return Style(
        heading=lambda text: f"### {text}",
        strong=lambda text: f"**{text}**",
        link=lambda label, url: f"[{label}]({url})",
        clean=lambda text: _one_line(text).translate(_MARKUP),
        line=line,
    )


@dataclass(frozen=True)
class Letter:
    """A rendered notice: a title of one line and the text's parts, from which `text` makes what fits."""

    title: str
    head: str
    items: Items
    foot: str
    more: Callable[[int], str]

    def text(self, most: int | None = None, size: Size = utf8) -> str:
        """The text within so many bytes; what is left out is said, with a link to it."""
        return joined(self.head, self.items, self.foot, most, more=self.more, size=size)


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
    title = _title(changes, say, why)
    end = style.line
    sent = f"{say.label('发送原因', 'Sent because')}: {say.pair(*_WHY[why])}"
    board = changes[0].link.partition("#")[0]
    seen = say.pair("在看板上查看", "see the board")

    def more(left: int) -> str:
        if len(changes) == 1:
            rest = say.pair("内容过长已截断", "cut, for it is too long")
        else:
            rest = say.pair(f"另有 {left} 条", f"{left} more")
        return f"{end}{rest} · {style.link(seen, board)}{end}"

    if len(changes) == 1:
        [change] = changes
        items: Items = [f"{line}{end}" for line in _facts(change, say)]
        foot = end + end.join(_links(change, say)) + end
    else:
        items = _Briefs(changes, say)
        foot = f"{end}{style.link(say.label('看板', 'Board'), board)}{end}"
    if managed:
        label = say.label("确认、静默、订阅设置", "Acknowledge, silence, settings")
        foot += manageable(lambda url: f"{style.link(label, url)}{end}")
    return Letter(title, f"{style.heading(title)}{end}{end}{sent}{end}{end}", items, foot, more)


def title(changes: Sequence[AlertChange], language: Language, why: Why) -> str:
    """One line: what, where, how many."""
    return _title(changes, _Speech(language, PLAIN), why)


class _Speech:
    """Speaks a language, in a style."""

    def __init__(self, language: Language, style: Style) -> None:
        self.language = language
        self.style = style

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


def _title(changes: Sequence[AlertChange], say: _Speech, why: Why) -> str:
    first = changes[0]
    state = _state(first)
    marks = [(state.zh, state.en)] if len(changes) == 1 else [("预警汇总", "Alerts")]
    if any(one.correction for one in changes):
        marks.insert(0, ("更正", "Correction"))
    if why == "test":
        marks = [("测试", "Test")]
    zh = "".join(f"【{one}】" for one, _ in marks)
    en = " ".join(f"[{one}]" for _, one in marks)
    about = _name(first)
    if len(changes) > 1:
        firing = sum(one.state not in ("resolved", "ok") for one in changes)
        over = len(changes) - firing
        about = Text(
            zh=f"{firing} 项告警、{over} 项解除：{about.zh} 等",
            en=f"{firing} firing, {over} over: {about.en} and others",
        )
    return say.pair(f"{zh}民脉 {about.zh}", f"{en} minmai {about.en}")


def _state(change: AlertChange) -> Text:
    """What is shown, as it stands at the beginning of a line."""
    text = ALERT_STATE[change.state]
    return Text(zh=text.zh, en=text.en.capitalize())


def _name(change: AlertChange) -> Text:
    name = change.subject_name if change.subject else None
    zh, en = (name.zh, name.en) if name else (change.subject, change.subject)
    return Text(
        zh=" ".join(filter(None, (change.division_name, zh, change.name.zh))),
        en=": ".join(filter(None, (change.division_name, change.name.en, en))),
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
        say.fact("状态", "State", say.text(_state(change))),
        say.fact("原因", "Reason", say.text(change.reason)),
        *([say.fact("操作人", "By", clean(change.by))] if change.by else []),
        *([say.fact("更正", "Correction", say.pair(*_WHY["correction"]))] if change.correction else []),
    ]


class _Briefs:
    """Alerts one after the other, each in brief. None is rendered before it is asked for, nor twice:
    thousands are told of a choice of the same alerts, and often no more fit than the first.
    """

    _made: ClassVar[defaultdict[tuple[Language, int], dict[int, tuple[AlertChange, str]]]] = defaultdict(dict)
    """By language and style, then by the identity of the change."""
    _MOST: Final = 10_000

    def __init__(self, changes: Sequence[AlertChange], say: _Speech) -> None:
        self._changes = changes
        self._say = say
        self._known = self._made[say.language, id(say.style)]
        if len(self._known) > self._MOST:
            self._known.clear()

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[str]:
        known = self._known
        for change in self._changes:
            made = known.get(id(change))
            if made is None or made[0] is not change:
                made = known[id(change)] = (change, _brief(change, self._say))
            yield made[1]


def _brief(change: AlertChange, say: _Speech) -> str:
    """An alert among others: what and where, the figure, whose it is, where to look."""
    state, severity = say.text(_state(change)), say.text(SEVERITY[change.severity])
    mark = f"{say.pair(*_WHY['correction'])}: " if change.correction else ""
    figure = [
        _amount(change, change.shown, say),
        f"{say.label('目标', 'target')} {_target(change, say)}",
        *_pace(change, say),
    ]
    owner = [say.style.clean(change.owner)] if change.owner else []
    return say.style.line.join(
        (
            say.style.strong(f"{state} ({severity}) {say.text(_name(change))}"),
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
