"""Ingest as a process of its own, while its broker dies and comes back."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from schemas.streams import DEAD_LETTER_TOPIC, STREAMS
from services.ingest.agencies import add
from services.platform.topics import ensure_topics
from tests.ingest.support import Service, at_least, of_receipt, voucher, wait_for_subjects
from tests.support.brokers import Broker
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

WAIT_SECONDS = 2

_MOST = 100_000
_EACH = 20


class Agency:
    """Pushes vouchers, by number."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._headers = {
            "authorization": f"Bearer {add(folder / 'agencies.json', 'commerce', STREAMS, ['532622'])}"
        }

    def push(self, *numbers: int, **changes: Any) -> httpx.Response:
        return httpx.post(
            f"{self._service.url}/v1/streams/consumption-voucher",
            json=[voucher(number, **changes) for number in numbers],
            headers=self._headers,
            timeout=30,
        )


@pytest.fixture
def service(fresh_broker: Broker, tmp_path: Path) -> Iterator[Service]:
    ensure_topics(fresh_broker.bootstrap)
    own = Service(
        fresh_broker.bootstrap,
        tmp_path,
        MINMAI_WRITE_TIMEOUT=str(WAIT_SECONDS),
        MINMAI_JOURNAL=str(tmp_path / "journal"),
    )
    own.start()
    yield own
    own.kill()


@pytest.fixture
def agency(service: Service, tmp_path: Path) -> Agency:
    return Agency(service, tmp_path)


def test_a_dead_broker_is_503_and_afterwards_it_goes_on(
    fresh_broker: Broker, service: Service, agency: Agency
) -> None:
    assert agency.push(1, 2).status_code == 200
    fresh_broker.kill()
    response = agency.push(3, 4)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["content-type"] == "application/problem+json"
    eventually(lambda: service.get("/readyz").status_code == 503, 20, "ingest says that it is not ready")
    assert service.get("/healthz").status_code == 200
    assert agency.push(3, 4).status_code == 503

    fresh_broker.start()
    ensure_topics(fresh_broker.bootstrap)
    eventually(lambda: service.get("/readyz").status_code == 200, 30, "ingest is ready again")
    assert agency.push(5).status_code == 200
    assert service.stop() == 0


def test_what_was_accepted_outlives_the_broker(
    fresh_broker: Broker, service: Service, agency: Agency
) -> None:
    assert agency.push(1, 2).status_code == 200
    assert agency.push(3).status_code == 200
    refused = agency.push(8, 9, face_value="many")
    assert refused.json()["rejected"] == 2
    fresh_broker.kill()
    assert agency.push(4).status_code == 503
    fresh_broker.start()
    ensure_topics(fresh_broker.bootstrap)
    eventually(lambda: service.get("/readyz").status_code == 200, 30, "ingest is ready again")
    wait_for_subjects(fresh_broker.bootstrap, {"v-1", "v-2", "v-3"})
    wanted = of_receipt(refused.json()["receipt"])
    letters = at_least(fresh_broker.bootstrap, 2, wanted=wanted, topics=[DEAD_LETTER_TOPIC])
    assert len({one.key for one in letters}) == 2  # Kafka itself has kept them, and the journal brings copies


def test_the_journal_is_replayed_at_the_next_start(
    fresh_broker: Broker, service: Service, agency: Agency, tmp_path: Path
) -> None:
    assert agency.push(1, 2).status_code == 200
    service.kill()
    [segment] = (tmp_path / "journal").glob("*.journal")
    with segment.open("ab") as file:
        file.write(b"0badc0de\tminmai.consum")  # a write torn by the crash
    fresh_broker.kill()
    service.start(ready=False)
    assert service.get("/readyz").status_code == 503
    assert agency.push(3).status_code == 503
    fresh_broker.start()
    ensure_topics(fresh_broker.bootstrap)
    eventually(lambda: service.get("/readyz").status_code == 200, 30, "ingest is ready")
    assert agency.push(4).status_code == 200
    wait_for_subjects(fresh_broker.bootstrap, {"v-1", "v-2", "v-4"})


def test_a_taken_port_and_a_journal_in_use_end_the_start(
    fresh_broker: Broker, service: Service, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    second = Service(fresh_broker.bootstrap, other, MINMAI_INGEST_PORT=str(service.port))
    with pytest.raises(Exception, match="MINMAI_INGEST_PORT"):
        second.start()
    third = Service(
        *(fresh_broker.bootstrap, other),
        MINMAI_INGEST_PORT=str(free_port()),
        MINMAI_JOURNAL=str(tmp_path / "journal"),
    )
    with pytest.raises(Exception, match="in use"):
        third.start()


def test_pushes_under_way_while_the_broker_goes_and_comes(
    fresh_broker: Broker, service: Service, agency: Agency
) -> None:
    """Whatever was answered 200 lies on the topics in the end; every other push was told to come again."""
    stopped = Event()
    answered: dict[int, list[int]] = defaultdict(list)

    def push_on(first: int) -> None:
        for number in range(first, first + _MOST, 2):
            if stopped.is_set():
                return
            response = agency.push(*range(number * _EACH, (number + 1) * _EACH))
            answered[response.status_code].append(number)
            if response.status_code == 200:
                counts = response.json()
                assert (counts["received"], counts["rejected"]) == (_EACH, 0)
                assert counts["accepted"] + counts["duplicate"] == _EACH
            else:
                assert response.headers["content-type"] == "application/problem+json"
                assert int(response.headers["retry-after"]) > 0

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(push_on, first) for first in (0, 1)]
        try:
            for end in (fresh_broker.stop, fresh_broker.kill):
                kept, refused = len(answered[200]), len(answered[503])
                eventually(partial(_more, answered[200], kept), 30, "pushes are accepted")
                end()
                eventually(partial(_more, answered[503], refused), 30, "a push is told to come again")
                fresh_broker.start()
                ensure_topics(fresh_broker.bootstrap)
                kept = len(answered[200])
                eventually(partial(_more, answered[200], kept), 60, "it goes on by itself")
        finally:
            stopped.set()
        for one in working:
            one.result()
    assert set(answered) == {200, 503}
    kept_subjects = {
        f"v-{record}" for number in answered[200] for record in range(number * _EACH, (number + 1) * _EACH)
    }
    wait_for_subjects(fresh_broker.bootstrap, kept_subjects)


def _more(found: list[int], than: int) -> bool:
    return len(found) > than
