"""The agencies of the proof at work: each pushes what it has, one push after the other, all at once."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson

from cli.sample.truth import stream_of
from tests.e2e.pushes import Event, Item
from tests.support.waiting import eventually

_ACCEPTED_SECONDS = 120.0

Said = tuple[str, datetime, dict[str, Any], str]
Name = tuple[str, str, str]
"""Stream, source, id: what counts once."""


class Books:
    """What ingest answered: `accepted` events in the order of acceptance (of each agency), and refusals."""

    def __init__(self) -> None:
        self.accepted: list[Event] = []
        self._first: dict[Name, Said] = {}
        self.refused: list[tuple[str, str]] = []
        """(code, id) of each refused record."""

    def add(self, push: Sequence[Item], answer: dict[str, Any]) -> None:
        """Book one answer; fails if ingest took a wrong record, refused a right one or miscounted.

        What has been counted by then may be answered as a duplicate, or refused as a conflict.
        """
        refused = {error["index"]: error["code"] for error in answer["errors"]}
        wrong = _wrong(push, refused)
        assert wrong.items() <= refused.items()
        for index in refused.keys() - wrong.keys():
            assert refused[index] == "conflict"
            assert self._contradicts(push[index].content)
        assert answer["received"] == len(push)
        assert answer["rejected"] == len(refused)
        taken = [item.content for index, item in enumerate(push) if index not in refused]
        different = {_name(event) for event in taken}
        assert answer["accepted"] + answer["duplicate"] == len(taken)
        assert answer["duplicate"] >= len(taken) - len(different)
        self.accepted += taken
        self._first |= {_name(event): _said(event) for event in reversed(taken)} | self._first
        self.refused += [(error["code"], error["id"]) for error in answer["errors"]]

    def _contradicts(self, event: Event) -> bool:
        return self._first.get(_name(event), _said(event)) != _said(event)

    def conflicts(self) -> set[str]:
        """The ids that were accepted in one push and, with other content, in a later one."""
        first: dict[Name, Said] = {}
        return {
            event["id"]
            for event in self.accepted
            if first.setdefault(_name(event), _said(event)) != _said(event)
        }


@contextmanager
def at_work(
    url: str, keys: Mapping[str, str], pushes: Mapping[str, Sequence[Sequence[Item]]], books: Books
) -> Iterator[list[Future[None]]]:
    """While the block runs the agencies push; at its end all pushes are answered and booked."""

    def work(agency: str) -> None:
        headers = {
            "Authorization": f"Bearer {keys[agency]}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            for push in pushes[agency]:
                body = orjson.dumps([item.content for item in push])
                response = eventually(
                    lambda body=body: client.post("/v1/events", content=body, headers=headers),
                    _ACCEPTED_SECONDS,
                    f"the push of {agency} is taken",
                    until=lambda answer: answer.status_code != 503,  # then the same is to be sent again
                )
                assert response.status_code in (200, 207, 400), response.text
                books.add(push, response.json())

    with ThreadPoolExecutor(len(pushes)) as pool:
        working = [pool.submit(work, agency) for agency in pushes]
        yield working
        for one in working:
            one.result()


def _wrong(push: Sequence[Item], refused: Mapping[int, str]) -> dict[int, str]:
    """By index, the code of each record that ingest must refuse: mistakes, and contradictions in one push.

    One that was refused for what had been counted before contradicts nobody after it.
    """
    found: dict[int, str] = {}
    first: dict[Name, Said] = {}
    for index, item in enumerate(push):
        if item.wrong:
            found[index] = item.wrong
        elif refused.get(index) == "conflict" and _name(item.content) not in first:
            continue
        elif first.setdefault(_name(item.content), _said(item.content)) != _said(item.content):
            found[index] = "conflict"
    return found


def _name(event: Event) -> Name:
    return stream_of(event), event["source"], event["id"]


def _said(event: Event) -> Said:
    time = datetime.fromisoformat(event["time"]).astimezone(UTC)
    return event["type"], time, event.get("data") or {}, event.get("retracts", "")
