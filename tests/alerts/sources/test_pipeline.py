"""What is measured of the pipeline itself: what waits on a broker, refusals, freshness, stopped feeds."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from kafka import KafkaProducer

from schemas.streams import STREAMS
from services.aggregate.blocks import Place
from services.alerts.reading import Key, Reading
from services.alerts.sources import Sources
from services.alerts.sources.counted import TOPICS, Counted
from services.alerts.sources.feed_stops import FeedStops
from services.alerts.sources.freshness import Freshness
from services.alerts.sources.lag import Lag
from services.alerts.sources.measured import Moment
from services.alerts.sources.refusals import Refusals
from services.platform.errors import Unavailable
from services.platform.topics import Topic, ensure_topics, topic_ids
from tests.aggregate.support import event, messages
from tests.alerts.sources.county import COUNTY, PLAN, WALL, County, planned, read, rule, values
from tests.support.brokers import Broker
from tests.support.ports import free_port

TOPIC = STREAMS["fitness-event"].topic
NOW = datetime(2025, 3, 1, 4, tzinfo=UTC)


def race(number: int) -> dict[str, Any]:
    data = {
        "event_id": f"E{number}",
        "name": "健步走",
        "level": "county",
        "sport": "walking",
        "division": COUNTY,
        "day": "2025-03-01",
        "status": "planned",
        "participants": 10,
    }
    return event("fitness-event", "education-sports-bureau", f"e-{number}", NOW, data)


def later(minutes: int) -> Moment:
    return Moment(NOW + timedelta(minutes=minutes), WALL + timedelta(minutes=minutes), PLAN.zone)


@pytest.fixture
def topics(fresh_broker: Broker) -> str:
    """A broker with the streams' topics, of two partitions."""
    ensure_topics(fresh_broker.bootstrap, topics=[Topic(name, 2) for name in TOPICS])
    return fresh_broker.bootstrap


async def write(kafka: str, events: list[dict[str, Any]], partition: int = 0) -> None:
    """Write each record as a batch of its own: the embedded broker tells the start of the last one."""
    producer = KafkaProducer(bootstrap_servers=kafka)
    try:
        for one in events:
            producer.send(TOPIC, orjson.dumps(one), partition=partition).get(timeout=15)
    finally:
        producer.close()


async def test_what_waits_is_known_and_up_to_when_nothing_does(county: County, topics: str) -> None:
    counted = Counted(county.pool, topics)
    counted.look(later(0))
    assert counted.through == later(0).now  # nothing was ever accepted
    assert set(counted.behind.values()) == {0}
    records = [race(number) for number in range(6)]
    await write(topics, records)
    counted.look(later(1))
    assert counted.behind[TOPIC, 0] in (5, 6)
    assert counted.through == later(0).now  # a worker that does nothing makes nobody silent
    counted.look(later(2))
    assert counted.through == later(0).now

    place = Place(TOPIC, topic_ids(topics, [TOPIC])[TOPIC], 0)
    await county.worker.count(place, messages(records[:3]))
    counted.look(later(3))
    assert counted.behind[TOPIC, 0] in (2, 3)
    assert counted.through == later(0).now
    await county.worker.claim(place, messages(records[3:], 3))
    counted.look(later(4))
    assert counted.behind[TOPIC, 0] in (2, 3)  # claimed is not counted
    await county.worker.count(place, messages(records[3:], 3))
    counted.look(later(5))
    assert counted.behind[TOPIC, 0] == 0
    assert counted.through == later(5).now
    fresh = Counted(county.pool, topics)
    fresh.look(later(6))
    assert (fresh.through, set(fresh.behind.values())) == (later(6).now, {0})


def test_nothing_is_known_until_all_topics_are_there(county: County, fresh_broker: Broker) -> None:
    counted = Counted(county.pool, fresh_broker.bootstrap)
    ensure_topics(fresh_broker.bootstrap, topics=[Topic(name, 1) for name in TOPICS[1:]])
    counted.look(later(0))
    assert counted.through is None


async def test_topics_that_were_made_again_begin_anew(
    county: County, topics: str, fresh_broker: Broker
) -> None:
    if fresh_broker.keeps_log:
        pytest.skip("only a broker that forgets makes its topics again")
    counted = Counted(county.pool, topics)
    await write(topics, [race(1), race(2)])
    counted.look(later(0))
    assert counted.through is None
    fresh_broker.kill()
    with pytest.raises(Unavailable):
        counted.look(later(1))
    fresh_broker.start()
    ensure_topics(topics, topics=[Topic(name, 2) for name in TOPICS])
    counted.look(later(2))
    assert counted.through == later(2).now


async def test_lag_of_each_partition(county: County, topics: str) -> None:
    source = Lag(PLAN, [rule("lag", threshold=3)], Counted(county.pool, topics))
    await write(topics, [race(number) for number in range(9)], partition=1)
    found = values(read(source, NOW))
    assert found["lag", COUNTY, f"{TOPIC}/1"] in (8, 9)
    assert found["lag", COUNTY, f"{TOPIC}/0"] == 0
    assert len(found) == 2 * len(TOPICS)


async def test_only_what_is_near_its_threshold_is_handed_on_and_what_stands(
    county: County, topics: str
) -> None:
    plan = planned(rule("lag", threshold=3), rule("feed_silent", enabled=False))
    sources = Sources(plan, county.pool, topics, wall=lambda: WALL)
    await write(topics, [race(number) for number in range(9)])
    stands = ("lag", COUNTY, "minmai.statistic.v1/0")
    measured = sources.measure(NOW, [stands])
    assert sorted(key for key in values(measured.readings)) == sorted([("lag", COUNTY, f"{TOPIC}/0"), stands])
    assert measured.failed == {}
    assert sources.measure(NOW, [stands]).readings == []  # its time has not come
    assert sources.rules == {"lag"}


async def test_a_source_that_cannot_be_asked_fails_alone_and_is_asked_again(
    county: County, topics: str, fresh_broker: Broker
) -> None:
    clock = iter(WALL + timedelta(minutes=n) for n in range(9))
    plan = planned(rule("lag", threshold=0), rule("refused_share", least=1, threshold=0))
    sources = Sources(plan, county.pool, topics, wall=lambda: next(clock))
    county.pool.insert("receipt", receipts([("health-bureau", "http", WALL, 10, 5)]))
    fresh_broker.kill()
    measured = sources.measure(NOW, [])
    assert set(measured.failed) == {"lag"}
    assert "broker" in measured.failed["lag"].en
    assert [one.rule for one in measured.readings] == ["refused_share"]
    fresh_broker.start()
    ensure_topics(topics, topics=[Topic(name, 2) for name in TOPICS])
    assert sources.measure(NOW, []).failed == {}


async def test_of_the_rules_of_one_source_only_that_which_fails_does(
    county: County, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(WALL + timedelta(minutes=n) for n in range(9))
    two = [rule("refused_share", id=name, least=1, threshold=0) for name in ("good", "bad")]
    sources = Sources(planned(*two), county.pool, topics, wall=lambda: next(clock))
    county.pool.insert("receipt", receipts([("health-bureau", "http", WALL, 10, 5)]))
    works = Refusals.readings

    def fails(self: Refusals, moment: Moment, standing: Collection[Key]) -> Iterator[Reading]:
        yield from works(self, moment, standing)
        if any(one.id == "bad" for one in self._rules):
            raise ZeroDivisionError("by nought")

    with monkeypatch.context() as broken:
        broken.setattr(Refusals, "readings", fails)
        assert sources.measure(NOW, []).rules == frozenset()  # it is parted
        measured = sources.measure(NOW, [])
        assert [one.rule for one in measured.readings] == ["good"]
        assert measured.rules == {"good"}
        assert set(measured.failed) == {"bad"}
        assert "ZeroDivisionError: by nought" in measured.failed["bad"].en
    assert sources.measure(NOW, []).rules == {"good", "bad"}


def receipts(said: list[tuple[str, str, datetime, int, int]]) -> dict[str, list[Any]]:
    """Rows of table `receipt`: agency, kind, when, received, of them rejected."""
    return {
        "receipt": [uuid4().hex for _ in said],
        "agency": [one[0] for one in said],
        "kind": [one[1] for one in said],
        "received_at": [one[2] for one in said],
        "received": [one[3] for one in said],
        "accepted": [one[3] - one[4] for one in said],
        "rejected": [one[4] for one in said],
    }


def test_the_refused_share_of_each_agency(county: County) -> None:
    random = Random(2)
    said = []
    for _ in range(400):
        received = random.randrange(1, 30)
        said.append(
            (
                random.choice(("health-bureau", "land", "trade-union")),
                random.choice(("http", "file", "replay")),
                WALL - timedelta(minutes=random.randrange(4000)),
                received,
                random.randrange(received + 1),
            )
        )
    said.append(("quiet", "http", WALL, 3, 3))
    rows = receipts(said)
    county.pool.insert("receipt", rows)
    # The receipt of a feed is written with every part: the fullest holds.
    part = {name: values[:1] for name, values in rows.items()}
    county.pool.insert("receipt", part | {"received": [0], "accepted": [0], "rejected": [0]})
    source = Refusals(PLAN, [rule("refused_share", window="2d", least=20)], county.pool)
    received, refused = Counter[str](), Counter[str]()
    for agency, kind, when, number, rejected in said:
        if kind != "replay" and when >= WALL - timedelta(days=2):
            received[agency] += number
            refused[agency] += rejected
    expected: dict[Any, Fraction | None] = {
        ("refused_share", COUNTY, agency): 100 * Fraction(refused[agency], received[agency])
        for agency in ("health-bureau", "land", "trade-union")
    }
    assert values(read(source, NOW)) == expected
    standing = [("refused_share", COUNTY, one) for one in ("quiet", "gone")]
    assert values(read(source, NOW, standing)) == {**expected, **dict.fromkeys(standing)}


def told(county: County, blocks: list[tuple[int, int, int | None, int | None]]) -> None:
    """Blocks as workers tell them: first offset, and how many seconds ago it was written, told and shown."""
    topic_id = UUID(int=1)
    county.pool.query(
        "INSERT INTO touch (topic_id, partition, first_offset, written_at, told_at)"
        " SELECT topic_id, 0, first, now64(3, 'UTC') - toIntervalSecond(written),"
        " now64(3, 'UTC') - toIntervalSecond(said) FROM blocks",
        given={
            "blocks": {
                "topic_id UUID": [topic_id] * len(blocks),
                "first UInt64": [one[0] for one in blocks],
                "written Int64": [one[1] for one in blocks],
                "said Int64": [one[2] or 0 for one in blocks],
            }
        },
    )
    shown = [one for one in blocks if one[3] is not None]
    county.pool.query(
        "INSERT INTO block_shown (topic_id, partition, first_offset, shown_at)"
        " SELECT topic_id, 0, first, now64(6, 'UTC') - toIntervalSecond(shown) FROM blocks",
        given={
            "blocks": {
                "topic_id UUID": [topic_id] * len(shown),
                "first UInt64": [one[0] for one in shown],
                "shown Int64": [one[3] for one in shown],
            }
        },
    )


class Waiting:
    """How much waits, as `Counted` says it."""

    def __init__(self, records: int) -> None:
        self.behind = {(TOPIC, 0): records}

    def look(self, moment: Moment) -> None:
        """It is known."""


def freshest(county: County, waiting: int) -> Fraction | None:
    [one] = read(Freshness(PLAN, [rule("freshness")], county.pool, Waiting(waiting)), NOW)  # type: ignore[arg-type]
    return one.value


def test_freshness_is_that_of_the_slowest_block_of_late(county: County) -> None:
    assert freshest(county, 0) == 0
    assert freshest(county, 5) is None  # nobody counts what waits: there is no data
    told(county, [(1, 1000, 995, 700), (2, 60, 30, 20), (3, 35, 34, 33)])
    slowest = freshest(county, 0)
    assert slowest is not None
    assert 39 <= slowest <= 41  # the first was shown too long ago
    told(county, [(4, 200, 199, None)])  # not shown yet
    waiting = freshest(county, 0)
    assert waiting is not None
    assert 199 <= waiting <= 260
    told(county, [(4, 200, 199, 0)])
    done = freshest(county, 0)
    assert done is not None
    assert 198 <= done <= 260


def test_stops_of_feeds_and_their_ends_are_told_in_order(county: County) -> None:
    begin, first, second = datetime(2026, 5, 1, 8, tzinfo=UTC), uuid4(), uuid4()
    rows = [
        ("clinics", first, "stopped", 190, begin),
        ("clinics", first, "running", 190, begin + timedelta(hours=1)),
        ("clinics", second, "stopped", 200, begin + timedelta(hours=2)),
        ("sports", uuid4(), "stopped", 185, begin + timedelta(minutes=1)),
    ]
    columns = ("agency", "alert_id", "state", "refused", "at")
    county.pool.insert(
        "feed_standing",
        {name: [row[at] for row in rows] for at, name in enumerate(columns)}
        | {"checked": [200] * 4, "code": ["wrong_source"] * 4, "message": [""] * 4},
    )
    found = read(FeedStops(PLAN, [rule("feed_stopped")], county.pool), NOW)
    assert [(one.subject, one.fires, one.value) for one in found] == [
        ("clinics", True, 95),
        ("sports", True, Fraction(185, 2)),
        ("clinics", False, 95),
        ("clinics", True, 100),
    ]
    plan = planned(rule("feed_stopped"))
    sources = Sources(plan, county.pool, f"127.0.0.1:{free_port()}", wall=lambda: WALL)
    told = [(one.subject, one.fires) for one in sources.measure(NOW, []).readings]
    assert told == [(one.subject, one.fires) for one in found]  # an end too, of which nobody knew the stop
    versions = [one.version for one in found if one.subject == "clinics"]
    assert versions == sorted(set(versions))
    assert "wrong_source" in found[0].why.en
