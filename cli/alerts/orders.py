"""`minmai alerts firing`, `silence`, `silences`, `ack`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from cli.alerts.people import WrongOption, author, mistakes
from cli.terminal import local, utc
from schemas.rules import duration
from services.alerts.routing.names import known
from services.alerts.routing.orders import Silence
from services.alerts.routing.store import Store, UnknownOrder
from services.platform.clickhouse import ClickHouse
from services.platform.plan import load_plan
from services.platform.settings import Common, load

_WHOLE_ID = len(str(UUID(int=0)))

When = tuple[datetime | None, datetime | None, str | None]


def firing() -> None:
    """Print the alerts that fire, the first that began first."""
    found = _store().firing()
    if not found:
        print("没有告警 · nothing fires")
    for one in found:
        what = "/".join(filter(None, (one.rule, one.division, one.subject)))
        print(f"{one.alert_id}  {one.severity:<8} {one.state:<12} {local(one.since)}  {what}")


def silence(wanted: Mapping[str, Any], reason: str, when: When, by: str, *, everything: bool) -> None:
    """Keep a silence and print it."""
    since, until, length = when
    said = {name: value for name, value in wanted.items() if value is not None}
    if not everything and not any(said.get(name) for name in said if name != "townships"):
        raise WrongOption(
            "没有说明静默哪些告警 · what is to be silenced? Name alerts, rules, divisions …, or --everything"
        )
    begins = utc(since) if since else datetime.now(UTC)
    ends = _end(begins, until, length)
    settings = load(Common)
    known(said, load_plan(settings.plan))
    store = Store(ClickHouse(settings))
    if alerts := said.get("alerts"):
        fires = [one.alert_id for one in store.firing()]
        # One that does not fire yet has to be named in full.
        said["alerts"] = [one if len(one) == _WHOLE_ID else _id(one, fires) for one in alerts]
    try:
        one = Silence(id=uuid4(), author=author(by), reason=reason, begins=begins, ends=ends, **said)
    except ValidationError as error:
        raise WrongOption(mistakes(error)) from None
    store.silence(one, one.author)
    print(f"已静默 · silenced: {_line(one)}")


def silences(end: str | None, by: str) -> None:
    """Print the silences of late, or end one."""
    store = _store()
    if end is not None:
        over = store.end_silence(_id(end, [one.id for one in store.silences()]), author(by))
        print(f"已结束静默 · ended: {_line(over)}")
        return
    now = datetime.now(UTC)
    found = store.silences(now)
    if not found:
        print("没有静默 · no silences")
    for one in found:
        state = "生效 holds" if one.holds(now) else "未到 to come" if one.begins > now else "已过 over"
        print(f"{state:<12} {_line(one)}")


def acknowledge(alert: str, note: str, by: str, *, undo: bool) -> None:
    """Acknowledge an alert, or take that back."""
    store = _store()
    id = _id(alert, [one.alert_id for one in store.firing()])
    if undo:
        store.take_back(id, author(by))
        print(f"{id}: 已撤回确认 · no longer acknowledged")
    else:
        store.acknowledge(id, author(by), note)
        print(f"{id}: 已确认，不再重复和升级 · acknowledged: neither repeated nor escalated")


def _end(begins: datetime, until: datetime | None, length: str | None) -> datetime:
    """Raises WrongOption unless exactly one is given, and a length can be read."""
    if until is not None and length is None:
        return utc(until)
    if length is None or until is not None:
        raise WrongOption("请给出 --for 或 --until 之一 · give either --for or --until")
    try:
        return begins + duration(length)
    except ValueError as error:
        raise WrongOption(f"--for: {error}") from None


def _store() -> Store:
    return Store(ClickHouse(load(Common)))


def _id(text: str, known: list[UUID]) -> UUID:
    found = [one for one in known if str(one).startswith(text.lower())]
    if len(found) != 1:
        few = f"没有 {text} · there is no {text}"
        if found:
            few = f"{text} 不止一个 · there are several {text}"
        raise UnknownOrder(f"{few}: `minmai alerts firing`, `minmai alerts silences` 列出编号 · list the ids")
    return found[0]


def _line(one: Silence) -> str:
    parts = {
        name: value
        for name in ("severities", "themes", "indicators", "kinds", "rules", "divisions", "alerts")
        if (value := getattr(one, name))
    }
    about = "; ".join(f"{name}: {', '.join(map(str, value))}" for name, value in parts.items())
    span = f"{local(one.begins)} – {local(one.ends)}"
    return f"{one.id}  {span}  {one.author}: {one.reason}  ({about or '全部 · everything'})"
