"""Pushes the sample's records to the public HTTP ingest."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson

from cli.sample.outbox import AGENCIES, Sent
from services.platform.errors import MinmaiError

log = logging.getLogger(__name__)

_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
_TIMEOUT_SECONDS = 60.0


class FeedError(MinmaiError):
    """Nothing can be pushed: the keys are wrong or ingest refuses the push."""


class Sender:
    """Pushes to ingest, each agency with its own key, and does not give up while ingest is away."""

    def __init__(self, ingest: str, keys: dict[str, str]) -> None:
        self._keys = keys
        self._http = httpx.Client(base_url=ingest, timeout=_TIMEOUT_SECONDS, trust_env=False)

    def send(self, batch: Sequence[Sent]) -> None:
        """Return when every agency's part is answered. Raises FeedError if ingest refuses the push itself."""
        parts: dict[str, list[Sent]] = {}
        for one in batch:
            parts.setdefault(one.agency, []).append(one)
        for agency, part in parts.items():
            self._push(agency, part)

    def _push(self, agency: str, part: list[Sent]) -> None:
        headers = {
            "Authorization": f"Bearer {self._keys[agency]}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        body = orjson.dumps([one.event for one in part])
        for attempt in _attempts():
            try:
                response = self._http.post("/v1/events", content=body, headers=headers)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                if response.status_code in (200, 207) or _is_receipt(response):
                    _report_refused(part, response.json())
                    if attempt:
                        log.info("ingest is back")
                    return
                trouble = f"HTTP {response.status_code}: {response.text[:300]}"
                if response.status_code < 500 and response.status_code != 429:
                    raise FeedError(f"ingest refuses the push of {agency}: {trouble}")
            if attempt % 20 == 0:
                log.warning("ingest is away, trying again until it is back (%s)", trouble)


def _attempts() -> Iterator[int]:
    """Count attempts for ever, with growing pauses between them."""
    attempt = 0
    while True:
        yield attempt
        time.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
        attempt += 1


def _is_receipt(response: httpx.Response) -> bool:
    """Whether a 400 is the answer to a push whose records were all refused, not to a push that is wrong."""
    return response.status_code == 400 and "receipt" in response.text


def _report_refused(part: Sequence[Sent], answer: dict[str, Any]) -> None:
    """Log what was refused and should not have been; the sample's mistakes shall be refused."""
    wrong = {one.event["id"] for one in part if one.wrong}
    for error in answer.get("errors", []):
        expected = error.get("id") in wrong or error.get("code") == "conflict"
        level = logging.DEBUG if expected else logging.WARNING
        log.log(level, "%s: record %s refused: %s", part[0].agency, error.get("id"), error.get("message"))


def read_keys(path: Path) -> dict[str, str]:
    """Return the key of each agency from a JSON object {agency: key}; raises FeedError if one is missing."""
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FeedError(f"the keys in {path} cannot be read: {error}") from error
    missing = [agency for agency in AGENCIES if not isinstance(keys, dict) or agency not in keys]
    if missing:
        raise FeedError(f"{path} has no key of {', '.join(missing)}: it must be an object of agency: key")
    return {agency: str(keys[agency]) for agency in AGENCIES}
