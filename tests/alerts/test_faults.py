"""A fault that nobody foresaw in one rule's evaluation: that rule is in error, all others go on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.alert import AlertChange
from schemas.declaration import Text
from schemas.indicator import Figure
from services.alerts import watch as watching
from services.alerts.rules import machine
from services.alerts.sources import indicator
from services.alerts.watch import Watch
from tests.alerts.figures import (
    AT_CLEAR,
    CHILDCARE_RULE,
    COUNTY,
    NURSING_RULE,
    PLAN,
    childcare,
    nursing,
)
from tests.alerts.service import WAIT_SECONDS, Site
from tests.alerts.timeline import RULE, Timeline, rule
from tests.support.waiting import eventually

NOON = datetime(2024, 5, 6, 4, tzinfo=UTC)
WHY = Text(zh="现在无法测量", en="cannot be measured now")
FAULTY: dict[str, tuple[Any, str, Callable[..., str]]] = {
    "read": (indicator, "reading", lambda rule, *_: str(rule.id)),
    "weighed": (machine, "weigh", lambda rule, *_: str(rule.id)),
    "told": (watching, "describe", lambda entry, *_, **__: str(entry.rule.id)),
}


def break_(monkeypatch: pytest.MonkeyPatch, step: str, name: str) -> None:
    """From now on a step of a rule's evaluation fails."""
    module, function, rule_of = FAULTY[step]
    works = getattr(module, function)

    def fails(*given: Any, **named: Any) -> Any:
        if rule_of(*given, **named) == name:
            raise ZeroDivisionError("by nought\nof all things")
        return works(*given, **named)

    monkeypatch.setattr(module, function, fails)


def take(watch: Watch, *figures: Figure) -> list[AlertChange]:
    return watch.take_figures(figures, lambda: NOON)


def state(watch: Watch, name: str) -> tuple[str, str]:
    [entry] = [one for one in watch.entries if one.rule.id == name]
    return entry.shown, entry.reason.en if entry.reason else ""


@pytest.mark.parametrize("step", FAULTY)
def test_of_two_rules_the_one_that_fails_is_in_error_and_holds_what_stands(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    watch = Watch(PLAN, "https://board.example")
    [fired] = take(watch, childcare(1_700, 1))
    with monkeypatch.context() as broken:
        break_(broken, step, CHILDCARE_RULE)
        changes = take(watch, childcare(AT_CLEAR, 2), nursing(10, 100, 2))
        told = [("error", CHILDCARE_RULE)] if step != "told" else []  # what cannot be told is in no log
        assert [(one.state, one.rule) for one in changes] == [*told, ("firing", NURSING_RULE)]
        shown, reason = state(watch, CHILDCARE_RULE)
        assert shown == "error"
        assert "ZeroDivisionError: by nought): see the log: the alert stays" in reason
        assert watch.firing == 2
        assert take(watch, childcare(AT_CLEAR, 2)) == []
    [over] = take(watch, childcare(AT_CLEAR, 3))
    assert (over.state, over.alert_id) == ("resolved", fired.alert_id)


def test_a_fault_when_a_duration_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Timeline.of(rule(for_="2h"), rule(id="other", for_="2h"))
    line.at("0h", 4.2)
    line.at("0h", 4.2, rule="other")
    with monkeypatch.context() as broken:
        break_(broken, "weighed", RULE)
        line.at("3h")
        line.at("4h")
    line.at("5h", 4.2)
    states = {name: [one.state for one in line.changes if one.rule == name] for name in (RULE, "other")}
    assert states == {RULE: ["pending", "error", "firing"], "other": ["pending", "firing"]}


def test_a_rule_that_cannot_be_measured_is_shown_though_nothing_stands() -> None:
    line = Timeline.of(rule(), rule(id="other"))
    line.at("0h", 4.2, rule="other", subject="x")
    changes = line.watch.fail([RULE, "other"], WHY, line.now)
    assert [(one.state, one.rule, one.subject) for one in changes] == [("error", "other", "x")]
    assert state(line.watch, RULE) == ("error", "cannot be measured now: no alert fires")
    assert line.watch.unmeasured == {RULE, "other"}
    assert line.watch.restless([RULE, "other"]) == {("other", COUNTY, "x")}
    line.watch.measured([RULE, "other"], [])
    assert {one.key for one in line.watch.entries} == {("other", COUNTY, "x")}
    assert line.watch.unmeasured == frozenset()


_BROKEN = """
from services.alerts.rules import machine
works = machine.weigh
def weigh(rule, standing, reading):
    if rule.id == "childcare_places_below_target":
        raise ZeroDivisionError("by nought")
    return works(rule, standing, reading)
machine.weigh = weigh
"""


def test_the_service_goes_on(site: Site) -> None:
    flag, run = site.program
    site.program = (flag, f"{_BROKEN}{run}")
    site.start()
    site.publish(childcare(1_700, 1), nursing(10, 100, 1))
    eventually(lambda: site.changes(NURSING_RULE), WAIT_SECONDS, "the other fires", until=bool)
    site.publish(childcare(1_700, 2), nursing(90, 100, 2))
    eventually(
        lambda: site.changes(NURSING_RULE), WAIT_SECONDS, "and resolves", until=lambda told: len(told) == 2
    )
    assert site.ready()
    shown = site.get(f"/v1/alerts?rule={CHILDCARE_RULE}").json()["alerts"]
    assert [(one["state"], "by nought" in one["reason"]) for one in shown] == [("error", True)]
    site.stop()
