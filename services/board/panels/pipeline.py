"""The pipeline itself, by what ClickHouse knows of it; the rest is on each service's `/metrics`."""

from schemas.declaration import Text
from services.board.panels import words
from services.board.panels.model import FROM, STEP, TO, Column, Dashboard, Panel, Section
from services.platform.plan import Plan

_BLOCK = "topic_id, partition, first_offset"


def dashboard(_plan: Plan) -> Dashboard:
    """Return the dashboard of the services."""
    return Dashboard(
        id="pipeline",
        title=Text(zh="系统运行", en="the pipeline"),
        sections=(
            Section(Text(zh="新鲜度", en="freshness"), (_waiting(), _fresh(), _blocks())),
            Section(Text(zh="推送", en="pushes"), (_refused_pushes(),)),
            Section(Text(zh="预警", en="alerts"), (_alerts(), _notices(), _lost())),
        ),
        span="now-6h",
        refresh="10s",
        times="receipt",
    )


def _waiting() -> Panel:
    """Counted blocks of the last day that the figures do not hold yet; of older ones nothing is kept."""
    return Panel(
        id="waiting",
        title=Text(zh="已计数未上屏", en="counted, not in the figures yet"),
        kind="stat",
        sql=f"""
SELECT countIf(isNull(shown.at)) AS blocks,
    ifNull(maxIf(dateDiff('millisecond', told.at, now64(3)), isNull(shown.at)), 0) / 1000 AS longest
FROM (
    SELECT {_BLOCK}, min(told_at) AS at FROM touch WHERE told_at > now() - INTERVAL 1 DAY GROUP BY {_BLOCK}
) AS told
LEFT JOIN ({_shown("now() - INTERVAL 1 DAY", "now() + INTERVAL 1 DAY")}) AS shown USING ({_BLOCK})""",
        columns=(
            Column("blocks", Text(zh="批", en="blocks"), decimals=0),
            Column("longest", Text(zh="最久", en="longest"), unit="s", decimals=1),
        ),
        height=4,
    )


def _fresh() -> Panel:
    return Panel(
        id="freshness",
        title=Text(zh="从写入主题到上屏", en="from topic to figures"),
        kind="time_series",
        every="step",
        sql=f"""
SELECT {_step("shown.at")} AS time, max(waited) AS slowest, quantile(0.5)(waited) AS median FROM (
    SELECT assumeNotNull(shown.at) AS at,
        assumeNotNull(dateDiff('millisecond', told.written, shown.at)) / 1000 AS waited
    FROM (
        SELECT {_BLOCK}, min(written_at) AS written FROM touch WHERE isNotNull(written_at) GROUP BY {_BLOCK}
    ) AS told
    INNER JOIN ({_shown(FROM, TO)}) AS shown USING ({_BLOCK})
) AS shown
GROUP BY time ORDER BY time""",
        columns=(
            Column("time", words.TIME),
            Column("slowest", Text(zh="最慢的一批", en="slowest block"), unit="s", colour=words.ORANGE),
            Column("median", Text(zh="中位数", en="median"), unit="s", colour=words.BLUE),
        ),
        about=Text(zh="每批最早的记录；保留一天", en="of the oldest record of each block; kept for a day"),
        width=12,
    )


def _blocks() -> Panel:
    return Panel(
        id="counted",
        title=Text(zh="计数的记录", en="records counted"),
        kind="time_series",
        every="step",
        sql=f"""
SELECT {_step("claimed_at")} AS time, toInt64(sum(last_offset - first_offset + 1)) AS records,
    count() AS blocks
FROM block WHERE claimed_at >= {FROM} AND claimed_at <= {TO} GROUP BY time ORDER BY time""",
        columns=(
            Column("time", words.TIME),
            Column("records", Text(zh="记录", en="records"), decimals=0, colour=words.BLUE),
            Column("blocks", Text(zh="批", en="blocks"), decimals=0, colour=words.GREY),
        ),
        width=12,
    )


def _refused_pushes() -> Panel:
    return Panel(
        id="refused-pushes",
        title=Text(zh="整次被拒的推送", en="pushes refused as a whole"),
        kind="table",
        sql=f"""
SELECT agency, toInt32(status) AS status, code, sum(pushes) AS pushes, max(last_at) AS last
FROM refused_push FINAL WHERE last_at >= {FROM} AND last_at <= {TO}
GROUP BY agency, status, code ORDER BY pushes DESC, agency, status, code""",
        columns=(
            Column("agency", Text(zh="单位", en="agency")),
            Column("status", Text(zh="HTTP 状态", en="HTTP status"), decimals=0),
            Column("code", Text(zh="原因代码", en="code")),
            Column("pushes", Text(zh="推送", en="pushes"), decimals=0),
            Column("last", Text(zh="最近一次", en="last")),
        ),
    )


def _alerts() -> Panel:
    return Panel(
        id="alert-changes",
        title=Text(zh="告警变化", en="changes of alerts"),
        kind="time_series",
        every="step",
        sql=f"""
SELECT {_step("logged_at")} AS time, countIf(state = 'firing') AS firing,
    countIf(state = 'resolved') AS resolved
FROM alert_log WHERE logged_at >= {FROM} AND logged_at <= {TO} GROUP BY time ORDER BY time""",
        columns=(
            Column("time", words.TIME),
            Column("firing", Text(zh="触发", en="firing"), decimals=0, colour=words.RED),
            Column("resolved", Text(zh="恢复", en="resolved"), decimals=0, colour=words.GREEN),
        ),
        width=12,
    )


def _notices() -> Panel:
    return Panel(
        id="notices",
        title=Text(zh="通知发送", en="attempts to deliver notices"),
        kind="time_series",
        every="step",
        sql=f"""
SELECT {_step("at")} AS time, countIf(state = 'delivered') AS delivered,
    countIf(state = 'retrying') AS retrying, countIf(state IN ('refused', 'given_up')) AS lost
FROM alert_notice WHERE attempt > 0 AND at >= {FROM} AND at <= {TO} GROUP BY time ORDER BY time""",
        columns=(
            Column("time", words.TIME),
            Column("delivered", Text(zh="送达", en="delivered"), decimals=0, colour=words.GREEN),
            Column("retrying", Text(zh="重试", en="to be tried again"), decimals=0, colour=words.AMBER),
            Column("lost", Text(zh="未送达", en="not delivered"), decimals=0, colour=words.RED),
        ),
        width=12,
    )


def _lost() -> Panel:
    """Whose notices nobody got: by subscriber and channel, never by address, which may hold a token."""
    return Panel(
        id="lost",
        title=Text(zh="未送达的通知", en="notices that nobody got"),
        kind="table",
        sql=f"""
SELECT subscriber, channel, state, count() AS notices, max(at) AS last
FROM alert_notice WHERE state IN ('refused', 'given_up') AND at >= {FROM} AND at <= {TO}
GROUP BY subscriber, channel, state ORDER BY last DESC, subscriber, channel, state""",
        columns=(
            Column("subscriber", Text(zh="订阅者", en="subscriber")),
            Column("channel", Text(zh="渠道", en="channel")),
            Column("state", words.STATUS_TITLE),
            Column("notices", Text(zh="通知", en="notices"), decimals=0),
            Column("last", Text(zh="最近一次", en="last")),
        ),
    )


def _shown(begin: str, end: str) -> str:
    """Return the query of when the figures first held each block, shown between two moments."""
    return (
        f"SELECT {_BLOCK}, toNullable(min(shown_at)) AS at FROM block_shown "
        f"WHERE shown_at >= {begin} AND shown_at <= {end} GROUP BY {_BLOCK}"
    )


def _step(column: str) -> str:
    """Return the step of the time range that a moment lies in."""
    return f"greatest(toStartOfInterval(toDateTime({column}, 'UTC'), INTERVAL {STEP} SECOND), {FROM})"
