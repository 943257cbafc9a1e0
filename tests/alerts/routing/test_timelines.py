"""Given alerts at given moments, these notices at those moments."""

from datetime import time

from services.alerts.routing.subscriber import QuietHours
from tests.alerts.routing.timeline import (
    DAY,
    HOUR,
    TOWNSHIP,
    Timeline,
    alert,
    at,
    change,
    person,
)


def test_a_first_one_waits_for_others_and_the_next_for_the_interval() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.until(20)
    line.fires("b")
    line.until(40)
    line.fires("c")
    line.until(100)
    line.ends("a")
    line.until(HOUR)
    assert line.heard_by() == [(30, "first", "+a +b"), (330, "new", "-a +c")]


def test_what_ends_before_the_wait_is_over_is_not_told() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.fires("b")
    line.until(29)
    line.ends("a")
    line.ends("b")
    line.until(DAY)
    assert line.told == []


def test_of_a_group_only_what_still_fires_is_told() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.fires("b")
    line.until(10)
    line.ends("a")
    line.until(HOUR)
    assert line.heard_by() == [(30, "first", "+b")]


def test_a_flap_within_the_interval_still_sends_its_all_clear() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.until(60)
    line.ends("a")
    line.until(70)
    line.fires("b", rule="a")  # the same rule again is another alert
    line.until(80)
    line.ends("b")
    line.until(HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (330, "resolved", "-a")]


def test_what_fired_beyond_the_wait_is_told_even_if_it_is_over_when_the_interval_is() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.until(60)
    line.fires("b")
    line.until(120)
    line.ends("b")
    line.until(HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (330, "new", "+b -b")]


def test_critical_news_waits_for_no_other() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.until(40)
    line.fires("b", severity="critical")
    line.until(HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (70, "first", "+b")]


def test_repeats_come_exactly_when_asked_for() -> None:
    line = Timeline([person(repeat_interval=4 * HOUR)])
    line.fires("a")
    line.until(100)
    line.fires("b")
    line.until(9 * HOUR)
    assert line.heard_by() == [
        (30, "first", "+a"),
        (330, "new", "+b"),
        (4 * HOUR + 30, "repeat", "a"),
        (4 * HOUR + 330, "repeat", "b"),
        (8 * HOUR + 30, "repeat", "a"),
        (8 * HOUR + 330, "repeat", "b"),
    ]


def test_an_acknowledged_alert_is_not_repeated_and_its_end_is_told() -> None:
    line = Timeline([person(repeat_interval=HOUR)])
    line.fires("a")
    line.until(HOUR)
    line.acknowledge("a")
    line.until(5 * HOUR)
    line.ends("a")
    line.until(6 * HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (5 * HOUR, "resolved", "-a")]


def test_quiet_hours_keep_it_until_their_end_but_for_what_is_critical() -> None:
    quiet = QuietHours(begin=time(12), end=time(14))
    line = Timeline([person(quiet=quiet)])
    line.fires("a")
    line.fires("b", severity="critical")
    line.until(HOUR)
    line.fires("c")
    line.until(HOUR + 600)
    line.ends("c")
    line.until(DAY)
    assert line.heard_by() == [(30, "first", "+b"), (2 * HOUR, "first", "+a +c -c")]
    assert line.muted == [(30, "ann", "+a"), (HOUR + 30, "ann", "+c")]


def test_a_digest_comes_once_a_day_with_what_was_and_what_still_is() -> None:
    line = Timeline([person(mode="digest", digest_at=time(18))])
    line.fires("a")
    line.fires("b")
    line.until(HOUR)
    line.ends("b")
    line.until(7 * HOUR)
    line.fires("c", severity="critical")
    line.until(7 * HOUR + 60)
    line.ends("c")
    line.until(2 * DAY)
    line.ends("a")
    line.until(5 * DAY)
    assert line.heard_by() == [
        (6 * HOUR, "digest", "+a +b -b"),
        (7 * HOUR + 30, "first", "+c"),
        (7 * HOUR + 330, "resolved", "-c"),
        (6 * HOUR + DAY, "digest", "+a"),
        (6 * HOUR + 2 * DAY, "digest", "-a"),
    ]


def test_a_silence_freezes_and_its_end_tells_what_still_fires() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.fires("d")
    line.until(100)
    line.silence(2 * HOUR, rules=["a", "b", "c", "d"])
    line.fires("b")
    line.fires("c")
    line.until(HOUR)
    line.ends("c")
    line.ends("d")
    line.until(3 * HOUR)
    assert line.heard_by() == [(30, "first", "+a +d"), (2 * HOUR + 100, "new", "+a -d +b")]
    assert line.muted == [(130, "ann", "+b +c"), (HOUR, "ann", "-d")]


def test_the_countys_alert_mutes_its_townships_for_who_wants_it() -> None:
    line = Timeline([person(mute_townships=True), person("bob")])
    line.fires("county", rule="r")
    line.fires("town", rule="r", division=TOWNSHIP)
    line.fires("a", rule="other", division=TOWNSHIP)
    line.until(HOUR)
    line.ends("county")
    line.until(2 * HOUR)
    assert line.heard_by() == [(30, "first", "+county +a"), (HOUR, "new", "-county +town")]
    assert line.heard_by("bob") == [(30, "first", "+county +town +a"), (HOUR, "resolved", "-county")]


def test_what_is_inhibited_is_told_once_it_is_no_longer() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.fires("b")
    line.fires("c")
    for name in "bc":
        line.says(name, "firing", state="inhibited")
    line.until(HOUR)
    line.ends("c")
    line.restart()
    line.until(2 * HOUR)
    line.says("b", "firing")
    line.until(3 * HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (2 * HOUR, "new", "+b")]
    assert line.muted == [(30, "ann", "+b +c")]


def test_nobody_acknowledges_and_the_next_one_hears() -> None:
    boss = person("boss", rules=["none"])
    line = Timeline([person(escalate_to="boss", escalate_after=HOUR), boss])
    line.fires("a")
    line.fires("b")
    line.until(600)
    line.acknowledge("b")
    line.until(2 * HOUR)
    line.restart()
    line.until(3 * HOUR)
    line.ends("a")
    line.until(4 * HOUR)
    assert line.heard_by("boss") == [(HOUR + 30, "escalation", "+a"), (3 * HOUR, "resolved", "-a")]


def test_missing_data_of_a_firing_alert_is_told_and_its_return_is_not() -> None:
    line = Timeline([person()])
    line.says("b", "no_data", held="ok")
    line.fires("a")
    line.until(600)
    line.says("a", "no_data")
    line.until(700)
    line.says("a", "firing")
    line.until(HOUR)
    line.says("a", "no_data")
    line.until(2 * HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (600, "new", "?a"), (HOUR, "new", "?a")]


def test_a_correction_is_told_to_who_had_heard() -> None:
    line = Timeline([person(), person("bob", hears=["firing", "resolved"])])
    line.fires("a")
    line.until(60)
    line.says("a", "firing", correction=True)
    line.until(HOUR)
    line.ends("a")
    line.until(2 * HOUR)
    line.ends("a", correction=True)
    line.until(3 * HOUR)
    assert line.heard_by() == [
        (30, "first", "+a"),
        (330, "correction", "+a"),
        (HOUR, "resolved", "-a"),
        (2 * HOUR, "correction", "-a"),
    ]
    assert line.heard_by("bob") == [(30, "first", "+a"), (HOUR, "resolved", "-a")]


def test_an_alert_that_had_not_ended_after_all_begins_again() -> None:
    line = Timeline([person()])
    line.fires("a")
    line.until(600)
    line.ends("a")
    line.until(HOUR)
    line.fires("a", correction=True)
    line.restart()
    line.until(2 * HOUR)
    assert line.heard_by() == [(30, "first", "+a"), (600, "resolved", "-a"), (HOUR + 30, "first", "+a")]


def test_systems_hear_each_by_itself_or_every_change() -> None:
    log, webhook = person("log", mode="every", rules=["none"]), person("webhook", mode="each")
    line = Timeline([log, webhook])
    line.says("a", "pending")
    line.fires("a")
    line.fires("b")
    line.says("a", "recovering")
    line.ends("a")
    line.restart()
    assert [why for _second, why, _names in line.heard_by("webhook")] == ["first", "first", "resolved"]
    assert [one.state for one in line.every] == ["pending", "firing", "firing", "recovering", "resolved"]
    assert [one.alert_id for one in line.every][:2] == [alert("a")] * 2


def test_what_came_and_went_in_one_breath_is_two_notices_for_a_system() -> None:
    line = Timeline([person("webhook", mode="each")])
    line.named.add("a")
    line.router.hear([(change("a", "firing", 1), at(0)), (change("a", "resolved", 2), at(0))])
    line.tick()
    assert line.heard_by("webhook") == [(0, "first", "+a"), (0, "resolved", "-a")]


def test_a_new_subscriber_hears_what_fires_and_not_what_is_over() -> None:
    line = Timeline([])
    line.fires("a")
    line.fires("b")
    line.until(HOUR)
    line.ends("b")
    line.until(2 * HOUR)
    line.subscribers = [person(created_at=at(2 * HOUR))]
    line.orders()
    assert line.heard_by() == [(2 * HOUR, "first", "+a")]
