"""The county at a glance: how its targets stand, what changed, what will be missed, what alerts are on."""

from schemas.declaration import Text
from services.board.panels import words
from services.board.panels.alerts import firing
from services.board.panels.figures import aims, counts, listed, quoted, wall
from services.board.panels.model import Column, Dashboard, Panel, Section
from services.platform.plan import Plan


def dashboard(plan: Plan) -> Dashboard:
    """Return the dashboard of the whole county."""
    county = quoted(plan.county.county)
    return Dashboard(
        id="county",
        title=Text(zh="全县一览", en="the county at a glance"),
        sections=(
            Section(Text(zh="目标", en="targets"), (counts(aims(plan), county), missed(plan), changed(plan))),
            Section(Text(zh="预警", en="alerts"), (firing(plan),)),
            Section(Text(zh="各地", en="everywhere"), (wall(plan, aims(plan)),)),
        ),
    )


def missed(plan: Plan) -> Panel:
    """The targets that are missed, or will be at the present pace."""
    indicators = listed(one.id for one in aims(plan))
    return Panel(
        id="missed",
        title=Text(zh="将要落空的目标", en="what will be missed"),
        kind="table",
        sql=f"""
SELECT toString(indicator) AS indicator, toString(status) AS status, value, target, forecast,
    toString(indicator) AS unit, toString(due) AS due, toString(indicator) AS owner,
    concat(reason_zh, ' · ', reason_en) AS reason
FROM indicator_live FINAL
WHERE division = {quoted(plan.county.county)} AND has({indicators}, indicator)
    AND status IN ('missed', 'off_track', 'behind')
ORDER BY indexOf(['missed', 'off_track', 'behind'], status), due, indexOf({indicators}, indicator)""",
        columns=(
            indicator(plan),
            Column("status", words.STATUS_TITLE, words=words.STATUSES),
            Column("value", words.VALUE, decimals=2),
            Column("target", words.TARGET, decimals=2),
            Column("forecast", words.FORECAST, decimals=2),
            Column("unit", words.UNIT, words=words.units(aims(plan))),
            Column("due", words.DUE),
            Column("owner", words.OWNER, words=words.owners(aims(plan))),
            Column("reason", words.REASON),
        ),
        height=10,
    )


def changed(plan: Plan) -> Panel:
    """The county's figures that are another today than they were at the end of the day before."""
    return Panel(
        id="changed",
        title=Text(zh="今日变化", en="what changed today"),
        kind="table",
        sql=f"""
SELECT toString(history.indicator) AS indicator, toString(any(live.status)) AS status,
    argMaxIf(tuple(history.value), history.day, history.day < live.as_of).1 AS before,
    any(tuple(live.value)).1 AS value, value - before AS change, indicator AS unit,
    max(live.updated_at) AS updated_at
FROM indicator_history AS history FINAL
INNER JOIN indicator_live AS live FINAL
    ON history.indicator = live.indicator AND history.division = live.division
    AND history.definition = live.definition
WHERE history.division = {quoted(plan.county.county)}
GROUP BY history.indicator
HAVING countIf(history.day = live.as_of) > 0
    AND NOT (ifNull(before = value, isNull(before) AND isNull(value)))
ORDER BY updated_at DESC, indicator""",
        columns=(
            indicator(plan),
            Column("status", words.STATUS_TITLE, words=words.STATUSES),
            Column("before", Text(zh="昨日", en="the day before"), decimals=2),
            Column("value", words.VALUE, decimals=2),
            Column("change", Text(zh="变化", en="change"), decimals=2),
            Column("unit", words.UNIT, words=words.units(plan.indicators.values())),
            Column("updated_at", words.UPDATED),
        ),
        about=Text(zh="“今日”是数据所到的那一天", en="“today” is the day that the figures have come to"),
        height=10,
    )


def indicator(plan: Plan) -> Column:
    """Return the column of an indicator of the county: its name, and on the board its records."""
    link = f"{{value}}/{plan.county.county}/records"
    return Column("indicator", words.INDICATOR_TITLE, words=words.names(plan.indicators.values()), link=link)
