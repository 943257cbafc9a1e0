"""`minmai dead-letters list`, `count`, `show`: refused records, and what has been done about them."""

from dataclasses import dataclass
from typing import Any

from schemas.dead_letter import SETTLED
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.settings import Common, load

_SHORTEST_ID = 6

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
    for one in letters:
        state = one.outcome or ("mended" if one.content else "open")
        print(
            f"{one.id[:12]:<12} {one.time:%Y-%m-%d %H:%M:%S} {one.source:<20} {one.stream:<20} "
            f"{one.code:<18} {one.field:<20} {state:<9} {one.message}"
        )


def show_counts(wanted: Wanted) -> None:
    """Print how many letters there are by agency, stream and reason, the most first."""
    rows = ClickHouse(load(Common)).query(
        "SELECT source, stream, code, count(), countIf(outcome IN %(settled)s), max(time)"  # noqa: S608 - texts of this module
        f" FROM ({_LETTERS}) WHERE {_where(wanted, settled=True)}"
        " GROUP BY source, stream, code ORDER BY count() DESC, source, code",
        _params(wanted),
    )
    print(
        f"{'单位 agency':<22} {'数据流 stream':<22} {'原因 reason':<20} "
        f"{'未决 open':>9} {'已决 settled':>12}  最近 newest (UTC)"
    )
    for source, stream, code, number, settled, newest in rows:
        print(
            f"{source or '?':<24} {stream or '?':<24} {code:<22} {number - settled:>9} {settled:>12}  "
            f"{newest:%Y-%m-%d %H:%M}"
        )


def show(id: str) -> None:
    """Print all that is known of a letter."""
    clickhouse = ClickHouse(load(Common))
    one = find(clickhouse, id)
    for name in ("id", "time", "service", "stream", "source", "record_id", "receipt", "place", "code"):
        print(f"{name:<10} {getattr(one, name)}")
    print(f"{'field':<10} {one.field}\n{'message':<10} {one.message}\n{one.encoding}:\n{one.raw}")
    if one.content:
        print(f"已修改为 · mended to:\n{one.content}")
    for at, outcome, receipt, code, text in clickhouse.query(
        "SELECT at, outcome, receipt, code, message FROM dead_letter_replayed"
        " WHERE letter = %(id)s ORDER BY at",
        {"id": one.id},
    ):
        print(f"重发 · replayed {at:%Y-%m-%d %H:%M:%S}: {outcome} {receipt} {code} {text}")


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
