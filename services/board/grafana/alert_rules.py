"""The plan's rules as Grafana alert rules, as `/api/v1/provisioning/alert-rules` takes them."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from schemas.rules import ForecastRule, Rule
from services.alerts.rules.limits import plain, with_unit
from services.board.grafana import queries
from services.board.grafana.client import PLUGIN
from services.board.grafana.queries import Evaluator, Series
from services.platform.plan import Plan

_LONGEST_TITLE = 190
_DIRECTION = {
    "at_least": ("不低于", "at least"),
    "at_most": ("不高于", "at most"),
    "exactly": ("等于", "exactly"),
}


@dataclass(frozen=True)
class Place:
    """Where rules go, what they read, and where people read on."""

    organisation: int
    folder: str
    source: str
    prefix: str
    board: str


def of(plan: Plan, place: Place) -> list[dict[str, Any]]:
    """Return the alert rules of a plan, and one that tells when Grafana cannot read ClickHouse."""
    found = list(queries.of(plan))
    titles = Counter(_title(rule, series) for rule, series in found)
    rules = [
        _rule(plan, place, rule, series, twice=titles[_title(rule, series)] > 1) for rule, series in found
    ]
    return [*rules, _unreachable(plan, place)]


def _rule(plan: Plan, place: Place, rule: Rule, series: Series, *, twice: bool) -> dict[str, Any]:
    division = series.division
    title = _title(rule, series)
    if twice:  # Grafana wants titles of their own within a folder
        title = f"{title} [{rule.id}]"
    return {
        "uid": _uid(place, rule.id, division.code),
        "title": title[-_LONGEST_TITLE:],
        "ruleGroup": rule.kind,
        "folderUID": place.folder,
        "orgID": place.organisation,
        **_asked(place, series.sql, series.fires, series.recovers),
        # By what is not known nobody is told, and nothing is taken back.
        "noDataState": "KeepLast",
        "execErrState": "KeepLast",
        "for": _length(series.for_),
        "keep_firing_for": _length(series.keep_firing),
        "labels": {
            "minmai": plan.county.county,
            "minmai_rule": rule.id,
            "minmai_kind": rule.kind,
            "severity": rule.severity,
            "division": division.code,
            "division_name": division.name,
        },
        "annotations": {
            "summary": f"{division.name} {rule.name.zh} · {rule.name.en}",
            "description": _description(rule, series),
            "board": _link(place, series),
        },
        "isPaused": False,
    }


def _unreachable(plan: Plan, place: Place) -> dict[str, Any]:
    """One alert for what would else be none, as all other rules keep their state: nothing can be read."""
    county = plan.county
    return {
        "uid": _uid(place, "clickhouse_unreachable", county.county),
        "title": f"{county.name.zh} 数据库读不到 · ClickHouse cannot be read",
        "ruleGroup": "clickhouse",
        "folderUID": place.folder,
        "orgID": place.organisation,
        **_asked(place, "SELECT 1 AS value", Evaluator("lt", [1.0]), Evaluator("gte", [1.0])),
        "noDataState": "Alerting",
        "execErrState": "Alerting",
        "for": "5m",
        "keep_firing_for": "0s",
        "labels": {
            "minmai": county.county,
            "minmai_rule": "clickhouse_unreachable",
            "minmai_kind": "clickhouse",
            "severity": "critical",
            "division": county.county,
            "division_name": county.name.zh,
        },
        "annotations": {
            "summary": f"{county.name.zh} 数据库读不到，其他规则保持原状 · ClickHouse cannot be read, "
            "all other rules stay as they are",
            "description": "Grafana 查询 ClickHouse 失败 · Grafana's queries of ClickHouse fail",
            "board": f"{place.board}/",
        },
        "isPaused": False,
    }


def _asked(place: Place, sql: str, fires: Evaluator, recovers: Evaluator) -> dict[str, Any]:
    """Return query A, and B that holds its number against the thresholds."""
    source = {"type": PLUGIN, "uid": place.source}
    expression = {"type": "__expr__", "uid": "__expr__"}
    limits = {"evaluator": asdict(fires), "unloadEvaluator": asdict(recovers), "type": "query"}
    # Grafana itself would add the last two.
    defaults = {"intervalMs": 1000, "maxDataPoints": 43200}
    return {
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "queryType": "table",
                "relativeTimeRange": {"from": 600, "to": 0},  # has to be there; the query has no window
                "datasourceUid": place.source,
                "model": {
                    "refId": "A",
                    "datasource": source,
                    "editorType": "sql",
                    "queryType": "table",
                    "format": 1,
                    "rawSql": sql,
                    **defaults,
                },
            },
            {
                "refId": "B",
                "queryType": "",
                "relativeTimeRange": {"from": 0, "to": 0},
                "datasourceUid": "__expr__",
                "model": {
                    "refId": "B",
                    "datasource": expression,
                    "type": "threshold",
                    "expression": "A",
                    "conditions": [limits],
                    **defaults,
                },
            },
        ],
    }


def _title(rule: Rule, series: Series) -> str:
    return f"{series.division.name} {rule.name.zh} · {rule.name.en}"


def _description(rule: Rule, series: Series) -> str:
    # What Grafana puts in: the number as it was when the alert was evaluated.
    number = "{{ with $values.A }}{{ .Value }}{{ end }}"
    indicator, limit = series.indicator, series.limit
    if indicator is None:
        return f"{number} 项告警中，详见看板 · {number} firing, see the board"
    words = [f"{indicator.name.zh} · {indicator.name.en}"]
    if limit is not None:
        zh, en = _DIRECTION[limit.direction]
        mark = plain(limit.threshold)
        ahead = isinstance(rule, ForecastRule)
        what = ("预计到期值", "expected on the due day") if ahead else ("现为", "now")
        shown = f'{{{{ with $values.A }}}}{{{{ printf "%.{indicator.decimals}f" .Value }}}}{{{{ end }}}}'
        words.append(
            f"{what[0]} {with_unit(shown, indicator.unit.zh)}，应{zh} {mark} · "
            f"{what[1]} {with_unit(shown, indicator.unit.en)}, should be {en} {mark}"
        )
    if indicator.owner:
        words.append(f"责任部门 responsible: {indicator.owner}")
    return "\n".join(words)


def _link(place: Place, series: Series) -> str:
    where = f"#{series.indicator.id}/{series.division.code}" if series.indicator else ""
    return f"{place.board}/{where}"


def _uid(place: Place, rule: str, division: str) -> str:
    """Within Grafana's 40 characters, whatever the rule is called."""
    return place.prefix + blake2b(f"{rule}/{division}".encode(), digest_size=8).hexdigest()


def _length(length: timedelta) -> str:
    return f"{int(length.total_seconds())}s"
