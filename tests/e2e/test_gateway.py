"""Agencies push on while every process dies once: the answers, the receipts and the tables agree."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import httpx
import pytest

from services.platform import clickhouse as platform
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.e2e.judging import records_counted
from tests.ingest.support import voucher
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment
from tests.support.waiting import eventually

AGENCY = "commerce-bureau"
SENDERS = 3

_ANSWERED_SECONDS = 90
_COUNTED_SECONDS = 120


class Sender:
    """One system of an agency: new records, old ones again, and wrong ones, each push sent until answered."""

    def __init__(self, number: int, url: str, key: str) -> None:
        self._number = number
        self._random = Random(number)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._url = url
        self.good: set[str] = set()
        """Ids of the right records in answered pushes."""
        self.answers: list[dict[str, Any]] = []
        self.interrupted = 0

    def work(self, stopped: Event) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=30, trust_env=False) as client:
            for number in count():
                if stopped.is_set():
                    return
                self._push(client, number)

    def _push(self, client: httpx.Client, number: int) -> None:
        ids = [f"s{self._number}-{number}-{one}" for one in range(self._random.choice((1, 20, 100)))]
        again = self._random.sample(sorted(self.good), min(len(self.good), 3))
        right = [voucher(id=id, voucher_id=id) for id in (*ids, *again)]
        wrong = [
            voucher(id=f"w-{id}", face_value="五十") for id in ids[: self._random.choice((0, 0, len(ids), 2))]
        ]
        pushed = [*right, *wrong]
        self._random.shuffle(pushed)

        def attempt() -> httpx.Response:
            try:
                response = client.post("/v1/streams/consumption-voucher", json=pushed)
            except httpx.TransportError as error:  # ingest itself has died
                self.interrupted += 1
                raise AssertionError(error) from error
            self.interrupted += response.status_code == 503
            return response

        response = eventually(
            attempt, _ANSWERED_SECONDS, "a push is answered", until=lambda answer: answer.status_code != 503
        )
        assert response.status_code == (207 if wrong else 200), response.text
        answer = response.json()
        assert answer["received"] == len(pushed) == _sum(answer)
        assert answer["rejected"] == len(wrong)
        assert {error["id"] for error in answer["errors"]} == {one["id"] for one in wrong}
        self.good.update(ids)
        self.answers.append(answer)


@pytest.fixture
def services(settings: Common, tmp_path: Path) -> Iterator[dict[str, Service]]:
    """Ingest and the aggregator, not started; their logs are shown when the test fails."""
    env = environment(
        kafka=settings.kafka,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="wall",
        agencies=tmp_path / "agencies.json",
        journal=tmp_path / "journal",
        write_timeout=2,
        block_records=400,
        session_timeout_ms=2_000,
        rebalance_timeout_ms=2_000,
    )
    both = {name: Service(name, env, tmp_path) for name in ("ingest", "aggregate")}
    yield both
    for service in both.values():
        service.kill()
        print(service.tail())  # pytest shows it when the test has failed


def test_answers_receipts_and_tables_agree_though_every_process_dies(  # noqa: PLR0917 - fixtures
    settings: Common,
    db: platform.ClickHouse,
    services: dict[str, Service],
    keys: dict[str, str],
    fresh_broker: Broker,
    clickhouse: ClickHouse,
) -> None:
    ingest, aggregate = services["ingest"], services["aggregate"]
    ingest.start()
    aggregate.start()
    key = keys[AGENCY]
    senders = [Sender(number, ingest.url, key) for number in range(SENDERS)]
    stopped = Event()

    def answered() -> int:
        return sum(len(sender.answers) for sender in senders)

    def pushes_go_on() -> None:
        eventually(answered, _ANSWERED_SECONDS, "pushes go on", until=partial(_beyond, answered() + SENDERS))

    with ThreadPoolExecutor(SENDERS) as pool:
        working = [pool.submit(sender.work, stopped) for sender in senders]
        try:
            pushes_go_on()
            ingest.kill()
            ingest.start()
            pushes_go_on()
            aggregate.kill()
            aggregate.start(ready=False)
            pushes_go_on()
            fresh_broker.kill()
            fresh_broker.start()
            ensure_topics(settings.kafka)
            pushes_go_on()
            clickhouse.kill()
            clickhouse.start()
            pushes_go_on()
        finally:
            stopped.set()
        for one in working:
            one.result()

    good = set[str]().union(*(sender.good for sender in senders))
    answers = [answer for sender in senders for answer in sender.answers]
    assert sum(sender.interrupted for sender in senders) > 0
    eventually(
        lambda: records_counted(db),
        _COUNTED_SECONDS,
        "all is counted",
        until=lambda counted: counted >= len(good),
    )
    assert {id for (id,) in db.query("SELECT id FROM consumption_voucher_log")} == good
    assert records_counted(db) == len(good)

    def letters_of(receipt: str) -> int:
        [(number,)] = db.query(
            "SELECT uniqExact(at) FROM receipt_fault WHERE receipt = %(receipt)s AND service = 'ingest'"
            " AND letter IN (SELECT id FROM dead_letter)",
            {"receipt": receipt},
        )
        return int(number)

    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=ingest.url, headers=headers, timeout=30, trust_env=False) as client:
        for answer in answers:
            receipt = eventually(
                lambda answer=answer: client.get(f"/v1/receipts/{answer['receipt']}").json(),
                _COUNTED_SECONDS,
                "a receipt is final",
                until=lambda receipt: receipt.get("final"),
            )
            assert {name: receipt[name] for name in _COUNTS} == {name: answer[name] for name in _COUNTS}
            assert sum(receipt["records"].values()) == answer["accepted"]
            assert receipt["records"]["conflict"] == 0
            eventually(
                lambda answer=answer: letters_of(answer["receipt"]),
                _COUNTED_SECONDS,
                "every refused record has its dead letter",
                until=partial(_same, answer["rejected"]),
            )
    for name, received, *outcomes in db.query(
        "SELECT DISTINCT receipt, received, accepted, duplicate, rejected FROM receipt"
    ):
        assert received == sum(outcomes), name
    [(counted,)] = db.query("SELECT length(groupUniqArrayArray(counted)) FROM receipt_counted FINAL")
    assert counted == len(good)


_COUNTS = ("received", "accepted", "duplicate", "rejected")


def _sum(answer: dict[str, Any]) -> int:
    return sum(int(answer[name]) for name in _COUNTS[1:])


def _same(wanted: int, found: int) -> bool:
    return found == wanted


def _beyond(least: int, found: int) -> bool:
    return found > least
