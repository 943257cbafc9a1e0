"""`minmai dead-letters list`, `count`, `show`: refused records, and what has been done about them."""

from dataclasses import dataclass
from typing import Any

from cli.terminal import line, local, printable
from schemas.dead_letter import SETTLED
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.settings import Common, load

_SHORTEST_ID = 6

_HEAD = (
    *("编号 id", "时间 when", "单位 agency", "数据流 stream"),
    *("原因 reason", "字段 field", "状态 state", "说明 message"),
)
_WIDTHS = (12, 19, 20, 20, 18, 20, 10, 0)
_COUNTED = ("单位 agency", "数据流 stream", "原因 reason", "未决 open", "已决 settled", "最近 newest")
_COUNTED_WIDTHS = (24, 24, 22, 9, 12, 0)

_LETTERS = """
    SELECT dead.*, mended.text AS content, replayed.became AS outcome
    FROM (SELECT * FROM dead_letter FINAL) AS dead
    LEFT JOIN (SELECT letter, argMax(content, at) AS text FROM dead_letter_mended GROUP BY letter) AS mended
        ON mended.letter = dead.id
    LEFT JOIN (
        SELECT letter, argMax(outcome, (outcome IN ('counted', 'duplicate'), at)) AS became
        FROM dead_letter_replayed GROUP BY letter
    ) AS replayed ON replayed.letter = dead.id"""


class DeadLetterError(MinmaiError):
    """A dead letter cannot be found, mended or sent again."""


@dataclass(frozen=True)
class Wanted:
    """Which letters; empty texts mean any. Settled ones only with `settled`."""

    agency: str = ""
    stream: str = ""
    code: str = ""
    settled: bool = False
    limit: int = 50


@dataclass(frozen=True)
class Letter:
    """A dead letter with what has been done about it; `content` is what it was mended to, or empty."""

    id: str
    time: Any
    service: str
    stream: str
    source: str
    record_id: str
    receipt: str
    place: str
    code: str
    field: str
    message: str
    encoding: str
    raw: str
    content: str
    outcome: str

    @property
    def now(self) -> str:
        """What would be sent: the mended content, else what came."""
        return self.content or self.raw


def show_list(wanted: Wanted) -> None:
    """Print letters, the newest first, a line each."""
    letters = select(ClickHouse(load(Common)), wanted)
    if not letters:
        print("没有待处理的死信 · no dead letters")
        return
    print(line(_HEAD, _WIDTHS))
    for one in letters:
        state = one.outcome or ("mended" if one.content else "open")
        what = (one.source or "?", one.stream or "?", one.code, one.field, state, one.message)
        print(line((one.id[:12], local(one.time, seconds=True), *what), _WIDTHS))


def show_counts(wanted: Wanted) -> None:
    """Print how many letters there are by agency, stream and reason, the most first."""
    rows = ClickHouse(load(Common)).query(
        "SELECT source, stream, code, count(), countIf(outcome IN %(settled)s), max(time)"  # noqa: S608 - texts of this module
        f" FROM ({_LETTERS}) WHERE {_where(wanted, settled=True)}"
        " GROUP BY source, stream, code ORDER BY count() DESC, source, code",
        _params(wanted),
    )
    print(line(_COUNTED, _COUNTED_WIDTHS))
    for source, stream, code, number, settled, newest in rows:
        counts = (f"{number - settled:>9}", f"{settled:>12}", local(newest))
        print(line((source or "?", stream or "?", code, *counts), _COUNTED_WIDTHS))


def show(id: str) -> None:
    """Print all that is known of a letter."""
    clickhouse = ClickHouse(load(Common))
    one = find(clickhouse, id)
    for name in ("id", "time", "service", "stream", "source", "record_id", "receipt", "place", "code"):
        value = getattr(one, name)
        print(f"{name:<10} {local(value, seconds=True) if name == 'time' else printable(value)}")
    print(f"{'field':<10} {printable(one.field)}\n{'message':<10} {printable(one.message)}")
    print(f"{one.encoding}:\n{_lines(one.raw)}")
    if one.content:
        print(f"已修改为 · mended to:\n{_lines(one.content)}")
    for at, outcome, receipt, code, text in clickhouse.query(
        "SELECT at, outcome, receipt, code, message FROM dead_letter_replayed"
        " WHERE letter = %(id)s ORDER BY at",
        {"id": one.id},
    ):
        print(f"重发 · replayed {local(at, seconds=True)}: {outcome} {receipt} {code} {printable(text)}")


def _lines(text: str) -> str:
    """A record as it came, line by line, its tabs kept."""
    return "\n".join("\t".join(map(printable, one.split("\t"))) for one in text.splitlines())


def find(clickhouse: ClickHouse, id: str) -> Letter:
    """Return the letter whose id begins so; raises DeadLetterError if there is none, or several."""
    if len(id) < _SHORTEST_ID:
        raise DeadLetterError(f"{id}: 至少写 {_SHORTEST_ID} 位 · give at least {_SHORTEST_ID} characters")
    found = clickhouse.rows(f"{_LETTERS} WHERE startsWith(dead.id, %(id)s) LIMIT 2", {"id": id})
    if len(found) != 1:
        raise DeadLetterError(
            f"{id}: 有多条，请多写几位 · there are several: write more of it"
            if found
            else f"{id}: 没有这条死信 · there is no such dead letter"
        )
    return Letter(**found[0])


def select(clickhouse: ClickHouse, wanted: Wanted) -> list[Letter]:
    """Return letters, the newest first."""
    rows = clickhouse.rows(
        f"SELECT * FROM ({_LETTERS}) WHERE {_where(wanted, settled=wanted.settled)}"  # noqa: S608 - as above
        " ORDER BY time DESC, id LIMIT %(limit)s",
        _params(wanted),
    )
    return [Letter(**row) for row in rows]


def _where(wanted: Wanted, *, settled: bool) -> str:
    terms = ["1"] if settled else ["outcome NOT IN %(settled)s"]
    terms += [
        f"{column} = %({column})s"
        for column, value in (("source", wanted.agency), ("stream", wanted.stream), ("code", wanted.code))
        if value
    ]
    return " AND ".join(terms)


def _params(wanted: Wanted) -> dict[str, Any]:
    return {
        "settled": SETTLED,
        "source": wanted.agency,
        "stream": wanted.stream,
        "code": wanted.code,
        "limit": wanted.limit,
    }
