"""The sample county's agencies, with accounts at an ingest that runs, and all they have to say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from cli.sample.outbox import AGENCIES, Sent
from schemas.streams import RETRACTION
from services.ingest.agencies import add

_PUSH = 2_000


def accounts(file: Path, county: str) -> dict[str, str]:
    """Give each agency of the sample an account in `file`; return their keys."""
    return {
        agency: add(file, agency, [one for one in streams if one != RETRACTION.name], [county])
        for agency, streams in AGENCIES.items()
    }


def push(url: str, keys: Mapping[str, str], sent: Iterable[Sent]) -> list[dict[str, Any]]:
    """Push to the ingest at `url` what each agency sends; all must be accepted. Returns the events."""
    events: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in sent:
        events[one.agency].append(one.event)
    for agency, mine in events.items():
        headers = {
            "Authorization": f"Bearer {keys[agency]}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        for start in range(0, len(mine), _PUSH):
            batch = mine[start : start + _PUSH]
            answer = httpx.post(f"{url}/v1/events", json=batch, headers=headers, timeout=60, trust_env=False)
            assert answer.status_code == 200, answer.text[:2_000]
    return [event for mine in events.values() for event in mine]
