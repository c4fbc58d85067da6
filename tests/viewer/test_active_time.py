"""Work is counted by gestures: a pause counts little, and a sleeping computer nothing more."""

from __future__ import annotations

from hubmap_viewer.active_time import IDLE, ActiveTime


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_between_gestures_counts() -> None:
    clock = Clock()
    active = ActiveTime(clock)
    for _ in range(4):
        clock.now += 5
        active.mark()
    assert active.take() == 20.0
    assert active.take() == 0.0


def test_a_long_pause_counts_as_a_short_one() -> None:
    clock = Clock()
    active = ActiveTime(clock)
    clock.now += 5
    active.mark()
    clock.now += 8 * 3600
    assert active.take() == 5 + IDLE


def test_another_case_begins_at_nothing() -> None:
    clock = Clock()
    active = ActiveTime(clock)
    clock.now += 9
    active.restart()
    clock.now += 2
    assert active.take() == 2.0
