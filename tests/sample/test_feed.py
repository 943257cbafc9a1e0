"""The feed as a program, against an ingest that may be away."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from cli.sample import feed as played
from cli.sample.county import BEGIN
from cli.sample.feed import BATCH
from cli.sample.outbox import AGENCIES, OFFICE, Sent
from deploy.embedded.child import Child
from services.platform.errors import StartError
from services.platform.plan import load_plan
from tests.sample.receiver import Receiver
from tests.support.services import YANSHAN
from tests.support.waiting import eventually

LIVE = date(2022, 11, 1)
SOME = 3_000  # more than October 2022 has
KEYS = {agency: f"key-of-{agency}" for agency in AGENCIES}

Start = Callable[..., Child]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def start(tmp_path: Path, receiver: Receiver) -> Iterator[Start]:
    """Starts the feed; its files lie in tmp_path."""
    running: list[Child] = []
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(KEYS), encoding="utf-8")

    def run(*more: str) -> Child:
        argv = [sys.executable, "-m", "cli.sample.feed", "--ingest", receiver.url, "--keys", str(keys)]
        argv += ["--state", str(tmp_path / "state.json"), "--live-from", LIVE.isoformat(), *more]
        child = Child("the feed", argv, cwd=YANSHAN.parents[1], log=tmp_path / "feed.log")
        running.append(child)
        return child

    yield run
    for child in running:
        if child.running:
            child.kill()


def story(length: int) -> list[Sent]:
    return list(islice(played.story(load_plan(YANSHAN), LIVE), length))


def received(receiver: Receiver, at_least: int) -> None:
    eventually(lambda: len(receiver.received) >= at_least, 30, f"{at_least} records come in")


def sent_by(tmp_path: Path) -> int:
    """How many records the feed remembers to have sent."""
    return int(json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["sent"])


def ids(sent: Sequence[Sent]) -> Counter[str]:
    return Counter(one.event["id"] for one in sent)


def told(receiver: Receiver, sent: int) -> bool:
    """Whether the story came in so far, and of what follows nothing but the batch the feed was ended in."""
    came = Counter(event["id"] for event in receiver.events)
    return ids(story(sent)) <= came <= ids(story(sent + BATCH))


def test_history_and_then_live_days_each_agency_with_its_key(
    start: Start, receiver: Receiver, tmp_path: Path
) -> None:
    with receiver.serving():
        feed = start("--seconds-per-day", "0.5")
        received(receiver, SOME)
        feed.stop()
        assert all(key == KEYS[event["source"]] for key, event in receiver.received)
        assert {event["source"] for event in receiver.events} == KEYS.keys() - {
            OFFICE
        }  # it reports in January
        assert told(receiver, sent_by(tmp_path))


def test_it_goes_on_where_it_stopped(start: Start, receiver: Receiver, tmp_path: Path) -> None:
    with receiver.serving():
        feed = start("--seconds-per-day", "0.5")
        received(receiver, SOME)
        feed.stop()
        before, sent = len(receiver.received), sent_by(tmp_path)
        feed = start("--seconds-per-day", "0.5")
        received(receiver, before + 200)
        feed.stop()
        came = Counter(event["id"] for event in receiver.events[before:])
        assert came <= ids(story(sent + before + BATCH)[sent:])


def test_sigterm_ends_it_also_in_a_long_wait(start: Start, receiver: Receiver) -> None:
    with receiver.serving():
        feed = start("--seconds-per-day", "86400")
        received(receiver, sum(1 for one in story(SOME) if one.moment.date() < LIVE))
        os.kill(feed.pid, signal.SIGTERM)
        eventually(lambda: not feed.running, 30, "the feed ends")
    with pytest.raises(StartError, match="ended with code 0"):
        feed.check()


@pytest.mark.parametrize("status", [503, 500, 429])
def test_it_waits_while_ingest_cannot_take_records(start: Start, receiver: Receiver, status: int) -> None:
    receiver.answers = [status, status]
    with receiver.serving():
        start("--seconds-per-day", "0.5")
        received(receiver, SOME)
    assert not receiver.answers


def test_it_survives_a_restart_of_ingest(start: Start, receiver: Receiver) -> None:
    start("--seconds-per-day", "0.1")  # nobody listens yet
    with receiver.serving():
        received(receiver, SOME)
    with receiver.serving():
        received(receiver, len(receiver.received) + 500)
    assert ids(story(SOME)).keys() <= {event["id"] for event in receiver.events}


def test_a_state_of_another_county_is_not_gone_on_with(
    start: Start, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "state.json").write_text('{"sent": 900, "last": "another"}', encoding="utf-8")
    with receiver.serving():
        start()
        received(receiver, 500)
    assert receiver.events[0]["id"] in ids(story(BATCH))


def test_after_the_past_it_waits_for_real_days(start: Start, receiver: Receiver) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with receiver.serving():
        start("--seconds-per-day", "0.01", "--live-from", yesterday.isoformat())
        newest = eventually(
            lambda: max((event["time"][:10] for event in right(receiver)), default=""),
            120,
            "the feed arrives at the present",
            until=lambda day: day >= yesterday.isoformat(),
        )
        assert newest <= (yesterday + timedelta(days=2)).isoformat()
        assert all(datetime.fromisoformat(event["time"]) <= datetime.now(UTC) for event in right(receiver))
        assert min(event["time"] for event in right(receiver))[:10] == BEGIN.isoformat()


def right(receiver: Receiver) -> list[dict[str, Any]]:
    """What came in without the sample's mistakes, whose ids end otherwise."""
    return [event for event in receiver.events if not event["id"].endswith("x")]


@pytest.mark.parametrize(
    ("status", "said"), [(401, "HTTP 401"), (403, "HTTP 403")], ids=["unknown key", "wrong stream"]
)
def test_it_gives_up_with_a_reason_when_it_is_refused(
    start: Start, receiver: Receiver, status: int, said: str
) -> None:
    receiver.answers = [status]
    with receiver.serving():
        feed = start()
        eventually(lambda: not feed.running, 30, "the feed ends")
    assert said in feed.tail()
    with pytest.raises(StartError, match="ended with code 1"):
        feed.check()


def test_a_missing_key_is_named(start: Start, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"health-bureau": "k"}', encoding="utf-8")
    feed = start()
    eventually(lambda: not feed.running, 30, "the feed ends")
    assert "has no key of civil-affairs-bureau" in feed.tail()
