"""Processes: matched moments, the right covariance, and what each control keeps and breaks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ecglib.data.synthetic import load_synthetic
from ecglib.experiments.processes import (
    CONTROLS,
    ECG,
    LENGTH_S,
    MATERN,
    PERIODIC,
    PHASE_RANDOMISED,
    RATIONAL_QUADRATIC,
    SHUFFLED_BEATS,
    SQUARED_EXPONENTIAL,
    Original,
    Process,
    beats,
    gaussian,
    matern,
    periodic,
    rational_quadratic,
    sample_stationary,
    squared_exponential,
    trajectory,
)
from ecglib.measures import periodicity, r_peaks

RECORDS = load_synthetic(5)
FS = RECORDS.fs
ORIGINALS = [Original(1000.0 * s.astype(float), FS, r_peaks(s, FS)) for s in RECORDS.signals]
ORIGINAL = ORIGINALS[0]
SIGNAL, PEAKS = ORIGINAL.signal, ORIGINAL.r_peaks
EXPONENTIAL = gaussian("exponential", lambda lag, length: np.exp(-lag / length))
KERNELS = (SQUARED_EXPONENTIAL, MATERN, RATIONAL_QUADRATIC, EXPONENTIAL)


def draw(process: Process, seed: int = 0, original: Original = ORIGINAL) -> np.ndarray:
    return trajectory(process, original, LENGTH_S, np.random.default_rng(seed))


@pytest.mark.parametrize("process", [*KERNELS, *CONTROLS], ids=lambda p: p.name)
def test_every_process_has_the_records_mean_and_variance_and_follows_its_seed(process):
    values = draw(process)
    assert values.shape == SIGNAL.shape
    assert np.isclose(values.mean(), SIGNAL.mean()) and np.isclose(values.std(), SIGNAL.std())
    assert np.array_equal(values, draw(process)) and not np.allclose(values, draw(process, 1))


def test_the_papers_length_scale_is_17_9_samples():
    assert pytest.approx(17.857, abs=1e-3) == LENGTH_S * 500


def test_the_ecg_itself_is_no_trajectory():
    assert draw(ECG) is SIGNAL


@pytest.mark.parametrize(
    ("covariance", "at_one_length", "at_two"),
    [
        (squared_exponential, np.exp(-1 / 2), np.exp(-2)),
        (matern, (1 + 3**0.5) * np.exp(-(3**0.5)), (1 + 12**0.5) * np.exp(-(12**0.5))),
        (rational_quadratic, 2 / 3, 1 / 3),
        (
            lambda lag, length: periodic(lag, length, period=4 * length),
            np.exp(-4 / np.pi**2),
            np.exp(-8 / np.pi**2),
        ),
    ],
)
def test_covariances_are_those_of_the_textbook(covariance, at_one_length, at_two):
    lags = np.array([0.0, 18.0, 36.0])
    assert covariance(lags, 18.0) == pytest.approx([1, at_one_length, at_two])


def draws(covariance, samples: int, count: int) -> np.ndarray:
    """(count, samples) of a process with a length scale of 18 samples."""
    rng = np.random.default_rng(0)
    return np.stack(
        [sample_stationary(lambda lag: covariance(lag, 18.0), samples, rng) for _ in range(count)]
    )


def test_a_trajectory_has_the_covariance_asked_for():
    values = draws(matern, 5000, 60)
    assert np.mean(values**2) == pytest.approx(1, abs=0.05)
    for lag in (18, 36):
        found = np.mean(values[:, :-lag] * values[:, lag:])
        assert found == pytest.approx(matern(lag, 18.0), abs=0.05)


def test_the_ends_of_a_trajectory_are_not_joined():
    values = draws(squared_exponential, 500, 400)
    assert abs(np.mean(values[:, 0] * values[:, -1])) < 0.15


def test_a_length_scale_beyond_the_record_is_refused_in_one_sentence():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"too long for a grid of 100 samples.* give a shorter"):
        sample_stationary(lambda lag: squared_exponential(lag, 2000.0), 100, rng)


def test_the_periodic_process_repeats_every_median_rr_interval():
    values, period = draw(PERIODIC), round(np.median(np.diff(PEAKS)))
    assert np.allclose(values[:-period], values[period:])
    assert not np.allclose(values[: -(period // 2)], values[period // 2 :], atol=SIGNAL.std() / 2)


def test_phase_randomisation_keeps_the_amplitude_spectrum():
    spectra = [np.abs(np.fft.rfft(x)) for x in (draw(PHASE_RANDOMISED), SIGNAL)]
    assert np.allclose(*spectra, atol=1e-6 * spectra[1].max())


def test_shuffling_keeps_every_beat_and_loses_the_period():
    values = draw(SHUFFLED_BEATS)
    spans = beats(ORIGINAL)
    assert len(spans) >= len(PEAKS) - 2
    for start, end in spans:
        windows = np.lib.stride_tricks.sliding_window_view(values, end - start)
        # Matching the variance may have scaled the beat, but not changed its shape.
        centred = windows - windows.mean(1, keepdims=True)
        shape = SIGNAL[start:end] - SIGNAL[start:end].mean()
        correlation = centred @ shape / np.linalg.norm(centred, axis=1) / np.linalg.norm(shape)
        assert correlation.max() > 1 - 1e-9
    rr = np.diff(r_peaks(values, FS))
    assert len(rr) >= len(spans) - 3
    assert rr.std() / rr.mean() > 0.1 > np.diff(PEAKS).std() / np.diff(PEAKS).mean()
    assert periodicity(values, FS) < periodicity(SIGNAL, FS)


def test_beats_never_overlap():
    for original in ORIGINALS:
        assert all(end <= start for (_, end), (start, _) in pairwise(beats(original)))


@pytest.mark.parametrize("process", [PERIODIC, SHUFFLED_BEATS], ids=lambda p: p.name)
def test_a_record_without_rhythm_is_refused_in_one_sentence(process):
    says = f'"{process.name}" .* 3 R peaks, but the record has 2'
    with pytest.raises(ValueError, match=says):
        draw(process, original=replace(ORIGINAL, r_peaks=PEAKS[:2]))


@pytest.mark.parametrize(
    "values", [SIGNAL[:-1], np.ones(len(SIGNAL)), np.full(len(SIGNAL), np.nan)], ids=str
)
def test_a_process_that_draws_no_signal_is_named(values):
    says = r'"broken" drew values of shape .* mend its function draw'
    with pytest.raises(ValueError, match=says):
        draw(Process("broken", lambda *_: values))
