"""The reason for a status in one sentence, Chinese and English, in words a county clerk uses."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from schemas.declaration import Text
from services.figures.forecast import Tally, Trend

if TYPE_CHECKING:
    from services.figures.pace import Promise, Status


@dataclass(frozen=True)
class Case:
    """All that was found out about a promise on a day."""

    promise: "Promise"
    status: "Status"
    attained: bool
    as_of: date
    due: date
    value: float | None
    value_at_due: float | None
    sign: int
    reachable: bool
    needed: float | None
    ratio: float | None
    trend: Trend | None
    history: int
    least: int
    horizon: date
    forecast: float | None
    low: float | None
    high: float | None
    forecast_day: date | None

    @property
    def digits(self) -> int:
        """Decimals of a value in a sentence."""
        return max(self.promise.decimals, 0)

    @property
    def target(self) -> str:
        """The target, without idle noughts."""
        written = f"{self.promise.value:.6f}".rstrip("0").rstrip(".")
        return "0" if written == "-0" else written


Phrase = tuple[str, str]
"""The same in Chinese and in English."""


def reason(case: Case) -> Text:
    """Return why the status is what it is."""
    if case.as_of > case.due:
        phrase = _after(case)
    elif case.value is None:
        phrase = ("当天没有数据，无法判断", "there is no value that day, so nothing can be said")
    elif case.attained:
        phrase = _met(case)
    else:
        phrase = _under_way(case)
    return Text(zh=phrase[0], en=phrase[1])


def _after(case: Case) -> Phrase:
    then = case.value_at_due
    due = case.due.isoformat()
    value = ("没有数据", "no value") if then is None else _amount(case, then)
    verdict = {
        "met": (f"，达到目标 {case.target}", f", which met the target {case.target}"),
        "missed": (f"，未达到目标 {case.target}", f", which missed the target {case.target}"),
    }.get(case.status, ("，无法判断是否达标", ", so nothing can be said"))
    return _joined(
        (f"到期日 {due} {'' if then is None else '为 '}{value[0]}", f"on the due day {due}: {value[1]}"),
        verdict,
        _present(case),
    )


def _present(case: Case) -> Phrase:
    if case.value is None:
        return "；现在没有数据", "; there is no value now"
    number = _number(case.value, case.digits)
    if case.attained:
        return f"；现为 {number}，已达到目标", f"; now {number}, the target is reached"
    day = case.forecast_day
    if day:
        soon = (f"，照现在的进度 {day} 前后达到", f", at the present pace reached around {day}")
    else:
        soon = ("", "")
    return _joined((f"；现为 {number}，未达到目标", f"; now {number}, the target is not met"), soon)


def _met(case: Case) -> Phrase:
    assert case.value is not None
    amount = _amount(case, case.value)
    now = (f"已达到目标 {case.target}，现为 {amount[0]}", f"the target {case.target} is met: now {amount[1]}")
    if case.forecast is None or case.as_of == case.due:
        return now
    warning = (
        ("，届时不再符合目标", ", where the target is no longer met") if _falls_short(case) else ("", "")
    )
    link = ("；但", "; but it ") if warning[0] else ("；", "; it ")
    return _joined(now, link, _seen(case), _leads(case), warning)


def _under_way(case: Case) -> Phrase:
    phrase = _gap(case)
    if not case.reachable:
        limit = _number(_limit(case), case.digits)
        return _joined(
            phrase,
            (
                f"；目标超出了自然界限 {limit}，不可能达到",
                f"; the target lies beyond the natural limit {limit} and cannot be reached",
            ),
        )
    if case.as_of == case.due:
        return _joined(phrase, ("；当天已是到期日", "; it is the due day"))
    need = case.needed or 0.0
    rise = ("增加", "rise") if need > 0 or (need == 0 and case.sign > 0) else ("减少", "fall")
    size = _number(abs(need), case.digits + 1)
    phrase = _joined(phrase, (f"；须每月{rise[0]} {size}", f"; it must {rise[1]} by {size} a month"))
    if case.trend is None:
        return _joined(phrase, _too_short(case))
    return _joined(phrase, ("，", ", "), _seen(case), _share(case), _leads(case), _end(case))


def _gap(case: Case) -> Phrase:
    assert case.value is not None
    gap = case.promise.value - case.value
    number, unit = _number(abs(gap), case.digits), case.promise.unit
    zh, en = ("个百分点", "percentage points") if unit.zh == "%" else (unit.zh, unit.en)
    if gap >= 0:
        return f"距目标 {case.target} 还差 {number} {zh}", f"{number} {en} below the target {case.target}"
    return f"比目标 {case.target} 高 {number} {zh}", f"{number} {en} above the target {case.target}"


def _too_short(case: Case) -> Phrase:
    if case.promise.resets and case.due.year != case.as_of.year:
        year = case.due.year
        return f"；要到 {year} 年才开始计数，现在无法判断", f"; the count of {year} has not begun"
    if case.promise.resets:
        return (
            f"；今年才过 {case.history} 天（至少要 {case.least} 天），还无法判断",
            f"; only {case.history} days of the year have passed ({case.least} are needed to say more)",
        )
    short = (
        f"；连续数据只有 {case.history} 天（至少要 {case.least} 天），还无法判断",
        f"; only {case.history} days of unbroken data ({case.least} are needed to say more)",
    )
    baseline = case.promise.baseline
    if baseline is None or baseline.value is None:
        return short
    number = _number(baseline.value, case.digits)
    return _joined(
        short, (f"，基期 {baseline.day} 为 {number}", f"; the baseline was {number} on {baseline.day}")
    )


def _seen(case: Case) -> Phrase:
    """What the figure did of late."""
    assert case.trend is not None
    pace = case.trend.pace
    months = round(case.trend.months)
    if case.promise.resets:
        time = ("今年至今", "so far this year")
    else:
        time = (f"近 {months} 个月", f"over the last {months} months")
    size = _number(abs(pace), case.digits + 1)
    if pace == 0:
        return f"{time[0]}没有增减", f"did not rise or fall {time[1]}"
    if not size.strip("0."):
        return f"{time[0]}几乎没有增减", f"hardly rose or fell {time[1]}"
    away = (
        ("反而", "instead ") if case.ratio is not None and case.ratio < 0 and not case.attained else ("", "")
    )
    move = ("增加", "rose") if pace > 0 else ("减少", "fell")
    return (
        f"{time[0]}{away[0]}平均每月{move[0]} {size}",
        f"{away[1]}{move[1]} by {size} a month {time[1]}",
    )


def _share(case: Case) -> Phrase:
    """How much of the needed pace that is, where it is less than all of it."""
    if case.ratio is None or not 0 < case.ratio < 1:
        return "", ""
    percent = int(case.ratio * 100 + 1e-6)
    if not percent:
        return "（不到所需的 1%）", " (less than 1% of what is needed)"
    return f"（为所需的 {percent}%）", f" ({percent}% of what is needed)"


def _leads(case: Case) -> Phrase:
    assert case.forecast is not None
    number = _number(case.forecast, case.digits)
    if case.low is None or case.high is None:
        doubt = ("（各月变化看不出波动，给不出区间）", " (no band: the months show no variation)")
        if case.trend is not None and not isinstance(case.trend, Tally) and case.trend.sigma is None:
            doubt = ("（月份太少，给不出区间）", " (no band: too few months)")
    else:
        low, high = _number(case.low, case.digits), _number(case.high, case.digits)
        dash = ("–", "–") if case.low >= 0 else (" 至 ", " to ")
        doubt = (f"（80% 区间 {low}{dash[0]}{high}）", f" (80% band {low}{dash[1]}{high})")
    due = case.due.isoformat()
    return _joined((f"，按此推算到 {due} 为 {number}", f"; that leads to {number} on {due}"), doubt)


def _end(case: Case) -> Phrase:
    if case.forecast_day:
        return f"，{case.forecast_day} 前后达到", f" and reaches the target around {case.forecast_day}"
    if case.ratio is None or case.ratio <= 0:
        return "，照此达不到目标", " and never reaches the target"
    if case.promise.resets:
        return "，今年内达不到目标", " and does not reach the target this year"
    year = case.horizon.year
    return f"，{year} 年底前达不到目标", f" and does not reach the target by the end of {year}"


def _falls_short(case: Case) -> bool:
    """Whether the forecast lies visibly (in the decimals shown) on the wrong side of the target."""
    assert case.forecast is not None
    wrong = case.promise.value - case.forecast
    if case.promise.direction == "exactly":
        wrong = abs(wrong)
    elif case.promise.direction == "at_most":
        wrong = -wrong
    return wrong > 0.5 * 10.0**-case.digits


def _limit(case: Case) -> float:
    """Return the natural limit that the target lies beyond."""
    high = case.promise.high
    if high is not None and case.promise.value > high:
        return high
    return case.promise.low if case.promise.low is not None else case.promise.value


def _amount(case: Case, value: float) -> Phrase:
    """Return a value with its unit."""
    number, unit = _number(value, case.digits), case.promise.unit
    if unit.zh == "%":
        return f"{number}%", f"{number}%"
    return f"{number} {unit.zh}", f"{number} {unit.en}"


def _number(value: float, decimals: int) -> str:
    """Return a number with its decimals; a small one is not written as nought."""
    written = f"{value:.{decimals}f}"
    if float(written) != 0:
        return written
    if abs(value) < 1e-9:
        return f"{0:.{decimals}f}"
    while float(written) == 0:
        decimals += 1
        written = f"{value:.{decimals}f}"
    return written


def _joined(*phrases: Phrase) -> Phrase:
    return "".join(zh for zh, _ in phrases), "".join(en for _, en in phrases)
