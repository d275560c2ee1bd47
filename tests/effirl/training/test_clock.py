"""Seconds by what they are spent on."""

import pytest

from effirl.training import clock
from effirl.training.clock import Clock


def test_inner_time_counts_for_the_inner_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    watch = Clock()
    now[0] = 5.0
    with watch.measure("update"):
        now[0] += 1.0
        with watch.measure("generation"):
            now[0] += 10.0
        now[0] += 2.0
        with watch.measure("reward"):
            now[0] += 20.0
    now[0] += 100.0
    with watch.measure("update"):
        now[0] += 0.5
    assert watch.pop() == {
        "seconds/update": 3.5,
        "seconds/generation": 10.0,
        "seconds/reward": 20.0,
    }
    assert watch.pop() == {}
