"""The keeper on a real ClickHouse: what it has told it finds again there, and what it has not it tells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest

from schemas.alert import AlertChange
from services.alerts.channels import Language, Limits, Notice, Outcome, Recipient, Why
from services.alerts.log import Log
from services.alerts.routing import notices, writing
from services.alerts.routing.keeper import Keeper, Laid
from services.alerts.routing.notices import Made
from services.alerts.routing.orders import Silence
from services.alerts.routing.store import ReservedId, Store, UnknownOrder
from services.alerts.routing.subscriber import Address, Subscriber
from services.alerts.routing.writing import keep
from services.platform.clickhouse import ClickHouse
from services.platform.errors import Unavailable
from services.platform.settings import Common
from tests.alerts.routing.timeline import NOON, THEMES, alert, change, person

BUILT_IN = [person("topic", mode="every", channels=[Address(channel="topic", address="minmai.alert.v1")])]


class Paper:
    """A channel that only renders."""

    limits = Limits()
    alike = True

    def __init__(self, name: str) -> None:
        self.name = name

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        return Recipient(address, address.partition("?")[0], language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        return f"{why}: {' '.join(f'{one.rule} {one.condition}' for one in changes)}".encode()

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        raise AssertionError("nothing is sent here")

    async def close(self) -> None:
        pass


CHANNELS = {name: Paper(name) for name in ("mail", "topic", "webhook")}


@dataclass
class Office:
    """A keeper under a clock that the test moves; `restart` takes another."""

    clickhouse: ClickHouse
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    sent: list[Notice] = field(default_factory=list)
    laid: list[tuple[set[UUID], set[UUID]]] = field(default_factory=list)
    tick: int = 0

    def __post_init__(self) -> None:
        self.store = Store(self.clickhouse)
        self.log = Log(self.clickhouse)
        self.restart()

    def restart(self) -> None:
        self.keeper = Keeper(
            self.clickhouse,
            CHANNELS,
            BUILT_IN,
            THEMES,
            take=self.sent.extend,
            lay=self._lay,
            now=lambda: self.now,
        )

    async def _lay(self, silenced: Laid, acknowledged: Laid) -> None:
        self.laid.append((set(silenced), set(acknowledged)))

    async def says(self, name: str, condition: str, *, heard: bool = True) -> None:
        self.tick += 1
        said = change(name, condition, self.tick)  # type: ignore[arg-type]  # the test's own words
        self.log.write([said], self.now)
        if heard:
            self.keeper.hear([said], self.now)
            await self.keeper.turn()

    async def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await self.keeper.turn()

    def told(self, who: str = "ann") -> list[str]:
        return [one.payload.decode() for one in self.sent if one.subscriber == who]


@pytest.fixture
def office(settings: Common) -> Office:
    return Office(ClickHouse(settings))


async def test_what_was_told_is_not_told_again_and_what_was_not_is(office: Office) -> None:
    office.store.subscribe(person(), "test", office.now)
    await office.says("a", "firing")
    await office.after(30)
    assert office.told() == ["first: a firing"]
    await office.says("b", "pending", heard=False)  # a crash between the log and the notices
    await office.says("b", "firing", heard=False)
    office.restart()
    await office.after(0)
    await office.after(300)
    office.restart()
    await office.after(1)
    assert office.told() == ["first: a firing", "new: b firing"]
    assert office.told("topic") == ["first: a firing", "first: b pending", "first: b firing"]
    await office.says("a", "resolved")
    await office.says("b", "resolved")
    await office.after(300)
    office.restart()
    await office.after(1)
    assert office.told()[2:] == ["resolved: a resolved b resolved"]
    assert len({one.notice_id for one in office.sent}) == len(office.sent)


async def test_what_is_long_over_is_left_out_in_time(office: Office) -> None:
    await office.says("a", "firing")
    await office.says("a", "resolved")
    await office.says("b", "firing")
    office.now += timedelta(days=5)
    earlier = "UPDATE logged_at = logged_at - INTERVAL 5 DAY WHERE 1 SETTINGS mutations_sync = 1"
    office.clickhouse.query(f"ALTER TABLE alert_log {earlier}")
    office.keeper._roomy = 1
    await office.keeper.turn()
    assert [one.first.rule for one in office.keeper._router.episodes.slots] == ["b"]
    await office.says("b", "resolved")
    assert office.told("topic")[-1:] == ["resolved: b resolved"]


async def test_a_change_that_is_read_and_heard_of_is_told_once(office: Office) -> None:
    said = change("a", "firing", 1)
    office.log.write([said], office.now)
    begin = office.keeper._begin

    def hears_meanwhile() -> None:
        begin()
        office.keeper.hear([said], office.now)

    office.keeper._begin = hears_meanwhile  # type: ignore[method-assign]
    await office.keeper.turn()
    await office.after(5)
    assert office.told("topic") == ["first: a firing"]


@pytest.mark.parametrize("kept", [True, False], ids=["answer lost", "never came"])
async def test_notices_whose_insert_failed_are_told_once(
    office: Office, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    """Of three batches the second fails, before the table has it or after."""
    monkeypatch.setattr(notices, "TELLINGS_A_BATCH", 1)
    for name in ("ann", "bob", "cid"):
        office.store.subscribe(person(name), "test", office.now)
    await office.says("a", "firing")
    calls = count(1)

    def fails_once(clickhouse: ClickHouse, made: Sequence[Made]) -> None:
        fails = next(calls) == 2
        if kept or not fails:
            keep(clickhouse, made)
        if fails:
            raise Unavailable("gone")

    monkeypatch.setattr(writing, "keep", fails_once)
    with pytest.raises(Unavailable):
        await office.after(30)
    await office.after(1)
    await office.after(1)
    told = {one.notice_id: one for one in office.sent if one.subscriber != "topic"}
    assert sorted((one.subscriber, one.payload) for one in told.values()) == [
        (name, b"first: a firing") for name in ("ann", "bob", "cid")
    ]


async def test_a_system_is_told_of_a_beginning_whose_insert_failed_beside_others(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two inserts are under way at once. Were the end of it kept without it, it would count as told."""
    monkeypatch.setattr(notices, "TELLINGS_A_BATCH", 1)
    for name in ("ann", "bob"):
        office.store.subscribe(person(name, mode="each"), "test", office.now - timedelta(minutes=1))
    for condition in ("firing", "resolved"):
        await office.says("a", condition, heard=False)
    failed = count(1)

    def fails_once(clickhouse: ClickHouse, made: Sequence[Made]) -> None:
        theirs = any(one.notice.subscriber == "ann" and one.notice.why == "first" for one in made)
        if theirs and next(failed) == 1:
            raise Unavailable("gone")
        keep(clickhouse, made)

    monkeypatch.setattr(writing, "keep", fails_once)
    with pytest.raises(Unavailable):
        await office.after(1)
    await office.after(1)
    await office.after(1)
    for name in ("ann", "bob"):
        assert set(office.told(name)) == {"first: a firing", "resolved: a resolved"}


async def test_what_people_say_is_obeyed_within_a_turn(office: Office) -> None:
    store = office.store
    await office.says("a", "firing")
    store.subscribe(person(repeat_interval=3600), "test", office.now)
    await office.after(30)
    ends = office.now + timedelta(hours=2)
    silence = Silence(id=uuid4(), author="ann", reason="works", begins=office.now, ends=ends, rules=["b"])
    store.silence(silence, "ann", office.now)
    await office.says("b", "firing")
    await office.after(600)
    assert office.told() == ["first: a firing"]
    assert office.laid[-1] == ({alert("b")}, set())
    muted = office.clickhouse.query(
        "SELECT subscriber, answer, payload FROM alert_notice WHERE state = 'muted'"
    )
    assert [(who, payload) for who, _why, payload in muted] == [("ann", "")]
    assert "works" in muted[0][1]

    assert store.end_silence(silence.id, "bob", office.now).ends == office.now
    store.acknowledge(alert("a"), "ann", "on it", office.now)
    await office.after(1)
    assert office.told()[1:] == ["new: b firing"]
    assert office.laid[-1] == (set(), {alert("a")})
    await office.after(3_600)
    assert office.told()[2:] == ["repeat: b firing"]
    store.take_back(alert("a"), "ann", office.now)
    await office.after(1)
    assert office.told()[3:] == ["repeat: a firing"]

    store.unsubscribe("ann", "test", office.now)
    await office.says("c", "firing")
    await office.after(600)
    assert len(office.told()) == 4


async def test_alerts_from_before_whole_changes_were_kept_go_on(office: Office) -> None:
    """Rows as version 1 wrote them, told to the webhook of then."""
    old = {"alert_id": alert("a"), "rule": "a", "division": "532622"}
    office.clickhouse.insert(
        "alert_log",
        {
            **{name: [value] for name, value in old.items()},
            **{"indicator": ["beds"], "severity": ["warning"], "state": ["firing"], "value": [1.5]},
            **{"threshold": [2], "as_of": [NOON.date()], "figure_version": [1], "reason": ["因 · why"]},
            "changed_at": [NOON - timedelta(days=50)],
        },
    )
    office.clickhouse.insert(
        "alert_notice",
        {
            **{name: [value] for name, value in old.items()},
            **{"notice_id": [uuid4()], "change": ["firing"], "channel": ["ann"], "recipient": ["x"]},
            **{"state": ["pending"], "attempt": [0], "payload": ["then"], "at": [NOON - timedelta(days=50)]},
        },
    )
    office.store.subscribe(person(mode="each", repeat_interval=0), "test", office.now)
    await office.after(1)
    assert office.told() == []
    office.tick += 1
    said = change("a", "resolved", office.tick)
    office.log.write([said], office.now)
    office.keeper.hear([said], office.now)
    await office.after(1)
    assert office.told() == ["resolved: a resolved"]


def test_the_store_keeps_the_last_word(office: Office) -> None:
    store = office.store
    first = store.subscribe(person(name="Ann"), "test", NOON)
    again = store.subscribe(person(name="Anna", escalate_to="topic"), "test", NOON - timedelta(days=1))
    assert (first.created_at, again.created_at) == (NOON, NOON)
    assert [one.name for one in store.subscribers()] == ["Anna"]
    with pytest.raises(UnknownOrder, match="nobody"):
        store.subscribe(person("bob", escalate_to="nobody"), "test")
    with pytest.raises(ReservedId):
        store.subscribe(person("mail"), "test")
    store.unsubscribe("ann", "test")
    assert store.subscribers() == []
    with pytest.raises(UnknownOrder, match="minmai alerts list"):
        store.unsubscribe("ann", "test")
    with pytest.raises(UnknownOrder, match="does not fire"):
        store.acknowledge(alert("a"), "ann", "")


def test_an_address_is_not_shown_by_mistake() -> None:
    one = Subscriber(
        id="robot",
        name="robot",
        channels=[Address(channel="webhook", address="https://x.example/?key=secret")],
    )
    assert "secret" not in repr(one)
