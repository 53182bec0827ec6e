"""Timing, of calls that are known to differ."""

import time

import torch

from ecglib.bench_timing import medians, versus

CPU = torch.device("cpu")


def test_calls_take_turns_after_one_to_warm_up():
    calls = []
    times = medians(2, CPU, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert len(times) == 2 and min(times) > 0


def test_times_are_milliseconds_and_the_first_does_not_count():
    naps = iter([0.3, 0.01])
    (taken,) = medians(1, CPU, lambda: time.sleep(next(naps)))
    assert 10 <= taken < 300


def test_pytorchs_layers_are_timed_by_the_better_setting():
    def theirs() -> None:
        time.sleep(0.2 if torch.backends.mkldnn.enabled else 0.01)

    before = torch.backends.mkldnn.enabled
    baseline, ours = versus(1, CPU, theirs, lambda: time.sleep(0.05))
    assert baseline < 200
    assert ours >= 50
    assert torch.backends.mkldnn.enabled == before
