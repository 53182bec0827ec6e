"""Hard beats: signals whose R peaks are known, and what is done to them.

`x` is an electrocardiogram of Gaussian waves, R of 1 mV every 0.8 s from 0.5 s on, 500 Hz, 10 s.
Every R peak must be found within 10 ms, and nothing else.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from ecglib.data.detection import detect_r_peaks

FS = 500
# Of each wave: from R, s; standard deviation, s; height, mV.
P, Q, R, S, T = (
    (-0.16, 0.025, 0.12),
    (-0.03, 0.008, -0.1),
    (0.0, 0.011, 1.0),
    (0.03, 0.009, -0.2),
    (0.28, 0.05, 0.3),
)
EVERY_800_MS = tuple(0.5 + 0.8 * np.arange(12))


def beats(at=EVERY_800_MS, waves=(P, Q, R, S, T), fs=FS, seconds=10.0):
    time = np.arange(round(seconds * fs)) / fs
    shapes = (h * np.exp(-0.5 * ((time - r - c) / s) ** 2) for r in at for c, s, h in waves)
    return sum(shapes, np.zeros(len(time)))


def sine(hz, mv):
    return mv * np.sin(2 * np.pi * hz * np.arange(10 * FS) / FS + 0.3)


def noise(mv, seed=1, samples=10 * FS):
    return np.random.default_rng(seed).normal(scale=mv, size=samples)


def instead(signal, start, stop, value):
    """The signal with a part of it (in s) at one value."""
    signal = signal.copy()
    signal[round(start * FS) : round(stop * FS)] = value
    return signal


def step(start, stop, mv):
    return instead(np.zeros(10 * FS), start, stop, mv)


def spikes(before, samples=1, mv=3.0):
    """A pacing spike before every beat, s."""
    starts = [round((r - before) * FS) for r in EVERY_800_MS]
    return sum(step(i / FS, (i + samples) / FS, mv) for i in starts)


def at_rate(per_minute):
    """Beats whose waves draw together as they do in a fast heart."""
    ratio = min(1.0, (60 / per_minute) ** 0.5)
    near = [(c * ratio * 0.8, s * ratio * 0.8, h) for c, s, h in (P, T)]
    at = np.arange(0.3, 9.95, 60 / per_minute)
    return at, beats(at, (near[0], Q, R, S, near[1]))


x = beats()
FEW = EVERY_800_MS[3:]
AROUND = [r for r in EVERY_800_MS if not 3.4 < r < 6.6]
PREMATURE = [EVERY_800_MS[i] - 0.2 for i in (2, 5, 9)]
USUAL = [r for i, r in enumerate(EVERY_800_MS) if i not in (2, 5, 9)]
IRREGULAR = tuple(np.cumsum([0.4, 0.5, 1.3, 0.38, 0.9, 0.45, 1.1, 0.6, 0.41, 1.25, 0.7, 0.36]))
ENDS = (0.02, *(0.82 + 0.8 * np.arange(11)), 9.98)
TALL = tuple(1.0 if k % 2 else 0.6 for k in range(12))
WIDE = (P, (0.0, 0.03, 1.0), (0.3, 0.06, -0.4))
WANDERS = [(mv, hz) for mv in (0.5, 2.0) for hz in (0.15, 0.3, 0.5)]

HARD = {
    "as it is": (x, EVERY_800_MS),
    **{f"times {k:g}": (k * x, EVERY_800_MS) for k in (0.05, 0.25, 10.0, -1.0, -0.25)},
    "stored as integers": (np.round(1000 * x).astype(np.int16), EVERY_800_MS),
    "in single precision": (x.astype(np.float32), EVERY_800_MS),
    **{f"{mv} mV from zero": (x + mv, EVERY_800_MS) for mv in (5, 49, -300)},
    "upside down, 300 mV above zero": (300 - x, EVERY_800_MS),
    **{f"wander of {mv} mV, {f} Hz": (x + sine(f, mv), EVERY_800_MS) for mv, f in WANDERS},
    "a quarter of it on a wander": (x / 4 + sine(0.3, 2.0), EVERY_800_MS),
    **{
        f"hum of {mv} mV, {f} Hz": (x + sine(f, mv), EVERY_800_MS)
        for mv in (0.1, 0.5)
        for f in (50, 50.03, 60, 59.97)
    },
    "noise of 0.15 mV": (x + noise(0.15), EVERY_800_MS),
    "all of these": (x + sine(0.3, 1.0) + sine(50, 0.2) + noise(0.05), EVERY_800_MS),
    "R upright and inverted T": (beats(waves=(P, Q, R, S, (0.28, 0.05, -0.5))), EVERY_800_MS),
    "T taller than R": (beats(waves=(P, Q, R, S, (0.28, 0.05, 1.5))), EVERY_800_MS),
    "a wide complex": (beats(waves=WIDE), EVERY_800_MS),
    "no R": (beats(waves=(P, (0.0, 0.02, -0.8), T)), EVERY_800_MS),
    **{f"spikes {b} s before R": (x + spikes(b), EVERY_800_MS) for b in (0.025, 0.04, 0.15)},
    "spikes of two samples": (x + spikes(0.15, 2), EVERY_800_MS),
    "negative spikes": (x + spikes(0.15, 1, -5.0), EVERY_800_MS),
    "one glitch of 20 mV": (x + step(6.0, 6.002, 20.0), EVERY_800_MS),
    "a step of 1 mV": (x + step(4.8, 10, 1.0), EVERY_800_MS),
    "a step of -3 mV": (x + step(4.8, 10, -3.0), EVERY_800_MS),
    "a calibration pulse": (x + step(0.05, 0.25, 1.0), EVERY_800_MS),
    "a calibration pulse in the middle": (x + step(4.65, 4.85, 1.0), EVERY_800_MS),
    **{f"3 s at {mv} mV": (instead(x, 3.4, 6.6, mv), AROUND) for mv in (0.0, 5.0)},
    "premature beats of the other sign": (
        beats(USUAL) + beats(PREMATURE, ((0.0, 0.035, -1.5), (0.28, 0.06, 0.5))),
        sorted((*USUAL, *PREMATURE)),
    ),
    "steps again and again": (
        x + step(1.1, 10, 1) + step(3.3, 10, -2) + step(8.05, 10, 2),
        EVERY_800_MS,
    ),
    "a trend of 10 mV": (x + np.linspace(0, 10, 5000), EVERY_800_MS),
    "4 s from the middle": (x[1550:3550], [r - 3.1 for r in EVERY_800_MS if 3.1 < r < 7.1]),
    "3 s flat at first": (instead(x, 0, 2.6, 0.0), FEW),
    "7 s flat at last": (instead(x, 2.6, 10, 0.0), EVERY_800_MS[:3]),
    "cut at 0.7 mV": (np.clip(x, -0.5, 0.7), EVERY_800_MS),
    "beats 20 ms from the ends": (beats(ENDS), ENDS),
    "irregular": (beats(IRREGULAR, (Q, R, S, T)) + sine(6, 0.05) + noise(0.02), IRREGULAR),
    "every other beat smaller": (
        sum(h * beats([r]) for r, h in zip(EVERY_800_MS, TALL, strict=True)),
        EVERY_800_MS,
    ),
    **{f"{rate} a minute": at_rate(rate)[::-1] for rate in (20, 30, 40, 150, 200, 220)},
    "4 s at 30 a minute": (beats([0.7, 2.7], seconds=4), (0.7, 2.7)),
    "one beat": (beats([5.0]), (5.0,)),
}


def check(found, at, fs):
    __tracebackhide__ = True
    assert len(found) == len(at), (found / fs).tolist()
    assert np.abs(found / fs - np.array(at)).max() <= 0.010


@pytest.mark.parametrize("name", HARD)
def test_every_r_peak_is_found_within_10_ms_and_nothing_else(name):
    signal, at = HARD[name]
    check(detect_r_peaks(signal, FS), at, FS)


@pytest.mark.parametrize("fs", [100, 128, 250, 257, 360, 999.56, 1000, 2000])
def test_at_any_sampling_rate(fs):
    check(detect_r_peaks(beats(fs=fs), fs), EVERY_800_MS, fs)


BEATLESS = {
    "zero": np.zeros(5000),
    "flat": np.full(5000, 3.0),
    "a ramp": np.linspace(-2, 2, 5000),
    "a hum": sine(50, 1.0),
    "a step": step(5, 10, 1.0),
    "a glitch": step(5, 5.002, 20.0),
    "white noise": noise(0.1),
    "4 s of white noise": noise(0.1, 2, 2000),
    "noise below 30 Hz": gaussian_filter1d(noise(1.0, 3), 3),
    "noise that wanders": np.cumsum(noise(0.01, 4)),
}


@pytest.mark.parametrize("name", BEATLESS)
def test_where_there_is_no_beat_none_is_found(name):
    assert detect_r_peaks(BEATLESS[name], FS).tolist() == []
