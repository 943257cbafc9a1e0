"""Limits of addresses: no receiver ever sees more than it takes, whenever it is sent to and however long that
takes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.channels import Limits, Rate
from services.alerts.channels.dingtalk import DingTalk
from services.alerts.channels.feishu import Feishu
from services.alerts.channels.wecom import WeCom
from services.alerts.doors import Door

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RATES = st.lists(
    st.builds(Rate, st.integers(1, 6), st.sampled_from([1.0, 5.0, 60.0])), min_size=1, max_size=2
)
SENDS = st.lists(
    st.tuples(
        st.floats(0, 40),  # seconds until somebody wants to send
        st.floats(0, 10),  # seconds the attempt takes
        st.floats(0, 1),  # when within them it arrives
        st.sampled_from([0.0, 0.0, 0.0, 5.0, 90.0]),  # seconds the receiver wants nothing
    ),
    max_size=40,
)


@given(rates=RATES, sends=SENDS, restart=st.integers(0, 40))
def test_no_period_sees_more_than_its_rate(
    rates: list[Rate], sends: list[tuple[float, float, float, float]], restart: int
) -> None:
    limits = Limits(rates=tuple(rates))
    door, now, closed = Door("a", limits), NOW, NOW
    arrivals: list[datetime] = []
    ends: list[datetime] = []
    for number, (idle, takes, when, asked) in enumerate(sends):
        if number == restart:  # the ledger knows when the attempts ended, not what was asked
            door, closed = Door("a", limits, ends), NOW
        now += timedelta(seconds=idle)
        now += timedelta(seconds=door.wait(now))
        assert door.wait(now) == pytest.approx(0, abs=1e-5)
        now += timedelta(seconds=door.wait(now))
        assert now >= closed
        arrivals.append(now + timedelta(seconds=takes * when))
        now += timedelta(seconds=takes)
        ends.append(now)
        door.sent(now, asked)
        closed = now + timedelta(seconds=asked)
    for rate in rates:
        for first, last in zip(arrivals, arrivals[rate.number :], strict=False):
            assert last - first >= timedelta(seconds=rate.seconds) - timedelta(microseconds=5)


def test_a_burst_is_not_slowed_down_before_the_limit() -> None:
    door, now = Door("a", Limits(rates=(Rate(20, 60),))), NOW
    for _ in range(20):
        assert door.wait(now) == 0
        door.sent(now)
    assert door.wait(now) == 60
    assert door.wait(now + timedelta(seconds=59)) == 1


@given(seconds=st.floats(0, 2 * 86_400), address=st.text(max_size=5))
def test_feishu_is_left_alone_at_whole_and_half_hours(seconds: float, address: str) -> None:
    door, now = Door(address, Feishu.limits), NOW + timedelta(seconds=seconds)
    wait = door.wait(now)
    then = now + timedelta(seconds=wait)
    assert then.minute % 30 != 0
    assert 0 <= wait <= 90
    if now.minute % 30 > 1:
        assert wait == 0


def test_robots_do_not_all_begin_in_the_same_second() -> None:
    whole = datetime(2026, 1, 2, 10, tzinfo=UTC)
    waits = {Door(f"robot-{number}", Feishu.limits).wait(whole) for number in range(200)}
    assert len(waits) > 20


@given(back=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_clock_that_is_set_back_blocks_nobody_for_long(back: timedelta) -> None:
    door = Door("a", Limits(rates=(Rate(1, 60),)))
    door.sent(NOW, 600)
    assert door.wait(NOW - back) <= 600


def test_the_robots_limits_are_those_they_publish() -> None:
    assert WeCom.limits == Limits(bytes=4096, rates=(Rate(20, 60),))
    assert DingTalk.limits == Limits(bytes=20_000, rates=(Rate(20, 60),))
    assert Feishu.limits == Limits(bytes=20_000, rates=(Rate(100, 60), Rate(5, 1)), avoids_half_hours=True)
