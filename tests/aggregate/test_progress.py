"""When something counts as stuck: by how far it has come, and only while something waits for it."""

from services.aggregate.progress import Progress, Standing, Unmoved


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(*looks: tuple[float, int, int], seconds: float = 10) -> list[Unmoved]:
    """What is unmoved after looks at (time, position, end)."""
    clock = Clock()
    progress = Progress(clock)
    for clock.now, position, end in looks:
        progress.look({"t/0": Standing(position, end)})
    return progress.unmoved(seconds)


def test_what_waits_and_does_not_move_is_unmoved_from_the_first_look_on() -> None:
    assert seen((0, 5, 9), (4, 5, 9)) == []
    assert seen((0, 5, 9), (4, 5, 9), (10, 5, 12)) == [Unmoved("t/0", Standing(5, 12), 10)]


def test_any_step_begins_anew() -> None:
    assert seen((0, 5, 9), (9, 6, 9), (18, 6, 9)) == []


def test_a_partition_that_is_done_waits_for_nothing_and_is_measured_from_the_next_record_on() -> None:
    assert seen((0, 9, 9), (1000, 9, 9)) == []
    assert seen((0, 9, 9), (1000, 9, 10), (1009, 9, 10)) == []
    assert len(seen((0, 9, 9), (1000, 9, 10), (1010, 9, 10))) == 1


def test_what_is_no_longer_looked_at_is_forgotten() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.look({"t/0": Standing(0, 1), "t/1": Standing(0, 1)})
    clock.now = 10
    progress.look({"t/1": Standing(0, 1)})
    assert [one.name for one in progress.unmoved(10)] == ["t/1"]


def test_a_reason_for_not_moving_begins_anew() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.look({"t/0": Standing(0, 1), "t/1": Standing(0, 1)})
    clock.now = 10
    progress.excuse("t/0")
    assert [one.name for one in progress.unmoved(10)] == ["t/1"]
    progress.excuse()
    assert progress.unmoved(10) == []
    assert len(progress.unmoved(0)) == 2
