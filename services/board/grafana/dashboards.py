"""Dashboards of panels as Grafana takes them, put together by Grafana's own builders."""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from grafana_foundation_sdk.builders import barchart, stat, table, timeseries
from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common, dashboard

from schemas.declaration import Text
from services.board.grafana.client import PLUGIN
from services.board.panels.every import dashboards
from services.board.panels.model import Choice, Colour, Column, Dashboard, Kind, Panel, Threshold, Word
from services.platform.plan import Plan

AnyPanel = stat.Panel | timeseries.Panel | barchart.Panel | table.Panel

_TITLES: dict[Choice, Text] = {
    "division": Text(zh="地区", en="division"),
    "indicator": Text(zh="指标", en="indicator"),
}
_NOTHING = "–"
_SHADES: dict[Colour, str] = {
    "green": "#2e9e78",
    "blue": "#3f86c0",
    "amber": "#d9a21b",
    "orange": "#d9622b",
    "red": "#c22f5c",
    "purple": "#8464b8",
    "grey": "#7b8894",
}


class _Query(Dataquery):
    """A statement as the ClickHouse plugin keeps it."""

    def __init__(self, panel: Panel, source: str) -> None:
        series = panel.kind == "time_series"
        self._body: dict[str, object] = {
            "refId": "A",
            "datasource": {"type": PLUGIN, "uid": source},
            "editorType": "sql",
            "queryType": "timeseries" if series else "table",
            "format": 0 if series else 1,
            "rawSql": panel.sql.strip(),
        }

    def to_json(self) -> dict[str, object]:
        return self._body


class _QueryBuilder(Builder[Dataquery]):
    def __init__(self, query: _Query) -> None:
        self._query = query

    def build(self) -> Dataquery:
        return self._query


def of(plan: Plan, *, source: str, prefix: str, board: str) -> list[dict[str, Any]]:
    """Return the dashboards of a plan, in the order in which people read them.

    `source` is the id of the data source, `prefix` what all ids begin with, `board` the board's address.
    """
    return [_dashboard(plan, one, source, prefix, board) for one in dashboards(plan)]


def number(id: str) -> int:
    """Return the number of a panel within its dashboard, which addresses name: fixed by its id too."""
    return int.from_bytes(blake2b(id.encode(), digest_size=4).digest()) >> 1


def _dashboard(plan: Plan, one: Dashboard, source: str, prefix: str, board: str) -> dict[str, Any]:
    made = (
        builders.Dashboard(f"{plan.county.name.zh} {one.title.both}")
        .uid(f"{prefix}{one.id}")
        .tags(_tags(plan))
        .timezone(plan.county.time_zone)
        .time(one.span, "now")
        .refresh(one.refresh)
        .links([_link("看板 · board", f"{board}/"), _others(plan)])
    )
    for choice in one.choices:
        made.with_variable(_variable(plan, choice))
    for section in one.sections:
        made.with_row(builders.Row(section.title.both).id(number(f"row {section.title.zh}")))
        for panel in section.panels:
            made.with_panel(_panel(panel, source, board))
    found: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    return found


def _variable(plan: Plan, choice: Choice) -> builders.CustomVariable:
    """Let people choose among what the plan has; the first is chosen at first."""
    if choice == "division":
        options = [(one.name, one.code) for one in plan.shown_divisions]
    else:
        options = [(one.name.both, one.id) for one in plan.indicators.values()]
    # A comma separates options, a colon text and value: within a text they are written otherwise.
    named = [(text.replace(",", "，").replace(":", "："), value) for text, value in options]
    first = named[0]
    return (
        builders.CustomVariable(choice)
        .label(_TITLES[choice].both)
        .allow_custom_value(False)
        .values(", ".join(f"{text} : {value}" for text, value in named))
        .current(dashboard.VariableOption(text=first[0], value=first[1], selected=True))
    )


def _panel(panel: Panel, source: str, board: str) -> AnyPanel:
    made = (
        _KINDS[panel.kind]()
        .id(number(panel.id))
        .title(panel.title.both)
        .datasource(common.DataSourceRef(PLUGIN, source))
        .with_target(_QueryBuilder(_Query(panel, source)))
        .span(panel.width)
        .height(panel.height)
        .no_value(_NOTHING)
    )
    if panel.about:
        made.description(panel.about.both)
    if panel.link:
        made.links([_link("看板上的明细 · on the board", f"{board}/#{_chosen(panel.link)}")])
    if isinstance(made, timeseries.Panel) and panel.every:
        made.draw_style(common.GraphDrawStyle.BARS).fill_opacity(40)
    if panel.within:
        made.time_from(f"{panel.within}h")
    for column in panel.columns:
        made.override_by_name(column.name, list(_shown(panel, column, board)))
    return made


def _stat() -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(shared.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
    )


def _time_series() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(2)
        .show_points(common.VisibilityMode.AUTO)
    )


def _bar() -> barchart.Panel:
    return barchart.Panel().x_tick_label_rotation(-30).show_value(common.VisibilityMode.AUTO)


def _table() -> table.Panel:
    return table.Panel().cell_height(common.TableCellHeight.SM).filterable(True)


_KINDS: Mapping[Kind, Callable[[], AnyPanel]] = {
    "stat": _stat,
    "time_series": _time_series,
    "bar": _bar,
    "table": _table,
    "state_wall": _table,
}


def _shown(panel: Panel, column: Column, board: str) -> Iterable[dashboard.DynamicConfigValue]:
    """Yield how a column is shown."""
    value = dashboard.DynamicConfigValue
    yield value("displayName", column.title.both)
    if column.unit:
        yield value("unit", _unit(column.unit))
    if column.decimals is not None:
        yield value("decimals", column.decimals)
    if column.words:
        yield value("mappings", [_mapping(column.words)])
    if column.thresholds:
        yield value("thresholds", {"mode": "absolute", "steps": list(map(_step, column.thresholds))})
        yield value("color", {"mode": "thresholds"})
    if column.colour:
        yield value("color", {"mode": "fixed", "fixedColor": _SHADES[column.colour]})
    if column.link and "{row:" not in column.link:  # of a row's other values Grafana has only the words
        yield value("links", [_data_link(column, board)])
    if panel.kind in ("table", "state_wall") and any(word.colour for word in column.words.values()):
        yield value("custom.cellOptions", {"type": "color-background", "mode": "basic"})


def _mapping(words: Mapping[str, Word]) -> dashboard.ValueMap:
    return dashboard.ValueMap({name: _word(word, at) for at, (name, word) in enumerate(words.items())})


def _word(word: Word, at: int) -> dashboard.ValueMappingResult:
    shade = _SHADES[word.colour] if word.colour else None
    return dashboard.ValueMappingResult(text=word.text.both, color=shade, index=at)


def _step(one: Threshold) -> dashboard.Threshold:
    return dashboard.Threshold(one.value, _SHADES[one.colour])


def _data_link(column: Column, board: str) -> dict[str, object]:
    page = _chosen(column.link).replace("{value}", "${__value.raw}")
    return {"title": "看板上的明细 · on the board", "url": f"{board}/#{page}", "targetBlank": True}


def _chosen(page: str) -> str:
    return page.replace("{division}", "${division}").replace("{indicator}", "${indicator}")


def _link(title: str, url: str) -> builders.DashboardLink:
    return (
        builders.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .url(url)
        .icon("external link")
        .target_blank(True)
    )


def _others(plan: Plan) -> builders.DashboardLink:
    return (
        builders.DashboardLink(f"{plan.county.name.zh} · dashboards")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags(_tags(plan))
        .as_dropdown(True)
        .keep_time(True)
    )


def _tags(plan: Plan) -> list[str]:
    return ["minmai", plan.county.county]


def _unit(unit: str) -> str:
    """Return Grafana's name of a unit; what it does not know it shows as it is."""
    return {"%": "percent", "s": "s"}.get(unit, f"suffix:{unit}")
