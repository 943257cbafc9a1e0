"""Why a state is what it is, in Chinese and English: what was measured first, then what follows from it."""

from typing import Literal

from schemas.alert import HeldCondition
from schemas.declaration import Text
from services.alerts.reading import Reading
from services.alerts.rules.limits import Limit, gap, plain, shown, with_unit

Verdict = Literal["broken", "between", "clear"]
"""On which side of threshold and clear level a reading is."""

_BROKEN = {
    "at_least": Text(zh="低于", en="is below"),
    "at_most": Text(zh="高于", en="is above"),
    "exactly": Text(zh="不等于", en="is not"),
}
_MET = {
    "at_least": Text(zh="不低于", en="is not below"),
    "at_most": Text(zh="不高于", en="is not above"),
    "exactly": Text(zh="等于", en="is"),
}
_UNITS = {"d": "天", "h": "小时", "m": "分钟", "s": "秒"}
_KEPT: dict[HeldCondition, Text] = {
    "ok": Text(zh="不触发告警", en="no alert fires"),
    "pending": Text(zh="计时暂停，不触发告警", en="its time stands still, no alert fires"),
    "firing": Text(zh="告警维持，不解除", en="the alert stays, it is not resolved"),
    "recovering": Text(zh="计时暂停，不解除", en="its time stands still, it is not resolved"),
    "resolved": Text(zh="不触发告警", en="no alert fires"),
}


def frozen(why: Text, kept: HeldCondition) -> Text:
    """Return the reason of a state without data, or in error."""
    stays = _KEPT[kept]
    return Text(zh=f"{why.zh}：{stays.zh}", en=f"{why.en}: {stays.en}")


def reason(
    reading: Reading, verdict: Verdict, stood: HeldCondition, stands: HeldCondition, wait: str
) -> Text:
    """Return why a reading leads from one condition to another, or leaves it.

    `wait` is how long it has to be so, or has been, before it counts.
    """
    said = _measured(reading, verdict, stood)
    follows = _follows(reading, verdict, stood, stands, wait)
    return Text(zh=f"{said.zh}{follows[0]}", en=f"{said.en}{follows[1]}")


def revised(text: Text, revision: Text | None) -> Text:
    """Return the reason of a correction: what was revised, then what holds."""
    zh, en = (f"{revision.zh}；", f"{revision.en}; ") if revision else ("", "")
    return Text(zh=f"更正：{zh}{text.zh}", en=f"correction: {en}{text.en}")


def _measured(reading: Reading, verdict: Verdict, stood: HeldCondition) -> Text:
    value, why = reading.value, reading.why
    if value is None or reading.fires is not None:
        return why or Text(zh="已评估", en="evaluated")
    limit = Limit(reading.direction, reading.threshold, reading.clear_level)
    number = shown(value, limit, reading.decimals)
    at_clear = verdict == "clear" and stood in ("firing", "recovering")
    words = (_BROKEN if verdict == "broken" else _MET)[limit.direction]
    mark = plain(limit.clear_level if at_clear else limit.threshold)
    zh = f"{with_unit(number, reading.unit.zh)}，{words.zh} {mark}"
    en = f"{with_unit(number, reading.unit.en)} {words.en} {mark}"
    if verdict == "broken":
        difference = gap(value, limit, reading.decimals).lstrip("+-")
        zh, en = f"{zh}，相差 {difference}", f"{en}, by {difference}"
    if why:
        zh, en = f"{zh}（{why.zh}）", f"{en} ({why.en})"
    return Text(zh=zh, en=en)


def _follows(
    reading: Reading, verdict: Verdict, stood: HeldCondition, stands: HeldCondition, wait: str
) -> tuple[str, str]:
    """What the condition means, where the measurement does not say it by itself: Chinese and English."""
    at = ("（解除线）", " (the clear level)") if reading.fires is None else ("", "")
    clear = plain(reading.clear_level)
    long = f"{wait[:-1]} {_UNITS[wait[-1]]}" if wait[-1] in _UNITS else wait
    said = ("", "")
    if stands == "pending":
        said = f"，持续 {long}后告警", f": an alert once it has been so for {wait}"
    elif stood == "pending" and stands == "firing":
        said = f"，已持续 {long}", f", for {wait} by now"
    elif stood == "pending":
        said = f"，未持续 {long}，不告警", f": not for {wait}, so no alert"
    elif stands == "firing" and verdict == "between":
        short = f", but short of the clear level {clear}: the alert stays"
        said = f"，但未达到解除线 {clear}，告警维持", short
    elif stands == "recovering":
        said = f"{at[0]}，保持 {long}后解除", f"{at[1]}: resolved once it has been so for {wait}"
    elif stood == "recovering" and stands == "resolved":
        said = f"{at[0]}，已保持 {long}，告警解除", f"{at[1]} for {wait} by now: resolved"
    elif stood == "firing" and stands == "resolved":
        said = f"{at[0]}，告警解除", f"{at[1]}: resolved"
    return said
