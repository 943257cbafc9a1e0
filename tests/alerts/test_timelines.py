"""Timelines: what is measured when, and which changes follow when. The table is in docs/alerts.md."""

from uuid import UUID

from schemas.declaration import Text
from schemas.rules import FeedSilentRule, ValueRule
from services.alerts.entry import Laid
from tests.alerts.figures import CHILDCARE
from tests.alerts.timeline import RULE, Timeline, rule

WHY = Text(zh="检修", en="repairs")


def test_without_durations_it_fires_at_once_and_resolves_at_the_clear_level() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.5)
    line.at("1h", 4.49)
    line.at("2h", 4.2)
    line.at("3h", 4.59)
    line.at("4h", 4.6)
    line.at("5h", 4.55)
    assert line.log == ["1h firing", "4h resolved"]
    assert len({one.alert_id for one in line.changes}) == 1


def test_it_fires_once_it_has_been_broken_for_so_long_without_a_new_reading() -> None:
    line = Timeline.of(rule(for_="2h"))
    line.at("0h", 4.2)
    line.at("119m")
    assert line.log == ["0h pending"]
    line.at("121m")  # noticed a minute late, dated by the moment
    line.at("5h")
    assert line.log == ["0h pending", "2h firing"]
    assert line.changes[1].before == "pending"


def test_what_does_not_last_is_no_alert() -> None:
    line = Timeline.of(rule(for_="2h"))
    line.at("0h", 4.2)
    line.at("1h", 4.5)  # not broken, though not at the clear level
    line.at("3h", 4.2)
    line.at("4h", 4.7)
    assert line.log == ["0h pending", "1h ok", "3h pending", "4h ok"]
    assert len({one.alert_id for one in line.changes}) == 2


def test_it_resolves_once_it_has_been_clear_for_so_long() -> None:
    line = Timeline.of(rule(keep_firing="2h"))
    line.at("0h", 4.2)
    line.at("1h", 4.7)
    line.at("2h", 4.55)  # good, but short of the clear level
    line.at("3h", 4.7)
    line.at("4h", 4.8)
    line.at("6h")
    assert line.log == ["0h firing", "1h recovering", "2h firing", "3h recovering", "5h resolved"]
    assert len({one.alert_id for one in line.changes}) == 1


def test_silence_never_resolves_and_its_time_does_not_count() -> None:
    line = Timeline.of(rule(for_="2h", keep_firing="2h"))
    line.at("0h", 4.2)
    line.at("1h", "no_data")
    line.at("9h")  # an hour of two was over when the data ended
    line.at("10h", 4.1)
    line.at("650m")
    assert line.log == ["0h pending", "1h no_data", "10h pending"]
    line.at("11h")
    line.at("12h", 4.9)
    line.at("13h", "error")
    line.at("14h", "no_data")
    line.at("20h", 4.9)
    line.at("22h")
    assert line.log[3:] == [
        "11h firing",
        "12h recovering",
        "13h error",
        "14h no_data",
        "20h recovering",
        "21h resolved",
    ]
    assert [one.held for one in line.changes if one.state in ("no_data", "error")] == [
        "pending",
        "recovering",
        "recovering",
    ]


def test_no_data_from_the_start_is_no_change() -> None:
    line = Timeline.of(rule())
    line.at("0h", "no_data")
    line.at("1h", 4.9)
    line.at("2h", "error")
    assert line.log == []


def test_of_what_there_has_never_been_data_is_shown_while_that_is_said() -> None:
    line = Timeline.of(rule(), rule(id="other"))
    line.at("0h", "no_data", subject="feed")
    line.at("0h", 4.2, subject="shop")
    [shown] = [one for one in line.watch.entries if one.subject == "feed"]
    assert (shown.shown, line.watch.restless([RULE])) == ("no_data", {one.key for one in line.watch.entries})
    line.watch.measured(["other"], [])
    line.watch.measured([RULE], [shown.key])
    assert len(line.watch.entries) == 2
    line.at("1h", 4.9, subject="feed")
    assert [one.subject for one in line.watch.entries] == ["shop"]
    line.at("2h", "no_data", subject="feed")
    line.watch.measured([RULE], [])
    assert [one.subject for one in line.watch.entries] == ["shop"]
    assert line.log == ["0h firing"]


def test_reasons_say_what_was_measured_and_what_follows() -> None:
    line = Timeline.of(rule(for_="2h", keep_firing="1d"))
    for when, value in (("0h", 4.2), ("2h", None), ("3h", 4.55), ("4h", 4.6), ("5h", "no_data"), ("6h", 4.6)):
        line.at(when, value)  # type: ignore[arg-type]  # one of what is measured
    line.at("40h")
    assert [one.reason.en for one in line.changes] == [
        "4.20 places is below 4.5, by 0.30: an alert once it has been so for 2h",
        "4.20 places is below 4.5, by 0.30, for 2h by now",
        "4.60 places is not below 4.6 (the clear level): resolved once it has been so for 1d",
        "no data: its time stands still, it is not resolved",
        "4.60 places is not below 4.6 (the clear level): resolved once it has been so for 1d",
        "4.60 places is not below 4.6 (the clear level) for 1d by now: resolved",
    ]
    assert [one.reason.zh for one in line.changes] == [
        "4.20 个，低于 4.5，相差 0.30，持续 2 小时后告警",
        "4.20 个，低于 4.5，相差 0.30，已持续 2 小时",
        "4.60 个，不低于 4.6（解除线），保持 1 天后解除",
        "数据不全：计时暂停，不解除",
        "4.60 个，不低于 4.6（解除线），保持 1 天后解除",
        "4.60 个，不低于 4.6（解除线），已保持 1 天，告警解除",
    ]
    [held] = [one for one in line.watch.entries if one.rule.id == RULE]
    assert held.reason is not None


def test_a_repeat_and_an_older_version_change_nothing() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.2)
    line.at("1h", 4.9)
    newest = next(iter(line.live.values()))
    line.version = 0
    line.at("2h", 4.1)
    line.take(newest)
    assert line.log == ["0h firing", "1h resolved"]


def test_subjects_of_one_division_stand_apart_and_those_at_rest_are_not_kept() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.2, subject="shop-1")
    for number in range(2, 50):
        line.at("0h", 4.9, subject=f"shop-{number}")
    assert [(one.subject, one.state) for one in line.changes] == [("shop-1", "firing")]
    assert [one.subject for one in line.watch.entries] == ["shop-1"]
    line.at("1h", 4.9, subject="shop-1")
    assert line.changes[-1].state == "resolved"


def test_a_revision_of_what_was_sent_is_a_marked_correction() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.2)
    line.at("1h", 4.3, correction=True)
    line.at("2h", 4.1)
    line.at("3h", 4.8, correction=True)
    line.at("4h", 4.7, correction=True)  # over, and still good: nothing that was sent is wrong
    assert line.log == ["0h firing", "1h firing (correction)", "3h resolved (correction)"]
    assert line.changes[1].shown == "4.30"
    assert line.changes[1].reason.zh.startswith("更正：")


def test_who_is_told_later_is_told_the_figure_it_fires_on_then() -> None:
    line = Timeline.of(rule())
    [fired] = line.at("0h", 4.2)
    assert line.watch.as_it_stands(fired) == fired
    line.at("60d", 3.9)
    now = line.watch.as_it_stands(fired)
    assert (now.shown, now.gap, now.value, now.reason.en) == (
        "3.90",
        "-0.60",
        3.9,
        "3.90 places is below 4.5, by 0.60",
    )
    unchanged = {"alert_id", "state", "before", "condition", "changed_at", "rule", "division", "threshold"}
    assert now.model_dump(include=unchanged) == fired.model_dump(include=unchanged)
    line.restart()
    assert line.watch.as_it_stands(fired) == now
    line.at("61d", "no_data")
    assert line.watch.as_it_stands(fired) == fired, "nobody knows how it stands"
    line.at("62d", 4.7)
    [again] = line.at("63d", 4.1)
    assert line.watch.as_it_stands(fired) == fired, "it is over, and another has begun"
    assert line.watch.as_it_stands(again) == again


def test_who_is_told_while_it_recovers_is_told_that() -> None:
    line = Timeline.of(rule(keep_firing="30d"))
    [fired] = line.at("0h", 4.2)
    line.at("60d", 4.7)
    now = line.watch.as_it_stands(fired)
    assert (now.shown, now.state, now.changed_at) == ("4.70", "recovering", fired.changed_at)


def test_what_was_corrected_is_told_as_that_for_a_day() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.2)
    [corrected] = line.at("2h", 4.1, correction=True)
    line.at("3h", 4.0)
    assert line.watch.as_it_stands(corrected) == corrected
    line.at("27h", 3.9)
    now = line.watch.as_it_stands(corrected)
    assert (now.shown, now.correction) == ("3.90", False)


def test_a_revision_before_anything_was_sent_is_news_like_any_other() -> None:
    line = Timeline.of(rule(for_="1h"))
    line.at("0h", 4.2, correction=True)
    line.at("1h")
    assert line.log == ["0h pending", "1h firing"]


def test_what_is_laid_over_an_alert_is_shown_but_changes_nothing_beneath() -> None:
    line = Timeline.of(rule(keep_firing="1h"))
    [fired] = line.at("0h", 4.2)
    line.at("1h")
    acknowledged = {fired.alert_id: Laid(WHY, "Li")}
    line.lay("acknowledged", acknowledged)
    line.lay("acknowledged", acknowledged)
    line.at("2h")
    line.lay("silenced", {fired.alert_id: Laid(WHY, "Wang")})
    line.at("3h", 4.1)
    line.at("4h")
    line.lay("silenced", {})
    line.at("5h")
    line.lay("acknowledged", {})
    assert line.log == ["0h firing", "1h acknowledged", "2h silenced", "4h acknowledged", "5h firing"]
    assert [one.by for one in line.changes] == ["", "Li", "Wang", "Li", ""]
    assert {one.condition for one in line.changes} == {"firing"}
    line.lay("silenced", {fired.alert_id: Laid(WHY, "Wang"), UUID(int=1): Laid(WHY)})
    line.at("6h", 4.9)
    line.at("7h")
    assert line.log[-2:] == ["6h recovering", "7h resolved"]


def test_what_is_laid_over_an_alert_outlives_a_restart() -> None:
    line = Timeline.of(rule())
    [fired] = line.at("0h", 4.2)
    line.lay("silenced", {fired.alert_id: Laid(WHY, "Wang")})
    line.restart()
    line.lay("acknowledged", {fired.alert_id: Laid(WHY, "Li")})
    line.lay("silenced", {fired.alert_id: Laid(WHY, "Wang")})
    assert [one.state for one in line.changes] == ["firing", "silenced"]
    line.lay("silenced", {})
    assert line.changes[-1].state == "acknowledged"


def test_a_rule_that_fires_inhibits_those_it_names_there_and_below() -> None:
    above = rule(id="above", inhibits=["below"])
    below = rule(id="below", levels=["county", "township"])
    line = Timeline.of(above, below)
    line.at("0h", 4.2, rule="below", division="532622101")
    line.at("1h", 4.2, rule="above")
    line.at("2h", 4.2, rule="below", division="532622102")
    line.at("3h", 4.9, rule="above")
    said = [(one.rule, one.division[6:], one.state) for one in line.changes]
    assert said == [
        ("below", "101", "firing"),
        ("above", "", "firing"),
        ("below", "101", "inhibited"),
        ("below", "102", "firing"),
        ("below", "102", "inhibited"),
        ("above", "", "resolved"),
        ("below", "101", "firing"),
        ("below", "102", "firing"),
    ]


def test_a_rule_that_is_gone_ends_its_alert_and_says_so() -> None:
    line = Timeline.of(rule())
    line.at("0h", 4.2)
    gone = Timeline.of(rule(id="another"))
    gone.changes = line.changes
    gone.restart()
    assert gone.log == ["0h firing", "0h resolved"]
    assert "no longer declared" in gone.changes[-1].reason.en
    gone.restart()
    assert len(gone.changes) == 2


def test_a_rule_that_became_another_is_weighed_anew_by_what_is_known() -> None:
    line = Timeline.of(rule(for_="1d"))
    line.at("0h", 4.2)
    line.plan = Timeline.of(rule()).plan
    line.restart()
    assert line.log == ["0h pending", "0h firing"]
    assert line.changes[0].rule_version != line.changes[1].rule_version


FEED = "health-bureau/facility"


def silence_and_value() -> Timeline:
    """A feed that may fall silent, and a rule on a figure that depends on it."""
    return Timeline.of(
        FeedSilentRule(id="silent", name=WHY),
        rule(ValueRule, indicator=CHILDCARE, for_="2h"),
        unreliable={FEED: [CHILDCARE]},
    )


def silent(line: Timeline, when: str, *, now: bool) -> None:
    line.at(when, 4.2 if now else 4.9, rule="silent", subject=FEED)


def states(line: Timeline) -> list[tuple[str, str]]:
    return [(said, one.rule) for said, one in zip(line.log, line.changes, strict=True)]


def test_a_silent_feed_freezes_and_inhibits_what_depends_on_it_until_it_is_heard_again() -> None:
    line = silence_and_value()
    line.at("0h", 4.2)
    line.at("2h")
    silent(line, "3h", now=True)
    line.at("4h", 4.9)  # a figure that nobody can rely on
    line.restart()
    line.at("5h", 4.8)
    silent(line, "6h", now=False)
    assert states(line) == [
        ("0h pending", RULE),
        ("2h firing", RULE),
        ("3h firing", "silent"),
        ("3h inhibited", RULE),
        ("6h resolved", "silent"),
        ("6h resolved", RULE),
    ]
    frozen = line.changes[3]
    assert (frozen.condition, frozen.held) == ("no_data", "firing")
    assert "is silent" in frozen.reason.en


def test_nothing_fires_by_figures_whose_feed_is_silent() -> None:
    line = silence_and_value()
    line.at("0h", 4.2)
    silent(line, "1h", now=True)
    line.at("9h", 4.1)
    assert states(line) == [("0h pending", RULE), ("1h firing", "silent"), ("1h no_data", RULE)]
    silent(line, "10h", now=False)
    line.at("11h")
    assert states(line)[3:] == [("10h resolved", "silent"), ("10h pending", RULE), ("11h firing", RULE)]


def test_a_figure_that_is_good_again_after_a_silence_resolves_only_by_what_is_heard_then() -> None:
    line = silence_and_value()
    line.at("0h", 4.2)
    line.at("2h")
    silent(line, "3h", now=True)
    silent(line, "4h", now=False)
    assert states(line)[-1] == ("4h firing", RULE)
    line.at("5h", 4.9)
    assert states(line)[-1] == ("5h resolved", RULE)
