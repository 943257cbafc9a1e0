"""Feeds and data quality: who sends what, what was refused and why, and which figures have no data."""

from schemas.declaration import Text
from services.board.panels import words
from services.board.panels.figures import quoted
from services.board.panels.model import FROM, STEP, TO, Column, Dashboard, Panel, Section, Word
from services.platform.plan import Plan

_RECEIVED = f"received_at >= {FROM} AND received_at <= {TO}"
_OUTCOMES = (
    ("accepted", Text(zh="接受", en="accepted"), words.GREEN),
    ("duplicate", Text(zh="重复", en="repeated"), words.GREY),
    ("rejected", Text(zh="拒收", en="refused"), words.RED),
)


def dashboard(plan: Plan) -> Dashboard:
    """Return the dashboard of what agencies send."""
    return Dashboard(
        id="feeds",
        title=Text(zh="上报与数据质量", en="feeds and data quality"),
        sections=(
            Section(Text(zh="上报", en="feeds"), (_feeds(plan), _pushed(), _over_time())),
            Section(Text(zh="拒收", en="refusals"), (_reasons(), _refused_by_agency(plan), _letters(plan))),
            Section(
                Text(zh="没有数据或暂难判断的指标", en="figures without data or judgement"),
                (_without_data(plan),),
            ),
        ),
        span="now-7d",
        times="receipt",
    )


def _feeds(plan: Plan) -> Panel:
    """What has come, and every promise of which nothing has."""
    pairs = ", ".join(f"('{one.agency}', '{one.stream}')" for one in plan.feeds.values())
    promised = f"CAST([{pairs}], 'Array(Tuple(String, String))')"
    return Panel(
        id="feeds",
        title=Text(zh="各单位上报", en="what agencies send"),
        kind="table",
        sql=f"""
SELECT source, stream, if(has({promised}, (source, stream)), concat(source, '/', stream), '') AS promise,
    sum(records) AS records,
    max(newest_time) AS newest_time, max(received_at) AS received_at,
    dateDiff('second', received_at, greatest({TO}, received_at)) AS silent
FROM (
    SELECT toString(source) AS source, toString(stream) AS stream, toUInt64(records) AS records,
        toNullable(newest_time) AS newest_time, toNullable(received_at) AS received_at FROM feed_live
    UNION ALL
    SELECT promise.1, promise.2, 0, NULL, NULL
    FROM (SELECT arrayJoin({promised}) AS promise)
)
GROUP BY source, stream ORDER BY received_at, source, stream""",
        columns=(
            Column("source", _AGENCY, words=words.agencies(plan)),
            Column("stream", Text(zh="数据流", en="stream"), words=words.STREAM_WORDS),
            Column(
                "promise",
                Text(zh="承诺", en="promise"),
                words={one.id: Word(one.name) for one in plan.feeds.values()},
            ),
            Column("records", Text(zh="记录", en="records"), decimals=0),
            Column("newest_time", Text(zh="最新事件时间", en="newest event")),
            Column("received_at", Text(zh="最近收到", en="last received")),
            Column("silent", Text(zh="已沉默", en="silent for"), unit="s", decimals=0),
        ),
        times="event",  # feeds are watched by the county's clock
        height=12,
    )


def _receipts() -> str:
    """Of each push what became of its records, not from where it came: Grafana may not ask for that."""
    return f"SELECT received_at, accepted, duplicate, rejected FROM receipt FINAL WHERE {_RECEIVED}"


def _pushed() -> Panel:
    sums = ", ".join(f"sum({name}) AS {name}" for name, *_shown in _OUTCOMES)
    return Panel(
        id="pushed",
        title=Text(zh="所选时段的记录", en="records in the time range"),
        kind="stat",
        sql=f"""
SELECT {sums}, 100 * rejected / nullIf(accepted + duplicate + rejected, 0) AS share
FROM ({_receipts()})""",
        columns=(*_outcomes(), Column("share", Text(zh="拒收率", en="share refused"), unit="%", decimals=1)),
        height=4,
    )


def _over_time() -> Panel:
    sums = ", ".join(f"toInt64(sum({name})) AS {name}" for name, *_shown in _OUTCOMES)
    return Panel(
        id="pushed-over-time",
        title=Text(zh="记录数", en="records over time"),
        kind="time_series",
        every="step",
        sql=f"""
SELECT greatest(toStartOfInterval(toDateTime(received_at, 'UTC'), INTERVAL {STEP} SECOND), {FROM}) AS time,
    {sums}
FROM ({_receipts()})
GROUP BY time ORDER BY time""",
        columns=(Column("time", words.TIME), *_outcomes()),
    )


def _reasons() -> Panel:
    return Panel(
        id="reasons",
        title=Text(zh="拒收原因", en="why records are refused"),
        kind="bar",
        sql=f"""
SELECT toString(code) AS code, count() AS letters FROM dead_letter FINAL WHERE {_REFUSED}
GROUP BY code ORDER BY letters DESC, code""",
        columns=(Column("code", _CODE, words=words.CODES), Column("letters", _LETTERS, decimals=0)),
        width=12,
    )


def _refused_by_agency(plan: Plan) -> Panel:
    return Panel(
        id="refused-by-agency",
        title=Text(zh="各单位拒收记录", en="refused records by agency"),
        kind="bar",
        sql=f"""
SELECT toString(source) AS source, count() AS letters FROM dead_letter FINAL WHERE {_REFUSED}
GROUP BY source ORDER BY letters DESC, source""",
        columns=(
            Column("source", _AGENCY, words=words.agencies(plan)),
            Column("letters", _LETTERS, decimals=0),
        ),
        width=12,
    )


def _letters(plan: Plan) -> Panel:
    """What was refused, without what it said: that may be about people."""
    return Panel(
        id="letters",
        title=Text(zh="最近拒收的记录", en="records refused last"),
        kind="table",
        sql=f"""
SELECT time AS refused_at, source, stream, record_id, code, field, message
FROM dead_letter FINAL WHERE {_REFUSED} ORDER BY time DESC, id LIMIT 500""",
        columns=(
            Column("refused_at", words.TIME),
            Column("source", _AGENCY, words=words.agencies(plan)),
            Column("stream", Text(zh="数据流", en="stream"), words=words.STREAM_WORDS),
            Column("record_id", Text(zh="记录编号", en="record")),
            Column("code", _CODE, words=words.CODES),
            Column("field", Text(zh="字段", en="field")),
            Column("message", Text(zh="说明", en="message")),
        ),
        height=10,
    )


def _without_data(plan: Plan) -> Panel:
    every = plan.indicators.values()
    return Panel(
        id="without-data",
        title=Text(zh="全县没有数据或暂难判断的指标", en="of the county: no data, or no telling"),
        kind="table",
        sql=f"""
SELECT toString(indicator) AS indicator, toString(status) AS status, indicator AS owner, updated_at
FROM indicator_live FINAL
WHERE division = {quoted(plan.county.county)} AND status IN ('no_data', 'cannot_say') ORDER BY indicator""",
        columns=(
            Column(
                "indicator",
                words.INDICATOR_TITLE,
                words=words.names(every),
                link=f"{{value}}/{plan.county.county}",
            ),
            Column("status", words.STATUS_TITLE, words=words.STATUSES),
            Column("owner", words.OWNER, words=words.owners(every)),
            Column("updated_at", words.UPDATED),
        ),
        height=10,
    )


_REFUSED = f"time >= {FROM} AND time <= {TO}"
_AGENCY = Text(zh="单位", en="agency")
_CODE = Text(zh="原因", en="reason")
_LETTERS = Text(zh="条", en="records")


def _outcomes() -> tuple[Column, ...]:
    return tuple(Column(name, title, decimals=0, colour=colour) for name, title, colour in _OUTCOMES)
