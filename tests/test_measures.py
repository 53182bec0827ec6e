"""What is measured, on signals and paths whose answer is known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import remove_baseline
from ecglib.experiments.paths import crossfade
from ecglib.measures import (
    explained_variance,
    high_frequency_power,
    match_peaks,
    mean_distance,
    periodicity,
    r_counts,
    r_peaks,
    t_peaks,
)
from ecglib.wave_course import follow_wave

FS = 500
TIME = np.arange(512)
SIGMA = 20.0  # samples, 40 ms
WINDOW = (60, 450)


def bump(centre, height=1.0, sigma=SIGMA):
    return height * np.exp(-0.5 * ((TIME - centre) / sigma) ** 2)


def shift(start, end, frames=33, height=1.0):
    return np.stack([bump(c, height) for c in np.linspace(start, end, frames)])


def fade(distance_in_sigmas, frames=33):
    return crossfade(bump(180), bump(180 + distance_in_sigmas * SIGMA), frames)


@pytest.mark.parametrize("height", [1.0, 0.1])
@pytest.mark.parametrize("end", [184.7, 220.0, 340.0])
def test_a_pure_shift_is_drift(end, height):
    course = follow_wave(shift(180, end, height=height), FS, WINDOW)
    assert (course.counts == 1).all() and course.violations == 0
    assert course.retention == pytest.approx(1, abs=2e-3)
    assert course.drift_error_ms < 0.1
    assert abs(course.smoothness) < 0.01
    assert course.peak_ms[[0, -1]] == pytest.approx([360, 2 * end], abs=0.1)


def test_a_crossfade_of_distant_bumps_vanishes_and_grows():
    course = follow_wave(fade(8), FS, WINDOW)
    # Both are seen where both are above a fifth: positions 7 to 25 of 32.
    assert course.counts.tolist() == [1] * 7 + [2] * 19 + [1] * 7
    assert course.violations == pytest.approx(19 / 33)
    assert course.retention == pytest.approx(0.5, abs=0.02)
    assert course.smoothness == pytest.approx(1 - 1 / 32, abs=0.02)
    assert course.drift_error_ms == pytest.approx(8 * SIGMA * 2 / 2, rel=0.05)


def test_a_crossfade_of_bumps_closer_than_two_sigma_is_one_peak_on_a_crooked_course():
    course = follow_wave(fade(1.8), FS, WINDOW)
    assert course.violations == 0
    assert 0.6 < course.retention < 0.75  # two halves, 0.9 sigma off either centre: 0.67
    assert course.drift_error_ms > 5  # a straight drift has 0
    assert course.smoothness > 0.02
    straight = follow_wave(shift(180, 180 + 1.8 * SIGMA), FS, WINDOW)
    assert straight.drift_error_ms < 0.1 and straight.retention > 0.998


def test_very_close_bumps_fade_like_a_drift():
    course = follow_wave(fade(0.5), FS, WINDOW)
    assert course.violations == 0 and course.retention > 0.95 and course.drift_error_ms < 1


@pytest.mark.parametrize(
    ("sigmas", "least", "most"),
    [(2.1, 0, 0), (2.5, 0, 0), (3.0, 5, 9), (4.0, 17, 21), (6.0, 17, 21)],
)
def test_from_two_to_four_sigma_a_crossfade_comes_to_show_both(sigmas, least, most):
    assert least <= (follow_wave(fade(sigmas), FS, WINDOW).counts == 2).sum() <= most


@pytest.mark.parametrize("frames", [32, 33])
def test_two_exactly_equal_peaks_are_told_apart_by_the_dip_between_them(frames):
    # At 2.5 sigma the dip is 6 % deep. In the middle one of 33 frames the peaks are equal.
    assert (follow_wave(fade(2.5, frames), FS, WINDOW).counts == 1).all()


@given(st.floats(0.05, 5), st.floats(-2, 2), st.sampled_from([1, -1]))
def test_a_course_does_not_depend_on_unit_offset_or_polarity(unit, offset, sign):
    path = fade(5)
    plain = follow_wave(path, FS, WINDOW)
    moved = follow_wave(sign * unit * path + offset, FS, WINDOW, sign)
    assert moved.counts.tolist() == plain.counts.tolist()
    assert moved.retention == pytest.approx(plain.retention, abs=1e-3)
    assert moved.drift_error_ms == pytest.approx(plain.drift_error_ms, abs=0.5)


def test_a_course_read_backwards_is_the_same():
    path = fade(3.3)
    there, back = follow_wave(path, FS, WINDOW), follow_wave(path[::-1], FS, WINDOW)
    assert there.counts.tolist() == back.counts.tolist()[::-1]
    assert there.retention == pytest.approx(back.retention)


def test_a_wave_that_vanishes_altogether_is_seen():
    path = shift(200, 260)
    path[12:20] = 0
    course = follow_wave(path, FS, WINDOW)
    assert (course.counts[12:20] == 0).all() and course.violations == pytest.approx(8 / 33)
    assert course.retention < 0.01


def test_a_wave_is_measured_by_the_interpolated_height_of_its_ends():
    growing = np.linspace(0.2, 1, 33)[:, None] * shift(200, 260)
    assert follow_wave(growing, FS, WINDOW).retention == pytest.approx(1, abs=5e-3)
    bulging = growing * (1 + 0.5 * np.sin(np.linspace(0, np.pi, 33)))[:, None]
    assert follow_wave(bulging, FS, WINDOW).retention == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize(("ghost", "seen"), [(0.15, 1), (0.3, 2)])
def test_a_second_peak_counts_from_a_fifth_of_the_height(ghost, seen):
    path = shift(150, 170) + bump(350, ghost)
    assert (follow_wave(path, FS, WINDOW).counts == seen).all()


def test_peaks_outside_the_window_do_not_count():
    path = shift(200, 260) + bump(30, 3.0, 5) + bump(490, 3.0, 5)
    assert follow_wave(path, FS, (80, 440)).violations == 0


def test_a_still_wave_has_no_steps_to_compare():
    course = follow_wave(shift(200, 200), FS, WINDOW)
    assert np.isnan(course.smoothness) and course.drift_error_ms == 0


def test_explained_variance_of_a_perfect_a_mean_and_a_half_size_reconstruction():
    signals = np.random.default_rng(0).normal(size=(4, 100))
    means = signals.mean(axis=1, keepdims=True)
    assert explained_variance(signals, signals) == pytest.approx(np.ones(4))
    assert explained_variance(signals, means + 0 * signals) == pytest.approx(np.zeros(4))
    assert explained_variance(signals, means + (signals - means) / 2) == pytest.approx(0.75)
    # A wrong level is an error as well.
    assert (explained_variance(signals, signals + 1) < 0.5).all()


def test_power_above_40_hz_is_that_of_the_noise():
    rng = np.random.default_rng(0)
    slow = 3 * np.sin(2 * np.pi * 10 * np.arange(4096) / 128)
    noise = rng.normal(0, 0.1, (3, 4096))
    assert high_frequency_power(noise, 128) == pytest.approx(0.1**2 / 64, rel=0.1)
    power = high_frequency_power(slow + noise, 128)
    assert power == pytest.approx(high_frequency_power(noise, 128), rel=0.02)
    assert high_frequency_power(slow + 2 * noise, 128) / power == pytest.approx(4, rel=0.02)


def ecg(r_at, fs=128, seconds=4, heights=None, t_height=0.25):
    time = np.arange(seconds * fs) / fs
    heights = np.ones(len(r_at)) if heights is None else heights
    return sum(
        h * np.exp(-0.5 * ((time - r) / 0.012) ** 2)
        + h * t_height * np.exp(-0.5 * ((time - r - 0.28) / 0.04) ** 2)
        for r, h in zip(r_at, heights, strict=True)
    )


@pytest.mark.parametrize("rate", [35, 60, 100, 170])
@pytest.mark.parametrize("sign", [1, -1])
def test_r_peaks_are_found_at_any_usual_rate_and_polarity(rate, sign):
    r_at = np.arange(0.3, 3.7, 60 / rate)
    found = r_peaks(sign * ecg(r_at, t_height=0.25 if rate < 120 else 0.0), 128)
    assert found / 128 == pytest.approx(r_at, abs=0.6 / 128)


def test_r_peaks_of_synthetic_records():
    records = remove_baseline(load_synthetic(30))
    hits = true = detected = 0
    for i in range(30):
        peaks, found = records.peaks(i, "qrs"), r_peaks(records.signals[i], records.fs)
        found = found[(found > peaks[0] - 25) & (found < peaks[-1] + 25)]
        hits += match_peaks(found, peaks, 25)
        true, detected = true + len(peaks), detected + len(found)
    assert hits / true > 0.98 and hits / detected > 0.95


def test_a_flat_signal_has_no_r_peaks():
    assert len(r_peaks(np.zeros(512), 128)) == 0
    assert r_counts(np.zeros((3, 512)), 128).tolist() == [0, 0, 0]


def test_beats_that_fade_are_no_longer_counted_and_come_back():
    r_at = [0.6, 1.6, 2.6, 3.4]
    depths = [1, 0.8, 0.3, 0.1, 0.3, 0.8, 1]
    path = np.stack([ecg(r_at, heights=[1, d, 1, 1]) for d in depths])
    assert r_counts(path, 128).tolist() == [4, 4, 3, 3, 3, 4, 4]


def test_a_crossfade_of_beats_out_of_step_shows_both_sets():
    path = crossfade(ecg([0.5, 1.5, 2.5, 3.5]), ecg([1.0, 2.0, 3.0]), 33)
    counts = r_counts(path, 128)
    assert counts[[0, -1]].tolist() == [4, 3] and counts[16] == 7


def test_counts_follow_the_level_of_the_ends():
    large, small = ecg([0.5, 1.5, 2.5, 3.5]), 0.1 * ecg([0.5, 1.5, 2.5, 3.5])
    assert r_counts(crossfade(large, small, 33), 128).tolist() == [4] * 33
    assert r_counts(np.stack([large, small, large]), 128).tolist() == [4, 0, 4]


@pytest.mark.parametrize("sign", [1, -1])
def test_t_peaks_stand_after_each_r_peak_but_the_last(sign):
    r_at = np.array([0.5, 1.5, 2.5, 3.5])
    signal = ecg(r_at, t_height=0.25 * sign)
    found = t_peaks(signal, np.round(r_at * 128).astype(int), 128)
    assert found / 128 == pytest.approx(r_at[:3] + 0.28, abs=0.01)


def test_no_t_peak_is_found_where_there_is_none_or_no_room():
    signal = ecg([0.5, 1.5, 2.5], t_height=0)
    assert t_peaks(signal, np.array([64, 192, 320]), 128).tolist() == [-1, -1]
    assert t_peaks(signal, np.array([64, 84]), 128).tolist() == [-1]
    assert len(t_peaks(signal, np.array([64]), 128)) == 0
    assert len(t_peaks(signal, np.array([], int), 128)) == 0


def test_each_found_peak_answers_for_one_true_peak():
    assert match_peaks(np.array([10]), np.array([8, 12]), 5) == 1
    assert match_peaks(np.array([8, 12]), np.array([10]), 5) == 1
    assert match_peaks(np.array([10, 100]), np.array([15, 106]), 5) == 1
    assert match_peaks(np.array([]), np.array([15]), 5) == 0
    # The second true peak can only have 4, so the first must have -5.
    assert match_peaks(np.array([-5, 4]), np.array([0, 5]), 6) == 2


PEAKS = st.lists(st.integers(0, 60), max_size=8)


@given(PEAKS, PEAKS, st.integers(0, 10))
def test_matching_pairs_as_many_as_can_be_paired(found, true, tolerance):
    found, true = np.array(found, int), np.array(true, int)
    near = np.abs(found[:, None] - true[None, :]) <= tolerance
    best = near[linear_sum_assignment(near, maximize=True)].sum()
    assert match_peaks(found, true, tolerance) == best
    assert match_peaks(true, found, tolerance) == best


@pytest.mark.parametrize("rr", [0.5, 0.8, 1.25])
def test_periodicity_of_a_repeated_cycle_is_one(rr):
    cycle = np.random.default_rng(0).normal(size=round(rr * 128))
    signal = np.tile(cycle, 9)[:512]
    assert periodicity(signal, 128) == pytest.approx(1, abs=1e-3)


def test_periodicity_does_not_depend_on_unit_or_level_and_takes_many_at_once():
    signals = np.random.default_rng(0).normal(size=(2, 3, 512))
    together = periodicity(signals, 128)
    assert together.shape == (2, 3)
    assert together[1, 2] == pytest.approx(periodicity(5 * signals[1, 2] + 3, 128))


def test_periodicity_of_noise_is_low_and_of_nothing_zero():
    noise = np.random.default_rng(1).normal(size=(50, 512))
    assert np.median(periodicity(noise, 128)) < 0.25 and periodicity(noise, 128).max() < 0.4
    assert periodicity(np.zeros(512), 128) == 0


def test_periodicity_looks_for_cycles_of_0_4_to_1_5_seconds():
    def pulses(period):
        return np.where(np.arange(512) % round(period * 128) == 0, 1.0, 0.0)

    assert periodicity(pulses(1.4), 128) > 0.95
    assert periodicity(pulses(1.7), 128) < 0.1


def test_periodicity_of_beats_falls_with_their_irregularity():
    rng = np.random.default_rng(0)

    def of(jitter):
        steps = 0.8 * (1 + jitter * rng.uniform(-1, 1, 5))
        return periodicity(ecg(0.3 + np.cumsum(steps) - steps[0]), 128)

    regular, irregular = (np.mean([of(j) for _ in range(20)]) for j in (0.0, 0.3))
    assert regular > 0.95 and irregular < 0.7


def test_mean_distance_is_nought_on_real_signals_and_grows_off_them():
    signals = np.eye(4)
    along = np.stack([signals[0], 3 * signals[2]])[None]
    assert mean_distance(along, signals) == pytest.approx([0])
    half_way = crossfade(signals[[0]], signals[[1]], 3)
    assert mean_distance(half_way, signals) == pytest.approx([(1 - np.sqrt(0.5)) / 3])
    assert mean_distance(-along, signals) == pytest.approx([1])
