"""Dead letters from the command line, against a real broker, database, ingest and aggregator."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.streams import STREAMS
from services.ingest.agencies import add
from services.platform.clickhouse import ClickHouse as Pool
from services.platform.migrations import migrate
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.cli.support import minmai, refused
from tests.ingest.support import voucher
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.services import Service, environment
from tests.support.waiting import eventually

COUNT_SECONDS = 60


OFFICE = "letters-office"
"""Other tests' letters lie on the same broker, and an agency's are sent again together."""


class Office:
    """An operator's desk: the services run, `minmai` is at hand."""

    def __init__(self, settings: Common, env: dict[str, str], key: str, url: str) -> None:
        self.pool = Pool(settings)
        self.env = env
        self._key = key
        self._url = url

    def push(self, *records: dict[str, Any]) -> list[str]:
        """Push records; return the ids of the dead letters of this push, once the table has them."""
        answer = httpx.post(
            f"{self._url}/v1/streams/consumption-voucher",
            json=list(records),
            headers={"authorization": f"Bearer {self._key}"},
            timeout=30,
        ).json()
        return eventually(
            lambda: [
                id
                for (id,) in self.pool.query(
                    "SELECT letter FROM receipt_fault FINAL WHERE receipt = %(receipt)s ORDER BY at",
                    {"receipt": answer["receipt"]},
                )
            ],
            COUNT_SECONDS,
            "the dead letters are in the table",
            until=lambda ids: len(ids) == answer["rejected"],
        )

    def says(self, *words: object, code: int = 0) -> str:
        done = minmai("dead-letters", *words, env=self.env)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def counted(self, record: str) -> int:
        [(number,)] = self.pool.query(
            "SELECT count() FROM consumption_voucher_log WHERE id = %(id)s", {"id": record}
        )
        return int(number)


@pytest.fixture(scope="module")
def office(
    broker: Broker, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    database = "dead_letters"
    with clickhouse.client() as client:
        client.execute(f"CREATE DATABASE {database}")
    settings = Common(kafka=broker.bootstrap, clickhouse_port=clickhouse.port, clickhouse_database=database)
    migrate(settings)
    ensure_topics(broker.bootstrap)
    people = folder / "agencies.json"
    key = add(people, OFFICE, STREAMS, ["532622"])
    env = environment(
        kafka=broker.bootstrap,
        clickhouse_port=clickhouse.port,
        database=database,
        agencies=people,
        session_timeout_ms=3_000,
    )
    services = [Service(name, env, folder) for name in ("ingest", "aggregate")]
    try:
        for service in services:
            service.start()
        yield Office(settings, env, key, services[0].url)
    finally:
        for service in services:
            service.kill()
    with clickhouse.client() as client:
        client.execute(f"DROP DATABASE {database} SYNC")


def test_a_refused_record_is_found_mended_sent_again_and_counts(office: Office) -> None:
    [id] = office.push(voucher(1, id="m-1", face_value="many"), voucher(2, id="m-2"))
    assert id[:12] in office.says("list", "--agency", OFFICE, "--code", "invalid_field")
    assert OFFICE in office.says("count")
    shown = office.says("show", id[:8])
    assert '"many"' in shown
    assert "face_value" in shown

    assert "rejected" in office.says("replay", id, code=1)
    assert "would still be refused" in office.says("mend", id, "--set", "face_value=-1", code=1)
    assert "can be sent again" in office.says("mend", id, "--set", "face_value=20.50")
    assert "acceptable" in office.says("replay", "--dry-run", id)
    assert office.counted("m-1") == 0
    assert "counted" in office.says("replay", id)
    assert office.counted("m-1") == 1
    [(face,)] = office.pool.query("SELECT face_value FROM consumption_voucher_log WHERE id = 'm-1'")
    assert face == Decimal("20.50")

    assert "settled before" in office.says("replay", id)
    assert id[:12] not in office.says("list")
    assert id[:12] in office.says("list", "--all")
    shown = office.says("show", id)
    assert "rejected" in shown
    assert "counted" in shown
    outcomes = office.pool.query(
        "SELECT outcome FROM dead_letter_replayed WHERE letter = %(id)s ORDER BY at", {"id": id}
    )
    assert outcomes == [("rejected",), ("counted",)]


def test_many_are_sent_again_at_once_as_one_push(office: Office) -> None:
    ids = office.push(*(voucher(n, id=f"r-{n}", typo=n) for n in range(10, 15)))
    for id in ids:
        office.says("mend", id, "--unset", "typo")
    office.says("mend", ids[-1], "--set", "id=m-2")  # an id that has been used for another record
    told = office.says("replay", "--agency", OFFICE, "--code", "unknown_field", code=1)
    assert told.count("counted") == 4
    assert told.count("conflict") >= 1
    receipts = office.pool.query(
        "SELECT DISTINCT receipt FROM dead_letter_replayed WHERE letter IN %(ids)s", {"ids": ids}
    )
    assert len(receipts) == 1
    row = eventually(
        lambda: office.pool.query(
            "SELECT kind, received, accepted, duplicate, rejected FROM receipt FINAL"
            " WHERE receipt = %(receipt)s",
            {"receipt": receipts[0][0]},
        ),
        COUNT_SECONDS,
        "the replay has a receipt",
    )
    assert row == [("replay", 5, 4, 0, 1)]


def test_what_is_no_record_is_given_whole(office: Office, tmp_path: Path) -> None:
    [id] = office.push(voucher(30, face_value="x", id="w-1"))
    office.pool.insert(  # as a row of a sheet that somebody else's program wrote
        "dead_letter_mended", {"letter": [id], "content": ["[1, 2]"]}
    )
    assert "mend --record" in office.says("replay", id, code=1)
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(voucher(30, id="w-1")))
    assert "can be sent again" in office.says("mend", id, "--record", whole)
    office.says("replay", id)
    assert office.counted("w-1") == 1


def test_mistakes_are_one_message(office: Office) -> None:
    assert "no such dead letter" in refused(minmai("dead-letters", "show", "0123456789", env=office.env))
    assert "at least 6" in refused(minmai("dead-letters", "show", "01", env=office.env))
    assert "not stopped" in refused(minmai("feed", "resume", OFFICE, env=office.env))
    assert "no agency has a feed" in minmai("feed", "list", env=office.env).stdout
