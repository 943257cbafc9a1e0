"""One division, which people choose: all its figures, one of them over time, its alerts and its vouchers."""

from schemas.declaration import Text
from services.board.panels import vouchers, words
from services.board.panels.alerts import firing
from services.board.panels.figures import listed, steps
from services.board.panels.model import DIVISION, INDICATOR, Column, Dashboard, Panel, Section
from services.platform.plan import Plan


def dashboard(plan: Plan) -> Dashboard:
    """Return the dashboard of a division."""
    return Dashboard(
        id="division",
        title=Text(zh="分地区", en="by division"),
        sections=(
            Section(Text(zh="指标", en="figures"), (_counts(), _figures(plan))),
            Section(Text(zh="走势", en="trend"), (_trend(plan),)),
            Section(Text(zh="预警", en="alerts"), (firing(plan, DIVISION),)),
            Section(
                Text(zh="消费券", en="vouchers"),
                (vouchers.totals(plan, DIVISION, "{division}"), vouchers.by_hour(DIVISION)),
            ),
        ),
        choices=("division", "indicator"),
    )


def _counts() -> Panel:
    counted = ", ".join(f"countIf(status = '{status}') AS {status}" for status in words.AIMED)
    return Panel(
        id="counts",
        title=Text(zh="目标按状态", en="targets by status"),
        kind="stat",
        sql=f"SELECT {counted} FROM indicator_live FINAL WHERE division = {DIVISION}",
        columns=words.counted(words.AIMED, words.STATUSES),
        height=4,
    )


def _figures(plan: Plan) -> Panel:
    every = plan.indicators.values()
    states = ", ".join(f"'{status}'" for status in words.AIMED)
    return Panel(
        id="figures",
        title=Text(zh="全部指标", en="all figures"),
        kind="table",
        sql=f"""
SELECT toString(indicator) AS indicator, toString(status) AS status, value, target, gap, forecast,
    indicator AS unit, toString(due) AS due, as_of, updated_at
FROM indicator_live FINAL
WHERE division = {DIVISION} AND has({listed(plan.indicators)}, indicator)
ORDER BY indexOf([{states}], status) = 0, indexOf([{states}], status),
    indexOf({listed(plan.indicators)}, indicator)""",
        columns=(
            Column(
                "indicator",
                words.INDICATOR_TITLE,
                words=words.names(every),
                link="{value}/{division}/records",
            ),
            Column("status", words.STATUS_TITLE, words=words.STATUSES),
            Column("value", words.VALUE, decimals=2),
            Column("target", words.TARGET, decimals=2),
            Column("gap", Text(zh="差距", en="gap"), decimals=2),
            Column("forecast", words.FORECAST, decimals=2),
            Column("unit", words.UNIT, words=words.units(every)),
            Column("due", words.DUE),
            Column("as_of", Text(zh="数据日", en="as of")),
            Column("updated_at", words.UPDATED),
        ),
        height=20,
    )


def _trend(plan: Plan) -> Panel:
    return Panel(
        id="trend",
        title=Text(zh="所选指标的走势", en="trend of the indicator chosen"),
        kind="time_series",
        sql=steps(plan, INDICATOR, DIVISION),
        columns=(
            Column("time", words.TIME),
            Column("value", words.VALUE, colour=words.BLUE),
            Column("target", words.TARGET, colour=words.GREY),
        ),
        link="{indicator}/{division}",
        height=10,
    )
