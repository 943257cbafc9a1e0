"""Figures at given moments of an injected clock, and the changes that follow."""

from datetime import UTC, datetime, timedelta

from schemas.alert import AlertChange
from schemas.indicator import Figure
from services.alerts.entry import Logged
from services.alerts.watch import Watch
from tests.alerts.figures import AT_CLEAR, AT_TARGET, COUNTY, PLAN, childcare, without_value
from tests.alerts.timeline import logged_of

BOARD = "https://board.example"
NOON = datetime(2024, 5, 6, 4, tzinfo=UTC)


class Figures:
    """A watch that takes figures, under a clock that the test moves."""

    def __init__(self, *logged: Logged) -> None:
        self.watch = Watch(PLAN, BOARD, logged)
        self.time: datetime | None = NOON

    def at(self, minutes: int, figure: Figure) -> list[tuple[str, datetime]]:
        self.time = NOON + timedelta(minutes=minutes)
        return [(change.state, change.changed_at) for change in self.take(figure)]

    def take(self, figure: Figure) -> list[AlertChange]:
        return self.watch.take(figure, lambda: self.time)


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


def test_a_day_of_figures() -> None:
    timeline = Figures()
    assert timeline.at(0, without_value(childcare(0, 1), "no_data")) == []
    assert timeline.at(1, childcare(AT_TARGET, 2)) == []
    assert timeline.at(2, childcare(1_700, 3)) == [("firing", minute(2))]
    assert timeline.at(3, childcare(1_600, 4)) == []
    assert timeline.at(4, childcare(1_600, 4)) == []
    assert timeline.at(5, childcare(1_815, 5)) == []
    assert timeline.at(6, without_value(childcare(0, 6), "no_data")) == [("no_data", minute(6))]
    assert timeline.at(7, childcare(AT_CLEAR, 7)) == [("resolved", minute(7))]
    assert timeline.at(8, childcare(1_815, 8)) == []
    assert timeline.at(9, childcare(1_799, 9)) == [("firing", minute(9))]
    assert timeline.at(10, childcare(2_000, 3)) == []  # an older version is a repeat
    assert timeline.at(11, childcare(2_000, 10)) == [("resolved", minute(11))]


def test_an_episode_has_one_id_and_the_next_another() -> None:
    timeline = Figures()
    ids = [
        change.alert_id
        for version, places in enumerate([1_700, 2_000, 1_700, 2_000])
        for change in timeline.take(childcare(places, version))
    ]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_change_decided_again_after_a_crash_has_the_same_id() -> None:
    [first] = Figures().take(childcare(1_700, 5))
    [again] = Figures().take(childcare(1_700, 5))
    assert first.alert_id == again.alert_id


def test_a_restart_neither_repeats_nor_forgets() -> None:
    [fired] = Figures().take(childcare(1_700, 5))
    after = Figures(*logged_of([fired]))
    assert after.take(childcare(1_700, 5)) == []
    assert after.take(childcare(1_815, 6)) == []
    [resolved] = after.take(childcare(2_000, 7))
    assert (resolved.state, resolved.alert_id) == ("resolved", fired.alert_id)


def test_the_order_of_changes_does_not_hang_on_the_clock() -> None:
    timeline = Figures()
    moments = [
        timeline.at(minutes, childcare(places, version))[0][1]
        for version, (minutes, places) in enumerate([(5, 1_700), (5, 2_000), (1, 1_700)])
    ]
    assert moments == sorted(set(moments))


def test_before_the_clock_knows_the_time_the_figure_does() -> None:
    timeline = Figures()
    timeline.time = None
    figure = childcare(1_700, 1)
    [change] = timeline.take(figure)
    assert change.changed_at == figure.updated_at


def test_a_change_is_a_whole_snapshot() -> None:
    [change] = Figures().take(childcare(1_700, 1))
    assert (change.shown, change.gap, change.value) == ("4.25", "-0.25", 4.25)
    assert (change.owner, change.division_name) == ("县卫生健康局", "砚山县")
    assert change.link == f"{BOARD}/#childcare_places_per_1000/{COUNTY}"


def test_figures_nobody_watches_are_passed_over() -> None:
    township = childcare(10, 1).model_copy(update={"division": "532622101"})
    assert Figures().take(township) == []
    assert Figures().take(childcare(10, 1).model_copy(update={"indicator": "unknown"})) == []
