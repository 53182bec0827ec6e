"""Paths measured all at once give what they give frame by frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from ecglib import measures, wave_course
from ecglib.bench import plain_measures
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import remove_baseline
from ecglib.experiments.paths import crossfade
from ecglib.wave_course import WaveCourse

PATHS, FRAMES, SAMPLES = 10, 33, 512


def synthetic(rng):
    signals = remove_baseline(load_synthetic(2 * PATHS)).signals
    starts = rng.integers(0, signals.shape[1] - SAMPLES, 2 * PATHS)
    cut = np.stack([x[s : s + SAMPLES] for x, s in zip(signals, starts, strict=True)])
    return crossfade(cut[::2], cut[1::2], FRAMES)


def noise(rng):
    return rng.normal(size=(PATHS, FRAMES, SAMPLES))


# what is measured -> paths (paths, frames, samples), from a random generator
KINDS = {
    "crossfades": synthetic,
    "single precision": lambda rng: synthetic(rng).astype(np.float32),
    "an offset": lambda rng: (synthetic(rng) + 20).astype(np.float32),
    "noise": noise,
    "slow noise": lambda rng: gaussian_filter1d(noise(rng), 8, axis=-1),
    "drift": lambda rng: np.cumsum(noise(rng), axis=-1),
    "three values": lambda rng: np.sign(np.round(noise(rng))),
    "plateaus": lambda rng: np.repeat(np.round(noise(rng)[..., ::16]), 16, axis=-1),
    "ramps": lambda rng: np.cumsum(
        np.repeat(np.round(noise(rng)[..., ::32]), 32, axis=-1), axis=-1
    ),
    "the same beat again and again": lambda rng: np.tile(noise(rng)[..., :16], 32),
    "flat": lambda rng: np.round(noise(rng)[..., :1]) + np.zeros(SAMPLES),
    "huge": lambda rng: 1e18 * noise(rng),
    "faint": lambda rng: 1e-12 * noise(rng),
}


def with_gaps(rng):
    paths = noise(rng)
    paths[1], paths[2, 5], paths[3, 7, 100] = np.nan, np.nan, np.nan
    return paths


KINDS["gaps"] = with_gaps


# Of two beats near each other that are exactly as high, rounding decides which one ousts the other.
TIED = {"plateaus", "ramps", "the same beat again and again"}


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - TIED - {"gaps"}))
@pytest.mark.parametrize("least", [0.4, 0.1])
def test_r_peaks_counted_together_are_those_counted_frame_by_frame(kind, least):
    paths = KINDS[kind](np.random.default_rng(0))
    together = measures.r_counts(paths, 128, least)
    alone = np.array([plain_measures.r_counts(path, 128, least) for path in paths])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(measures.r_counts(paths[0], 128, least), alone[0])


def assert_same_courses(course: WaveCourse, alone: list[WaveCourse]):
    np.testing.assert_array_equal(course.counts, [one.counts for one in alone])
    for name in ("peak_ms", "retention", "drift_error_ms", "smoothness", "violations"):
        expected = [getattr(one, name) for one in alone]
        np.testing.assert_allclose(getattr(course, name), expected, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_waves_followed_together_are_those_followed_path_by_path(kind):
    rng = np.random.default_rng(1)
    paths = KINDS[kind](rng)
    start, signs = rng.integers(0, 300, PATHS), rng.choice([-1, 1], PATHS)
    windows = np.stack([start, np.minimum(start + rng.integers(3, 400, PATHS), 511)], axis=1)
    alone = [
        plain_measures.follow_wave(path, 500, window, sign)
        for path, window, sign in zip(paths, windows, signs, strict=True)
    ]
    assert_same_courses(wave_course.follow_wave(paths, 500, windows, signs), alone)


@given(
    st.integers(2, 4),
    st.integers(10, 70),
    st.lists(st.integers(0, 3), min_size=1, max_size=300),
    st.sampled_from([100.0, 128.0, 250.0]),
    st.integers(0, 2**20),
)
def test_short_paths_of_few_values_are_measured_the_same(frames, samples, values, fs, seed):
    path = np.resize(np.array(values, float), (frames, samples))
    path += np.random.default_rng(seed).integers(0, 2, path.shape)
    np.testing.assert_array_equal(measures.r_counts(path, fs), plain_measures.r_counts(path, fs))
    window = (2, samples - 4)
    alone = plain_measures.follow_wave(path, fs, window)
    assert_same_courses(wave_course.follow_wave(path[None], fs, window), [alone])
