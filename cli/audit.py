"""`minmai agency audit`: who pushed what, how many, from where, and what was refused."""

from dataclasses import dataclass
from datetime import datetime

from cli.terminal import line, local, utc
from services.platform.clickhouse import ClickHouse
from services.platform.settings import Common, load

_HEAD = (
    *("时间 when", "单位 agency (key)", "数据流 stream", "方式 kind"),
    *("收=接+重+拒 | status code", "次数 pushes", "来源 from", "user agent"),
)
_WIDTHS = (19, 30, 20, 9, 32, 11, 15, 0)

_RECEIPTS = """
    SELECT received_at AS at, agency, '' AS key, stream, kind, remote, user_agent, toUInt64(1) AS pushes,
        received, accepted, duplicate, rejected, toUInt16(0) AS status, '' AS code
    FROM receipt FINAL"""
_REFUSED = """
    SELECT last_at AS at, agency, key, stream, method AS kind, remote, user_agent, pushes,
        toUInt32(0) AS received, toUInt32(0) AS accepted, toUInt32(0) AS duplicate, toUInt32(0) AS rejected,
        status, code
    FROM refused_push FINAL"""


@dataclass(frozen=True)
class Wanted:
    """Which pushes, the newest `limit`; `since` is of the county's time, an empty agency means any."""

    agency: str = ""
    since: datetime | None = None
    refused: bool = False
    limit: int = 50


@dataclass(frozen=True)
class Row:
    """One push with a receipt, or equal refused ones: then `status` is not 0."""

    at: datetime
    agency: str
    key: str
    stream: str
    kind: str
    remote: str
    user_agent: str
    pushes: int
    received: int
    accepted: int
    duplicate: int
    rejected: int
    status: int
    code: str

    @property
    def became(self) -> str:
        """Received=accepted+duplicate+rejected, or the status and code it was refused with."""
        if self.status:
            return f"{self.status} {self.code}"
        return f"{self.received}={self.accepted}+{self.duplicate}+{self.rejected}"


def show(wanted: Wanted) -> None:
    """Print pushes, the newest first, a line each, and whether there are older ones."""
    rows = _rows(ClickHouse(load(Common)), wanted)
    if not rows:
        print("没有上报 · no pushes")
        return
    print(line(_HEAD, _WIDTHS))
    for one in rows[: wanted.limit]:
        when = local(one.at, seconds=True)
        who = f"{one.agency or '?'}{f' ({one.key})' if one.key else ''}"
        what = (one.stream or "-", one.kind, one.became, str(one.pushes))
        print(line((when, who, *what, one.remote or "?", one.user_agent), _WIDTHS))
    if len(rows) > wanted.limit:
        print(f"更早的未列出 · older ones are not shown, --limit {wanted.limit * 10} shows more")


def _rows(clickhouse: ClickHouse, wanted: Wanted) -> list[Row]:
    terms = ["1"]
    if wanted.agency:
        terms.append("agency = %(agency)s")
    if wanted.since:
        terms.append("at >= toDateTime64(%(since)s, 6, 'UTC')")
    where = " AND ".join(terms)
    found = f"{_REFUSED} WHERE {where}"
    if not wanted.refused:
        found = f"{_RECEIPTS} WHERE {where} UNION ALL {found}"
    rows = clickhouse.rows(
        f"SELECT * FROM ({found}) ORDER BY at DESC, agency, status, code LIMIT %(limit)s",  # noqa: S608 - texts of this module
        {
            "agency": wanted.agency,
            "since": f"{utc(wanted.since):%Y-%m-%d %H:%M:%S}" if wanted.since else "",
            "limit": wanted.limit + 1,
        },
    )
    return [Row(**row) for row in rows]
