"""`minmai alerts backtest`: how often a rule would have fired, how long, and how often it flapped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from cli.paths import plan_folder
from schemas.rules import IndicatorRule, Rule, duration, written
from services.alerts import past
from services.alerts.backtest import BacktestError, Outcome, Stretch, backtest, other
from services.alerts.sources.indicator import watched
from services.platform.clickhouse import ClickHouse
from services.platform.plan import Plan, load_plan
from services.platform.settings import Common, load

_YEAR = timedelta(days=364)
_HEAD = (
    *("地区 place", "告警 fired", "天数 days", "最长 longest", "平均 mean", "反复 flapped"),
    *("无数据 no data", "期初 before", "期末 after"),
)


@dataclass(frozen=True)
class Asked:
    """What was asked for; None stands for what the rule declares, or for a default."""

    first: date | None
    last: date | None
    threshold: str | None
    clear_margin: str | None
    for_: str | None
    keep_firing: str | None
    flapping: str
    as_known: bool
    as_json: bool

    @property
    def varied(self) -> bool:
        """Whether another rule is to stand beside the declared one."""
        return any((self.threshold, self.clear_margin, self.for_, self.keep_firing))


def run(id: str, asked: Asked) -> None:
    """Print what a rule would have done; raises PlanError, Unavailable, BacktestError."""
    plan = load_plan(plan_folder())
    rule = _rule(plan, id)
    rules = [rule]
    if asked.varied:
        changed = other(
            rule,
            _number("--threshold", asked.threshold),
            _number("--clear-margin", asked.clear_margin),
            _length("--for", asked.for_),
            _length("--keep-firing", asked.keep_firing),
        )
        rules.append(changed)
    found = _outcomes(plan, rules, asked)
    if asked.as_json:
        print(json.dumps(_json(rules, found, asked), ensure_ascii=False, indent=2))
    else:
        _show(rules, found, asked)


@dataclass(frozen=True)
class _Found:
    stretch: Stretch
    outcomes: list[list[Outcome]]
    """Of each rule, in each division."""


def _outcomes(plan: Plan, rules: Sequence[IndicatorRule], asked: Asked) -> _Found:
    declared = rules[0]
    divisions = [place for one, place in watched(plan) if one.id == declared.id]
    if not divisions:
        raise BacktestError(
            f"规则 {declared.id} 没有可看的地方：没有目标也没有界限 · {declared.id} looks at no place: "
            "there is neither a target nor a threshold"
        )
    clickhouse = ClickHouse(load(Common))
    try:
        newest = past.newest_day(clickhouse, declared.indicator)
        if newest is None:
            raise BacktestError(
                f"{declared.indicator} 还没有数字 · has no figures yet: is an aggregator running?"
            )
        last = min(asked.last or newest, newest)
        stretch = Stretch(
            asked.first or last - _YEAR, last, plan.zone, _duration("--flapping", asked.flapping)
        )
        if stretch.first > stretch.last:
            raise BacktestError(f"--from {stretch.first} 晚于 · is after {stretch.last}")
        read = past.as_then_known if asked.as_known else past.as_now_known
        figures = read(clickhouse, plan, declared, divisions, last)
    finally:
        clickhouse.close()
    indicator = plan.indicators[declared.indicator]
    outcomes = [
        [backtest(one, indicator, place, figures[place.code], stretch) for place in divisions]
        for one in rules
    ]
    return _Found(stretch, outcomes)


def _rule(plan: Plan, id: str) -> IndicatorRule:
    rule: Rule | None = plan.rules.get(id)
    if rule is None:
        raise BacktestError(
            f"规划中没有规则 {id} · the plan has no rule {id}; it has {', '.join(plan.rules)}"
        )
    if not isinstance(rule, IndicatorRule):
        raise BacktestError(
            f"规则 {id}（{rule.kind}）所看的量没有逐日历史，无法回测，只有看指标的规则可以 · "
            f"{id} is of kind {rule.kind}: of what it measures no history is kept, so it cannot be tried on "
            "the past. Rules on indicators can; what this one has done is in alert_log"
        )
    return rule


def _show(rules: Sequence[IndicatorRule], found: _Found, asked: Asked) -> None:
    stretch = found.stretch
    knowledge = "按当日所知 as known on each day" if asked.as_known else "按现在所知 as now known"
    print(f"{rules[0].name.zh} · {rules[0].name.en}（{rules[0].id}）")
    print(f"{stretch.first} – {stretch.last}，{knowledge}，逐日 by day")
    for index, (rule, outcomes) in enumerate(zip(rules, found.outcomes, strict=True)):
        print()
        print(f"{'改为 with' if index else '现行 as declared'}: {_numbers(rule)}")
        rows = [_row(one) for one in outcomes]
        if len(rows) > 1:
            rows.append(_total(outcomes))
        _table([_HEAD, *rows])
    print()
    print(
        f"天数为告警持续天数；反复指解除后 {written(stretch.flapping)} 内再次告警 · days firing; flapped: "
        f"fired again within {written(stretch.flapping)} of the end before"
    )
    print(
        "数字只保留每日终了时的值，一日之内的起落看不到 · figures are kept as at the end of each day: what "
        "rose and fell within one is not seen"
    )
    if asked.as_known:
        print("按今天的定义计算 · by today's definition of the indicator")


def _numbers(rule: IndicatorRule) -> str:
    said: list[str] = []
    if rule.kind == "status":
        said.append(f"状态 status {'/'.join(rule.statuses)}")
    else:
        threshold = "目标 target" if rule.threshold is None else f"{rule.threshold}"
        said += [f"界限 threshold {threshold}", f"回差 clear margin {rule.clear_margin}"]
    said += [f"持续 for {written(rule.for_)}", f"保持 keep firing {written(rule.keep_firing)}"]
    return "，".join(said)


def _row(one: Outcome) -> tuple[str, ...]:
    return (
        one.name,
        str(one.fired),
        *(f"{days:.1f}" for days in (one.days_firing, one.longest_days, one.mean_days)),
        str(one.flapped),
        str(one.days_without_data),
        *("是 yes" if on else "否 no" for on in (one.firing_before, one.firing_after)),
    )


def _total(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    days = sum(one.days_firing for one in outcomes)
    alerts = sum(len(one.episodes) for one in outcomes)
    return (
        "合计 total",
        str(sum(one.fired for one in outcomes)),
        f"{days:.1f}",
        f"{max(one.longest_days for one in outcomes):.1f}",
        f"{days / alerts if alerts else 0:.1f}",
        str(sum(one.flapped for one in outcomes)),
        str(sum(one.days_without_data for one in outcomes)),
        str(sum(one.firing_before for one in outcomes)),
        str(sum(one.firing_after for one in outcomes)),
    )


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            text + " " * (width - _width(text)) if not column else " " * (width - _width(text)) + text
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join(cells))


def _width(text: str) -> int:
    """A Chinese character is as wide as two others."""
    return sum(2 if ord(one) > 0x2E80 else 1 for one in text)


def _json(rules: Sequence[IndicatorRule], found: _Found, asked: Asked) -> dict[str, Any]:
    return {
        "rule": rules[0].id,
        "from": found.stretch.first.isoformat(),
        "to": found.stretch.last.isoformat(),
        "as_known": asked.as_known,
        "flapping": written(found.stretch.flapping),
        "runs": [
            {
                "rule": rule.model_dump(mode="json", by_alias=True),
                "divisions": [one.model_dump(mode="json") for one in outcomes],
            }
            for rule, outcomes in zip(rules, found.outcomes, strict=True)
        ],
    }


def _number(option: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or (option == "--clear-margin" and number < 0):
        raise BacktestError(f"{option} {text} 不是数字 · is no number, or below 0 where it cannot be")
    return number


def _length(option: str, text: str | None) -> timedelta | None:
    return None if text is None else _duration(option, text)


def _duration(option: str, text: str) -> timedelta:
    try:
        return duration(0 if text == "0" else text)
    except ValueError as error:
        raise BacktestError(f"{option} {text}: {error}") from None
