"""`minmai alerts subscribe`, `list`, `unsubscribe`."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.embedded.datafolder import LINK_SECRET
from schemas.rules import duration, written
from services.alerts.destinations import built_in, channels_of
from services.alerts.links import Links
from services.alerts.routing.names import known
from services.alerts.routing.store import Store, UnknownOrder
from services.alerts.routing.subscriber import Subscriber
from services.alerts.routing.views import checked, shown
from services.alerts.settings import AlertsSettings
from services.platform.clickhouse import ClickHouse
from services.platform.errors import MinmaiError
from services.platform.plan import load_plan
from services.platform.settings import load


class WrongOption(MinmaiError):
    """What was asked for does not fit; the message names the options."""


class NoLinks(MinmaiError):
    """No link can be signed here."""


@dataclass(frozen=True)
class Wanted:
    """What was given of a subscription; None was not. `lengths` and `quiet` as people write them."""

    to: list[str] | None
    plain: Mapping[str, Any]
    lengths: Mapping[str, str | None]
    quiet: str | None

    def over(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was said before, with what is given now. Raises WrongOption."""
        said = said | {name: value for name, value in self.plain.items() if value is not None}
        said |= {name: _seconds(name, value) for name, value in self.lengths.items() if value is not None}
        if self.to:
            parts = (one.split(":", 1) for one in self.to)
            said["channels"] = [dict(zip(("channel", "address"), one, strict=False)) for one in parts]
        if self.quiet is not None:
            begin, dash, end = self.quiet.partition("-")
            if not dash and self.quiet != "none":
                raise WrongOption(
                    f"--quiet {self.quiet}: 应如 22:00-07:00，取消写 none · must be as 22:00-07:00, or none"
                )
            said["quiet"] = {"begin": begin, "end": end} if dash else None
        return said


def subscribe(id: str, wanted: Wanted, by: str) -> None:
    """Keep a subscriber and print it."""
    settings = load(AlertsSettings)
    known(wanted.plain, load_plan(settings.plan))
    store = Store(ClickHouse(settings))
    try:
        said = store.subscriber(id).model_dump(mode="json", exclude={"unsubscribed_at"})
    except UnknownOrder:
        said = {"id": id, "name": id}
    try:
        one = Subscriber.model_validate(wanted.over(said))
    except ValidationError as error:
        raise WrongOption(mistakes(error)) from None
    channels = channels_of(settings)
    checked(one, channels)
    kept = store.subscribe(one, author(by))
    print("已订阅 · subscribed:")
    _print(kept, settings)


def show() -> None:
    """Print all subscribers, those that the settings make first."""
    settings = load(AlertsSettings)
    for one in (*built_in(settings), *Store(ClickHouse(settings)).subscribers()):
        _print(one, settings)


def unsubscribe(id: str, by: str) -> None:
    """End a subscription and say so."""
    Store(ClickHouse(load(AlertsSettings))).unsubscribe(id, author(by))
    print(f"{id}: 已退订 · unsubscribed")


def link(id: str, data: Path) -> None:
    """Print the link to a subscriber's page. Raises UnknownOrder, or NoLinks if nothing signs links."""
    settings = load(AlertsSettings)
    secrets = settings.link_secrets
    kept = data / LINK_SECRET
    if not secrets and kept.exists():
        secrets = (kept.read_text(encoding="ascii").strip(),)
    if not secrets:
        raise NoLinks(
            f"没有签名密钥（没有 {kept}），无法生成链接：演示加 --data data/demo，服务另设密钥的设 "
            f"MINMAI_ALERTS_LINK_SECRET · nothing signs links (there is no {kept}): name the folder of "
            "`minmai up` with --data (of the demo data/demo), or set MINMAI_ALERTS_LINK_SECRET as the "
            "service has it"
        )
    Store(ClickHouse(settings)).subscriber(id)
    print(Links(settings.alerts_url, secrets).link(id))


def author(by: str) -> str:
    """Who says something: as given, else the user of this machine."""
    return by or getpass.getuser()


def mistakes(error: ValidationError) -> str:
    """What is wrong with what was given, a line each, without the values: an address may be a secret."""
    lines = [f"  {'.'.join(map(str, one['loc'])) or '-'}: {one['msg']}" for one in error.errors()]
    return "\n".join(["选项有误 · what was given is wrong:", *lines])


def _seconds(name: str, text: str) -> int:
    try:
        return int(duration(0 if text == "0" else text).total_seconds())
    except ValueError as error:
        raise WrongOption(f"{name}: {error}") from None


def _print(one: Subscriber, settings: AlertsSettings) -> None:
    view = shown(one, channels_of(settings))
    print(f"{one.id:<24} {one.name}  [{one.kind}, {one.mode}, {one.language}]")
    for address in view.addresses:
        print(f"    {address.channel:<14} {address.shown}")
    for name in ("severities", "themes", "indicators", "kinds", "rules", "divisions"):
        if values := getattr(one, name):
            print(f"    {name:<14} {', '.join(values)}")
    if one.quiet:
        print(f"    {'quiet':<14} {one.quiet.begin:%H:%M}-{one.quiet.end:%H:%M} {one.zone}")
    if one.mode == "digest":
        print(f"    {'digest':<14} {one.digest_at:%H:%M} {one.zone}")
    if one.mode == "at_once":
        wait, interval = (written(timedelta(seconds=at)) for at in (one.group_wait, one.group_interval))
        print(f"    {'together':<14} 等 {wait}，隔 {interval} · after {wait}, then every {interval}")
    if one.mode in ("at_once", "digest"):
        every = written(timedelta(seconds=one.repeat_interval))
        print(f"    {'repeat':<14} {every if one.repeat_interval else '不重复 · never'}")
    if one.escalate_to:
        after = written(timedelta(seconds=one.escalate_after))
        print(f"    {'escalates':<14} {one.escalate_to} 超过 · after {after}")
