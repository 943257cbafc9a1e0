"""Whatever is measured, in whatever order, however often, and wherever the service is started anew."""

from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.rules import ValueRule
from tests.alerts.figures import CHILDCARE
from tests.alerts.timeline import NOON, RULE, Said, Timeline, reading, rule

VALUES: list[Said] = [4.2, 4.4999, 4.5, 4.55, 4.6, 4.9, "no_data", "error"]


class Event(NamedTuple):
    """So many minutes after the one before: a reading (None: the clock goes on), told again so often, and
    whether the service is started anew then."""

    minutes: int
    value: Said | None
    repeats: int
    restart: bool
    correction: bool


events = st.lists(
    st.builds(
        Event,
        st.integers(0, 200),
        st.one_of(st.none(), st.sampled_from(VALUES)),
        st.integers(0, 2),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)
lengths = st.sampled_from(["0", "1h", "3h"])
# On an indicator: its standings are kept at rest too, and with them the version that was seen.
rules = st.builds(
    lambda length, keep: rule(ValueRule, indicator=CHILDCARE, for_=length, keep_firing=keep), lengths, lengths
)


def play(declared: ValueRule, story: list[Event], *, disturbed: bool) -> Timeline:
    line = Timeline.of(declared)
    minutes = 0
    for number, event in enumerate(story):
        minutes += event.minutes
        line.now = NOON + timedelta(minutes=minutes)
        line.keep(line.watch.tick(line.now))
        if event.value is not None:
            line.take(reading(event.value, number + 1, line.now, correction=event.correction))
        if disturbed:
            newest = next(iter(line.live.values()), None)
            for ago in range(event.repeats if newest else 0):  # the same again, or what was told before
                line.take(reading(4.2 if ago else 4.9, newest.version - ago, line.now))
            if event.restart:
                line.restart()
    return line


@given(rules, events)
@example(rule(ValueRule, indicator=CHILDCARE), [Event(0, 4.2, 0, True, False), Event(0, 4.2, 0, True, True)])
def test_repeats_older_versions_and_restarts_make_no_difference(
    declared: ValueRule, story: list[Event]
) -> None:
    calm, disturbed = (play(declared, story, disturbed=one) for one in (False, True))
    assert disturbed.whole_log == calm.whole_log
    assert [one.standing for one in disturbed.watch.entries] == [one.standing for one in calm.watch.entries]


@given(rules, events)
def test_every_change_is_one_that_the_table_allows(declared: ValueRule, story: list[Event]) -> None:
    line = play(declared, story, disturbed=False)
    allowed = {
        "ok": {"pending", "firing"},
        "pending": {"firing", "ok"},
        "firing": {"recovering", "resolved"},
        "recovering": {"firing", "resolved"},
        "resolved": {"pending", "firing"},
    }
    stood = "ok"
    for one in line.changes:
        stands = one.held or one.condition
        frozen = one.condition in ("no_data", "error")
        assert stands == stood if frozen else stands == stood or stands in allowed[stood]
        stood = stands
    moments = [one.changed_at for one in line.changes]
    assert moments == sorted(set(moments))


@given(rules, events)
def test_silence_never_resolves(declared: ValueRule, story: list[Event]) -> None:
    line = Timeline.of(declared)
    line.at("0h", 4.2)
    line.at("4h")
    before = line.log
    assert before[-1].endswith("firing")
    minutes = 240
    for event in story:
        minutes += event.minutes
        line.at(f"{minutes}m", "no_data" if event.restart else "error")
        if event.repeats:
            line.restart()
    assert {one.state for one in line.changes[len(before) :]} <= {"no_data", "error"}
    assert {one.held for one in line.changes[len(before) :]} <= {"firing"}


@given(rules, events)
def test_an_alert_lasts_as_long_as_was_asked_before_it_fires_and_before_it_ends(
    declared: ValueRule, story: list[Event]
) -> None:
    line = play(declared, [one._replace(correction=False) for one in story], disturbed=False)
    known: list[Any] = [one for one in line.changes if one.condition not in ("no_data", "error")]
    for before, after in pairwise(known):
        passed = after.changed_at - (before.began_at or before.changed_at)  # without the time it was frozen
        if (before.state, after.state) == ("pending", "firing"):
            assert passed >= declared.for_
        if (before.state, after.state) == ("recovering", "resolved"):
            assert passed >= declared.keep_firing
        if after.state == "firing" and before.state in ("ok", "resolved"):
            assert not declared.for_
        if after.state == "resolved" and before.state == "firing":
            assert not declared.keep_firing


@given(st.fractions(4, 5, max_denominator=10**30))
def test_the_boundary_is_exact(value: Any) -> None:
    line = Timeline.of(rule())
    line.at("0h", 4)
    line.at("1h", value)
    fresh = Timeline.of(rule(id=RULE))
    fresh.at("0h", value)
    assert bool(fresh.changes) == (value * 2 < 9)
    assert (line.changes[-1].state == "resolved") == (value * 5 >= 23)
