"""Whatever happens in whatever order, crashes and clocks that are set included."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.routing.subscriber import QuietHours, Subscriber
from tests.alerts.routing.timeline import DAY, HOUR, Timeline, alert, person

SUBSCRIBERS = [
    person("once"),
    person("slow", group_wait=300, group_interval=1_200, repeat_interval=HOUR),
    person("night", quiet=QuietHours(begin=time(12, 10), end=time(13)), critical_passes=False),
    person("daily", mode="digest", digest_at=time(13)),
    person("system", mode="each"),
    person("log", mode="every"),
    person("asks", escalate_to="boss", escalate_after=600),
    person("boss", rules=["none"]),
]
NAMES = "abc"

Step = tuple[str, object]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(["turn", "turn and crash"]), st.sampled_from(NAMES)),
    st.tuples(st.just("wait"), st.sampled_from([1, 10, 29, 31, 60, 299, 301, 900, HOUR])),
    st.tuples(st.sampled_from(["restart", "crash"]), st.none()),
    st.tuples(st.just("set the clock"), st.sampled_from([-HOUR, -45, -1, 1, 45, HOUR])),
    st.tuples(st.just("silence"), st.sampled_from(NAMES)),
    st.tuples(st.just("acknowledge"), st.sampled_from(NAMES)),
)


@dataclass
class Story:
    """A timeline, and what the test itself knows of it, in seconds that nobody sets."""

    line: Timeline
    elapsed: float = 0
    since: dict[str, float] = field(default_factory=dict)
    """Since when an alert fires, or fires under a clock that has not been set back or read anew."""
    lasted: list[tuple[UUID, float]] = field(default_factory=list)
    silenced: set[UUID] = field(default_factory=set)
    number: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def play(self, steps: Sequence[Step]) -> None:
        for what, about in steps:
            self.step(what, about)
        for name in NAMES:
            if name in self.since:
                self.turn(name, crash=False)
        self.wait(3 * DAY - HOUR)

    def step(self, what: str, about: object) -> None:
        line = self.line
        match what, about:
            case (("turn" | "turn and crash"), str(name)):
                self.turn(name, crash=what != "turn")
            case "wait", int(seconds):
                self.wait(seconds)
            case "restart", _:
                self.read_anew()
                line.restart()
            case "crash", _:
                self.read_anew()
                line.crash()
            case "set the clock", int(seconds):
                line.now += seconds
                if seconds < 0:
                    self.read_anew()
                line.tick()
            case "silence", str(name):
                if name in self.since:
                    self.silenced.add(alert(self.names[name]))
                    line.silence(400, alerts=[alert(self.names[name])])
            case "acknowledge", str(name):
                if name in self.since:
                    line.acknowledge(self.names[name])
            case _:
                raise AssertionError(what)

    def turn(self, name: str, *, crash: bool) -> None:
        """An alert that fires ends, one that does not begins."""
        if name in self.since:
            self.lasted.append((alert(self.names[name]), self.elapsed - self.since.pop(name)))
            state = "resolved"
        else:
            self.number += 1
            self.names[name] = f"{name}:{self.number}"
            self.since[name] = self.elapsed
            state = "firing"
        full = self.names[name]
        if crash:
            self.read_anew()
            self.line.crash(after_log=(full, state))
        else:
            self.line.says(full, state)

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds
        self.line.until(self.line.now + seconds)

    def read_anew(self) -> None:
        """A clock that was set back says too little of what it dated before: the wait begins anew."""
        self.since = dict.fromkeys(self.since, self.elapsed)


def missed(story: Story, one: Subscriber) -> list[UUID]:
    begun = {id for who, id, _first in story.line.begun if who == one.id}
    wait = one.waits[0]
    return [
        id for id, seconds in story.lasted if seconds >= wait and id not in begun and id not in story.silenced
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_nobody_misses_anything_or_hears_it_twice_or_the_end_first(steps: list[Step]) -> None:
    story = Story(Timeline(SUBSCRIBERS))
    story.play(steps)
    line = story.line
    for one in SUBSCRIBERS:
        if one.mode != "every" and not one.rules:
            assert missed(story, one) == [], one.id
    assert [change for change, _at in line.log] == line.every
    assert all(number == 1 for number in Counter(line.begun).values())
    sent = [told for told in line.ledger if not told.muted]
    ends = [(told.subscriber, told.changed_at) for told in sent if told.state == "resolved"]
    assert all(number == 1 for number in Counter(ends).values())
    heard: set[tuple[str, UUID]] = set()
    for told in sent:
        key = (told.subscriber, told.alert_id)
        assert told.state == "firing" or key in heard, told
        heard.add(key)
    over = {change.alert_id for change, _at in line.log if change.state == "resolved"}
    ended = {(who, id) for who, id in heard if id in over}
    assert {(told.subscriber, told.alert_id) for told in sent if told.state == "resolved"} == ended
