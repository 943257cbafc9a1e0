"""A real Alertmanager (Debian's prometheus-alertmanager) takes our alerts, and ends them when we do."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from deploy.embedded.child import Child
from schemas.alert import AlertChange
from services.alerts.channels import Outcome, Why
from services.alerts.channels.alertmanager import Alertmanager
from tests.alerts.changes import CHANGE, changed, notice
from tests.alerts.receivers import HttpReceiver
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.alertmanager

_SECONDS = 20.0
_NOW = datetime.now(UTC).replace(microsecond=0)
FIRING = changed(changed_at=_NOW - timedelta(hours=1))
OVER = changed(state="resolved", condition="resolved", before="firing", changed_at=_NOW)


@pytest.fixture
def address(tmp_path: Path, web: HttpReceiver) -> Iterator[str]:
    """A running Alertmanager that tells `web` of what it has, at once."""
    program = shutil.which("prometheus-alertmanager")
    assert program, "no prometheus-alertmanager: apt-get install prometheus-alertmanager"
    route = {"receiver": "web", "group_by": ["..."], "group_wait": "10ms", "group_interval": "200ms"}
    hook = {"url": web.url, "send_resolved": True}
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        yaml.safe_dump({"route": route, "receivers": [{"name": "web", "webhook_configs": [hook]}]})
    )
    port = free_port()
    child = Child(
        "alertmanager",
        [
            program,
            f"--config.file={config}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.route-prefix=/am",
            "--cluster.listen-address=",
        ],
        log=tmp_path / "alertmanager.log",
    )

    def ready() -> bool:
        child.check()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/am/-/ready").is_success
        except httpx.TransportError:
            return False

    try:
        eventually(ready, _SECONDS, "Alertmanager is ready")
        yield f"http://127.0.0.1:{port}/am"
    finally:
        child.kill()


@pytest.fixture
async def channel() -> AsyncIterator[Alertmanager]:
    made = Alertmanager()
    yield made
    await made.close()


def held(address: str) -> list[dict[str, Any]]:
    """What Alertmanager has now."""
    found: list[dict[str, Any]] = httpx.get(f"{address}/api/v2/alerts").json()
    return found


def told(web: HttpReceiver) -> list[dict[str, Any]]:
    """The alerts it has told its own receiver of."""
    return [one for _, body in web.requests for one in orjson.loads(body)["alerts"]]


async def send(channel: Alertmanager, address: str, *changes: AlertChange, why: Why = "first") -> Outcome:
    to = channel.recipient(f"{address}/", "zh")
    return await channel.send(notice(channel, to, *changes, why=why), to)


async def test_it_holds_what_fires_and_ends_what_is_resolved(
    address: str, channel: Alertmanager, web: HttpReceiver
) -> None:
    assert (await send(channel, address, FIRING)).kind == "delivered"
    assert (await send(channel, address, FIRING, why="repeat")).kind == "delivered"
    [alert] = eventually(lambda: held(address), _SECONDS, "it has the alert")
    assert alert["labels"] == {
        "alertname": CHANGE.rule,
        "service": "minmai",
        "severity": "warning",
        "kind": "value",
        "indicator": CHANGE.indicator,
        "division": CHANGE.division,
    }
    assert alert["annotations"]["summary"] == "【告警】民脉 砚山县 每千人口托位数低于目标"
    assert "县卫生健康局" in alert["annotations"]["description"]
    assert alert["annotations"]["alert_id"] == str(CHANGE.alert_id)
    assert alert["generatorURL"] == CHANGE.link
    assert alert["status"]["state"] == "active"
    # It never ends by itself, whatever becomes of us.
    assert datetime.fromisoformat(alert["endsAt"]) > _NOW + timedelta(days=1000)
    eventually(lambda: [one["status"] for one in told(web)] == ["firing"], _SECONDS, "it tells of it")

    assert (await send(channel, address, OVER, why="resolved")).kind == "delivered"
    eventually(
        lambda: [one["status"] for one in told(web)] == ["firing", "resolved"],
        _SECONDS,
        "it tells of the end",
    )
    first, last = told(web)
    assert first["fingerprint"] == last["fingerprint"]
    assert datetime.fromisoformat(last["endsAt"]) == _NOW
    assert held(address) == []


async def test_a_group_becomes_alerts_of_their_own(address: str, channel: Alertmanager) -> None:
    parts = [
        changed(changed_at=_NOW, subject=name, subject_name={"zh": name, "en": name}) for name in "甲乙丙"
    ]
    assert (await send(channel, address, *parts, why="new")).kind == "delivered"
    names = eventually(
        lambda: sorted(one["labels"]["subject"] for one in held(address)), _SECONDS, "it has them"
    )
    assert names == sorted("甲乙丙")


async def test_a_test_is_marked_and_ends_by_itself(address: str, channel: Alertmanager) -> None:
    assert (await send(channel, address, changed(changed_at=_NOW), why="test")).kind == "delivered"
    [alert] = eventually(lambda: held(address), _SECONDS, "it has the test")
    assert alert["labels"]["test"] == "true"
    assert datetime.fromisoformat(alert["endsAt"]) == _NOW + timedelta(minutes=5)


async def test_what_it_never_takes_is_refused(address: str, channel: Alertmanager) -> None:
    to = channel.recipient(address)
    for wrong in ('[{"labels": {}}]', '[{"labels": {"a-b": "1"}}]', "{}", '[{"startsAt": 1}]'):
        bad = await channel.send(replace(notice(channel, to), payload=wrong), to)
        assert (wrong, bad.kind) == (wrong, "refused")
        assert bad.answer.startswith("HTTP 4")
    gone = await send(channel, address.removesuffix("/am") + "/elsewhere", FIRING)
    assert gone.kind == "refused"
