"""Processes: matched moments, the right covariance, and what each control keeps and breaks."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import RBF, Matern, RationalQuadratic

from ecglib.data.synthetic import load_synthetic
from ecglib.experiments.processes import (
    CONTROLS,
    GAUSSIAN,
    LENGTH_S,
    beats,
    sample_stationary,
    trajectory,
)
from ecglib.measures import periodicity, r_peaks

RECORDS = load_synthetic(5)
SIGNAL, FS = 1000.0 * RECORDS.signals[0].astype(float), RECORDS.fs
PEAKS = r_peaks(SIGNAL, FS)


def draw(process: str, seed: int = 0, **options: float) -> np.ndarray:
    return trajectory(process, SIGNAL, FS, np.random.default_rng(seed), PEAKS, **options)


@pytest.mark.parametrize("process", GAUSSIAN + CONTROLS)
def test_every_process_has_the_records_mean_and_variance_and_follows_its_seed(process):
    values = draw(process)
    assert values.shape == SIGNAL.shape
    assert np.isclose(values.mean(), SIGNAL.mean()) and np.isclose(values.std(), SIGNAL.std())
    assert np.array_equal(values, draw(process)) and not np.allclose(values, draw(process, 1))


def test_the_papers_length_scale_is_17_9_samples():
    assert pytest.approx(17.857, abs=1e-3) == LENGTH_S * 500


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (RBF(18.0), np.exp(-0.5)),
        (Matern(18.0, nu=1.5), (1 + np.sqrt(3)) * np.exp(-np.sqrt(3))),
        (RationalQuadratic(18.0, alpha=1.0), 2 / 3),
    ],
)
def test_autocovariance_at_the_length_scale_is_the_kernels(kernel, expected):
    rng = np.random.default_rng(0)
    draws = np.stack([sample_stationary(kernel, 5000, rng) for _ in range(60)])
    assert np.mean(draws**2) == pytest.approx(1, abs=0.05)
    assert np.mean(draws[:, :-18] * draws[:, 18:]) == pytest.approx(expected, abs=0.05)


def test_the_ends_of_a_trajectory_are_not_joined():
    rng = np.random.default_rng(0)
    draws = np.stack([sample_stationary(RBF(18.0), 500, rng) for _ in range(400)])
    assert abs(np.mean(draws[:, 0] * draws[:, -1])) < 0.15


def test_a_length_scale_beyond_the_record_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="too long for a grid of 100 samples; give a shorter"):
        sample_stationary(RBF(2000.0), 100, np.random.default_rng(0))


def test_the_periodic_process_repeats_every_median_rr_interval():
    values, period = draw("periodic"), round(np.median(np.diff(PEAKS)))
    assert np.allclose(values[:-period], values[period:])
    assert not np.allclose(values[: -(period // 2)], values[period // 2 :], atol=SIGNAL.std() / 2)


def test_phase_randomisation_keeps_the_amplitude_spectrum():
    spectra = [np.abs(np.fft.rfft(x)) for x in (draw("phase-randomised"), SIGNAL)]
    assert np.allclose(*spectra, atol=1e-6 * spectra[1].max())


def test_shuffling_keeps_every_beat_and_loses_the_period():
    values = draw("shuffled beats")
    spans = beats(PEAKS, FS, len(SIGNAL))
    assert len(spans) >= len(PEAKS) - 2
    for start, end in spans:
        beat = SIGNAL[start:end]
        windows = np.lib.stride_tricks.sliding_window_view(values, end - start)
        # Matching the variance may have scaled the beat, but not changed its shape.
        centred = windows - windows.mean(1, keepdims=True)
        shape = beat - beat.mean()
        correlation = centred @ shape / np.linalg.norm(centred, axis=1) / np.linalg.norm(shape)
        assert correlation.max() > 1 - 1e-9
    rr = np.diff(r_peaks(values, FS))
    assert len(rr) >= len(spans) - 3
    assert rr.std() / rr.mean() > 0.1 > np.diff(PEAKS).std() / np.diff(PEAKS).mean()
    assert periodicity(values, FS) < periodicity(SIGNAL, FS)


def test_beats_never_overlap():
    for signal in RECORDS.signals:
        spans = beats(r_peaks(signal, FS), FS, len(signal))
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_an_unknown_process_and_a_record_without_rhythm_are_refused_in_one_sentence():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="unknown process 'pink': choose one of squared exp"):
        trajectory("pink", SIGNAL, FS, rng, PEAKS)
    with pytest.raises(ValueError, match="at least 3 R peaks, but the record has 2"):
        trajectory("periodic", SIGNAL, FS, rng, PEAKS[:2])
