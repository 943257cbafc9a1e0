"""A rebuild beside a running aggregator: what readers see, who dies when, and what it comes to in the end."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple

import orjson
import pytest

from cli.sample import truth
from services.platform.clickhouse import ClickHouse
from services.platform.plan import load_plan
from services.platform.settings import Common
from services.platform.topics import ensure_topics
from tests.aggregate.test_counted_once import voucher
from tests.aggregate.test_keeper import COUNTY, ISSUED
from tests.aggregate.test_service import VOUCHERS, produce
from tests.board.test_api import application
from tests.cli.support import minmai, refused
from tests.support.brokers import Broker
from tests.support.services import YANSHAN, Service, environment
from tests.support.waiting import eventually

pytestmark = pytest.mark.long

ADDED_UP = "numerator: {from: consumption-voucher, sum: face_value, where: {step: issued}}"
COUNTED = """numerator: {from: consumption-voucher, count: true, where: {step: issued}}
  changes: [{day: 2024-06-01, what: {zh: 按张数计, en: by their number}}]"""
DAY = date(2024, 5, 1)
WORTH = 20


class Running(NamedTuple):
    """An aggregator of a test's own on a plan of its own, with what tells of its tables."""

    service: Service
    plan: Path
    env: dict[str, str]
    settings: Common
    broker: str

    def send(self, first: int, last: int) -> None:
        """Put vouchers on the topic, one block after another."""
        for begin in range(first, last, 50):
            records = [orjson.dumps(voucher(number)) for number in range(begin, min(begin + 50, last))]
            asyncio.run(produce(self.broker, VOUCHERS, records))

    def redefine(self) -> tuple[str, str]:
        """Let the plan count the vouchers it added up; return the two definitions."""
        before = load_plan(self.plan).indicators[ISSUED].definition_id
        file = self.plan / "indicators.yaml"
        text = file.read_text(encoding="utf-8")
        entry = text.index(f"- id: {ISSUED}\n")
        assert text.index(ADDED_UP, entry) > 0
        file.write_text(text[:entry] + text[entry:].replace(ADDED_UP, COUNTED, 1), encoding="utf-8")
        return before, load_plan(self.plan).indicators[ISSUED].definition_id


@pytest.fixture
def running(fresh_broker: Broker, pool: ClickHouse, settings: Common, tmp_path: Path) -> Iterator[Running]:
    ensure_topics(fresh_broker.bootstrap, partitions=2)
    plan = copytree(YANSHAN, tmp_path / "plan")
    env = environment(
        kafka=fresh_broker.bootstrap,
        clickhouse_port=settings.clickhouse_port,
        database=settings.clickhouse_database,
        clock="event",
        session_timeout_ms=2000,
        block_interval_ms=0,
        plan=plan,
    )
    service = Service("aggregate", env, tmp_path)
    yield Running(service, plan, env, settings.model_copy(update={"plan": plan}), fresh_broker.bootstrap)
    service.kill()
    print(service.tail())  # pytest shows it when the test has failed


class Seen(NamedTuple):
    """What one answer of the board said of the county's figure."""

    definition: str
    numerator: float
    counts: bool
    history: float


def look(board: Any) -> Seen:
    """Ask the board as the page does: the figure with its declaration, then its history."""
    answer = board.get(f"/v1/indicators/{ISSUED}").json()
    [figure] = [one for one in answer["figures"] if one["division"] == COUNTY]
    points = board.get(f"/v1/indicators/{ISSUED}/history").json()["points"]
    counts = answer["declaration"]["numerator"][0]["count"]
    return Seen(figure["definition"], float(figure["numerator"]), counts, float(points[-1]["numerator"]))


def live(pool: ClickHouse) -> dict[tuple[str, str], tuple[str, str]]:
    rows = pool.query(
        "SELECT indicator, division, definition, toString(numerator) FROM indicator_live FINAL"
        " WHERE indicator = %(issued)s AND numerator IS NOT NULL",
        {"issued": ISSUED},
    )
    return {(indicator, division): (definition, number) for indicator, division, definition, number in rows}


def numbers(pool: ClickHouse) -> set[tuple[str, str]]:
    """The figures of the county and the one township that has any."""
    return {told for (_, division), told in live(pool).items() if division in (COUNTY, "532622101")}


def test_readers_see_the_old_figures_or_the_new_ones_while_records_come_in(
    running: Running, pool: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.send(0, 200)
    running.service.start()
    first, second = running.redefine()
    eventually(lambda: numbers(pool), 60, "the vouchers are added up", until={(first, "4000")}.__eq__)

    unknown = minmai("rebuild", "--indicator", "nope", env=running.env)
    assert "no indicator: nope" in refused(unknown)
    assert not unknown.stdout, "nothing is set right before that"
    dry = minmai("rebuild", "--dry-run", "--indicator", ISSUED, env=running.env)
    assert re.search(rf"{ISSUED} +砚山县 +4000 .*→ 200 .*{first} → {second}", dry.stdout), dry
    assert numbers(pool) == {(first, "4000")}, "a dry run changes nothing"

    ended = threading.Event()

    def watch() -> list[Seen]:
        board, seen = application(running.settings), []
        while not ended.is_set():
            seen.append(look(board))
        return [*seen, look(board)]

    with ThreadPoolExecutor() as threads:
        watching: Future[list[Seen]] = threads.submit(watch)
        sending = threads.submit(running.send, 200, 1200)
        done = minmai("rebuild", env=running.env)
        sending.result()
        try:
            eventually(lambda: numbers(pool), 120, "all are counted", until={(second, "1200")}.__eq__)
        finally:
            ended.set()
        seen = watching.result()
    assert done.returncode == 0, done.stderr
    check_no_wrong_moment(seen, first, second)

    # The independent count, told what the new definition means.
    monkeypatch.setitem(truth.MEANINGS, ISSUED, truth.MEANINGS["voucher_issued_count"])
    right = truth.figures(load_plan(running.plan), [voucher(number) for number in range(1200)], DAY)
    told = {key: number for key, (_, number) in live(pool).items()}
    assert told == {key: str(one.numerator) for key, one in right.items() if key[0] == ISSUED}
    again = minmai("rebuild", "--dry-run", env=running.env)
    assert "0 figures would change" in again.stdout, again


def check_no_wrong_moment(seen: list[Seen], first: str, second: str) -> None:
    """Every answer is whole and by one definition, there is one switch, and no record is missing again."""
    definitions = [one.definition for one in seen]
    switch = definitions.index(second)
    assert definitions == [first] * switch + [second] * (len(seen) - switch)
    assert switch > 0
    before = 0.0
    for one in seen:
        worth = 1 if one.definition == second else WORTH
        assert one.counts == (one.definition == second)
        records = one.numerator / worth
        assert records == int(records)
        assert before <= records <= 1200, "a record is missing, or counted twice"
        # The history is asked for later: it may have more, or be that of after the switch (some 1000).
        switched = one.definition == first and records <= one.history <= 1200
        assert one.history >= one.numerator or switched
        before = records


def test_killed_during_a_rebuild_it_leaves_the_old_figures_and_the_next_start_has_the_new_ones(
    running: Running, pool: ClickHouse
) -> None:
    running.send(0, 200)
    running.service.start()
    first, second = running.redefine()
    eventually(lambda: numbers(pool), 60, "the vouchers are added up", until={(first, "4000")}.__eq__)
    silent = refused(minmai("rebuild", "--wait", "0", env=running.env))
    assert "not done within 0 s" in silent
    running.service.kill()
    assert numbers(pool) in ({(first, "4000")}, {(second, "200")})
    running.service.start()
    eventually(lambda: numbers(pool), 60, "they are counted", until={(second, "200")}.__eq__)
    rows = pool.query("SELECT said FROM rebuild ORDER BY at")
    assert rows == [("asked",), ("shown",)], "what was asked for is done by whoever keeps next"
    # And after the switch: nothing is left to do, and the next rebuild works.
    running.service.kill()
    running.service.start()
    done = minmai("rebuild", env=running.env)
    assert done.returncode == 0, done.stderr
    assert "0 figures would change" in done.stdout
    assert numbers(pool) == {(second, "200")}


def test_by_a_plan_that_cannot_be_read_nothing_changes_and_it_is_said(
    running: Running, pool: ClickHouse
) -> None:
    running.send(0, 50)
    running.service.start()
    wanted = {(load_plan(running.plan).indicators[ISSUED].definition_id, "1000")}
    eventually(lambda: numbers(pool), 60, "the vouchers are added up", until=wanted.__eq__)
    elsewhere = copytree(running.plan, running.plan.parent / "elsewhere")
    running._replace(plan=elsewhere).redefine()
    (running.plan / "rules.yaml").write_text("- nonsense", encoding="utf-8")
    assert "mistakes" in refused(minmai("rebuild", env=running.env))
    other = refused(minmai("rebuild", env=running.env | {"MINMAI_PLAN": str(elsewhere)}))
    assert "not by this plan" in other
    assert f"{ISSUED} 1." in other
    assert numbers(pool) == wanted
    running.send(50, 60)
    eventually(lambda: {number for _, number in numbers(pool)}, 60, "figures go on", until={"1200"}.__eq__)


def test_what_the_log_has_lost_is_counted_again_from_the_topic_while_records_come_in(
    running: Running, pool: ClickHouse
) -> None:
    running.send(0, 200)
    other = {**voucher(6, "50.00"), "receipt": "r-2"}  # a conflict: its partition is that of its id
    asyncio.run(produce(running.broker, VOUCHERS, [orjson.dumps(other)]))
    running.service.start()
    wanted = {(load_plan(running.plan).indicators[ISSUED].definition_id, "4000")}
    eventually(lambda: numbers(pool), 60, "the vouchers are added up", until=wanted.__eq__)
    # Of what was lost the identities are left, the sums are partly right.
    pool.query("DELETE FROM consumption_voucher_log WHERE modulo(toUInt32(extract(id, '[0-9]+')), 3) = 0")
    pool.query("DELETE FROM record_identity WHERE modulo(cityHash64(identity), 2) = 0")
    since = ("--from-topic", "--since", "2020-01-01")
    dry = minmai("rebuild", *since, "--dry-run", env=running.env)
    assert re.search(r"consumption-voucher +读到 read +201  缺 lost +67", dry.stdout), dry
    [(left,)] = pool.query("SELECT count() FROM consumption_voucher_log")
    assert left == 133
    with ThreadPoolExecutor() as threads:
        sending = threads.submit(running.send, 200, 400)
        done = minmai("rebuild", *since, "--stream", "consumption-voucher", env=running.env)
        sending.result()
    assert done.returncode == 0, done
    assert re.search(r"已重放 sent again +67", done.stdout), done
    eventually(lambda: {number for _, number in numbers(pool)}, 60, "all are counted", until={"8000"}.__eq__)
    rows = pool.query(
        "SELECT id, count(), toString(any(face_value)) FROM consumption_voucher_log GROUP BY id"
    )
    assert sorted(rows) == sorted((f"issued-{number}", 1, "20") for number in range(400))
    assert pool.query("SELECT sum(records), toString(sum(face_value)) FROM voucher_hourly") == [(400, "8000")]
    [(identities,)] = pool.query("SELECT uniqExact(identity) FROM record_identity")
    assert identities == 400
    again = minmai("rebuild", *since, "--dry-run", env=running.env)
    assert re.search(r"缺 lost +0\n", again.stdout), again
    assert "0 figures would change" in again.stdout


def test_options_that_go_together_are_asked_for_together(running: Running) -> None:
    for words in (["--from-topic"], ["--since", "2024-01-01"], ["--stream", "facility"]):
        assert "--from-topic" in refused(minmai("rebuild", *words, env=running.env), code=2)
    strange = ["--from-topic", "--since", "2024-01-01", "--stream", "x"]
    assert "there is no stream x" in refused(minmai("rebuild", *strange, env=running.env))
