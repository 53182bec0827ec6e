"""Peaks of many lines at once are those that SciPy finds in each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import find_peaks

from ecglib.peaks import highest, kept_apart, local_peaks, prominences

# Few values make plateaus, ties, flat lines and peaks at the ends.
LINES = st.tuples(st.integers(1, 6), st.integers(2, 40)).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(0, 3).map(float))
)


@given(LINES)
def test_local_peaks_and_their_prominences_are_scipys(lines):
    peaks = local_peaks(lines)
    found = prominences(lines, peaks)
    for i, line in enumerate(lines):
        places, shape = find_peaks(line, prominence=0)
        mine = peaks.line == i
        assert peaks.place[mine].tolist() == places.tolist()
        assert peaks.height[mine].tolist() == line[places].tolist()
        assert found[mine].tolist() == shape["prominences"].tolist()


@given(LINES)
def test_the_highest_peak_is_the_first_of_equals_or_the_highest_sample(lines):
    for line, place in zip(lines, highest(lines, local_peaks(lines)), strict=True):
        peaks, _ = find_peaks(line)
        assert place == (peaks[np.argmax(line[peaks])] if len(peaks) else np.argmax(line))


@given(st.integers(1, 6), st.integers(3, 60), st.integers(1, 20), st.integers(0, 2**20))
def test_of_peaks_near_each_other_those_stay_that_stay_in_scipy(count, samples, distance, seed):
    lines = np.random.default_rng(seed).normal(size=(count, samples))
    peaks = local_peaks(lines)
    stays, behind = kept_apart(peaks, distance)
    for i, line in enumerate(lines):
        expected, _ = find_peaks(line, distance=distance)
        assert peaks.place[stays & (peaks.line == i)].tolist() == expected.tolist()
    assert (behind > 0).all()


def test_a_tie_of_peaks_near_each_other_is_told():
    lines = np.array([[0, 2, 0, 2, 0, 0, 0, 1, 0.0], [0, 2, 0, 1, 0, 0, 0, 0, 0]])
    stays, behind = kept_apart(local_peaks(lines), 3)
    assert stays.sum() == 3
    assert sorted(behind) == [0, 1, np.inf, np.inf, np.inf]


def test_what_is_infinite_is_no_peak_and_ends_a_prominence():
    inf = np.inf
    lines = np.array([[inf, 1, 0, 2, 1, 3, inf, inf], [0, 1, 0, 2, 0, 0, 0, 0]])
    peaks = local_peaks(lines)
    assert peaks.line.tolist() == [0, 1, 1] and peaks.place.tolist() == [3, 1, 3]
    assert prominences(lines, peaks) == pytest.approx([1, 1, 2])
    assert highest(lines[:, 4:], local_peaks(lines[:, 4:])).tolist() == [1, 0]
