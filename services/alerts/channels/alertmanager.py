"""Prometheus' Alertmanager, by its API v2: our alerts become its own, to be grouped, silenced and sent on.

An alert is known to it by its labels, so these are the same from firing to resolved. It would end an alert by
itself that has no end, after minutes of silence; silence is not health, so one that fires is sent with an end
far off, and resolved by us alone. It forgets alerts when it restarts: a subscriber with a repeat interval
tells it again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.channels.web import Web, fragment, web_recipient

_FAR_OFF: Final = timedelta(days=3650)
_TEST_LASTS: Final = timedelta(minutes=5)


class Alertmanager:
    """POSTs to `<address>/api/v2/alerts`."""

    name = "alertmanager"
    limits = Limits()
    alike = True

    def __init__(self) -> None:
        self._web = Web()

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """Where Alertmanager is, its prefix included; it may hold a user and password."""
        return web_recipient(address, language, login=True)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """What the API takes: a list of alerts."""
        return orjson.dumps([_alert(one, to.language, why) for one in changes])

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """200 is delivered, 400 refuses for good; see `Answer.outcome`."""
        bare, _ = fragment(to.address)
        answer = await self._web.post(f"{bare.rstrip('/')}/api/v2/alerts", to, notice.payload)
        return answer if isinstance(answer, Outcome) else answer.outcome(to)

    async def close(self) -> None:
        await self._web.close()


def _alert(change: AlertChange, language: Language, why: Why) -> dict[str, Any]:
    labels = {
        "alertname": change.rule,
        "service": "minmai",
        "severity": change.severity,
        "kind": change.kind,
        "indicator": change.indicator,
        "division": change.division,
        "subject": change.subject,
        **({"test": "true"} if why == "test" else {}),
    }
    letter = templates.letter([change], language, why, managed=False)
    annotations = {
        "summary": letter.title,
        "description": letter.text(),
        "alert_id": str(change.alert_id),
        "why": why,
        "figure": change.shown,
        "target": f"{change.threshold:f}",
        "owner": change.owner,
        "records": change.link_records,
    }
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "generatorURL": change.link,
        **_times(change, why),
    }


def _times(change: AlertChange, why: Why) -> dict[str, datetime]:
    if change.condition in ("resolved", "ok"):
        return {"endsAt": change.changed_at}  # it knows since when
    lasts = _TEST_LASTS if why == "test" else _FAR_OFF
    return {"startsAt": change.changed_at, "endsAt": change.changed_at + lasts}
