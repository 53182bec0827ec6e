"""R peaks of records that nobody annotated.

`measures.r_peaks` made robust: what lies under and over a QRS complex is taken away first, and the
level is one of several beats'. Chapter 1 counts what it finds; wfdb's own detectors miss more.
"""

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import find_peaks

PULSE_S = 0.01  # the median over it has no pacing spike
BASELINE_S = 0.2  # the median over it has no QRS complex, but steps, T waves, and wander
HUM_HZ = 49.95, 50.0, 50.05, 59.95, 60.0, 60.05  # the mains, which drift
SMOOTHING_S = 0.005  # standard deviation of the Gaussian
BEAT_S = 0.025  # standard deviation of the Gaussian that makes one peak of a complex's slopes
STRETCH_S = 2.0  # holds a beat unless the heart beats less than 30 times a minute
DEAD = 0.01  # a stretch of less slope, over the largest, is one without a signal
LEVEL = 0.45  # a beat's slope, at least, over that of a typical one
REFRACTORY_S = 0.25  # between two beats, at least
REACH_S = 0.06  # from a beat's middle to its R peak, at most
UPWARD = 0.5  # an upward R wave, at least, over the downward wave beside it
CONTRAST = 2.0  # a typical beat's slope, at least, over the mean: noise has less


def detect_r_peaks(signal: np.ndarray, fs: float) -> np.ndarray:
    """R peaks of a signal, (peaks,) sample indices, rising.

    They point up from the baseline where the upward wave is typically at least half as large as
    the downward one, else down; in all of a record's beats alike, but where the other wave is more
    than twice as large as that allows. A beat that the record's ends cut before its peak is not
    one. Where nothing stands out of the noise there is none.

    signal: (samples,), any unit. fs: Hz.
    """
    hum = _hum(len(signal), fs)
    flat = np.asarray(signal, float)
    flat = flat - np.median(flat)  # of a large offset the hum would take a part for its own
    flat -= hum @ (hum.T @ flat)
    flat = median_filter(flat, _odd(PULSE_S * fs), mode="nearest")
    flat -= median_filter(flat, _odd(BASELINE_S * fs), mode="nearest")
    flat = gaussian_filter1d(flat, SMOOTHING_S * fs, mode="nearest")
    slope = np.sqrt(gaussian_filter1d(np.gradient(flat) ** 2, BEAT_S * fs, mode="constant"))
    stretches = np.array_split(slope, max(1, round(len(slope) / (STRETCH_S * fs))))
    tops = np.array([stretch.max() for stretch in stretches])
    typical = np.percentile(tops[tops >= DEAD * tops.max()], 35)
    if typical <= CONTRAST * slope.mean():
        return np.zeros(0, int)
    # A zero at either end, so that a beat there may be a peak too.
    beats, _ = find_peaks(np.pad(slope, 1), LEVEL * typical, distance=REFRACTORY_S * fs)
    return _tips(flat, beats - 1, round(REACH_S * fs))


@lru_cache(maxsize=4)
def _hum(samples: int, fs: float) -> np.ndarray:
    """What any hum of the mains is a sum of, (samples, waves) orthonormal."""
    turns = 2 * np.pi * np.outer(np.arange(samples) / fs, HUM_HZ)
    return np.linalg.qr(np.hstack([np.sin(turns), np.cos(turns)]))[0]


def _tips(flat: np.ndarray, beats: np.ndarray, reach: int) -> np.ndarray:
    """Where each beat's R wave is farthest from zero, up or down as detect_r_peaks says."""
    near = beats[:, None] + np.arange(-reach, reach + 1)
    around = np.pad(flat, reach)[near + reach]
    ups, downs = around.max(axis=1), -around.min(axis=1)
    mostly_up = np.median(ups) >= UPWARD * np.median(downs)
    up = ups > UPWARD * downs * (0.5 if mostly_up else 2)
    steps = np.where(up, around.argmax(axis=1), around.argmin(axis=1)) - reach
    peaks = np.unique(beats + steps)
    return peaks[(peaks > 0) & (peaks < len(flat) - 1)]


def _odd(samples: float) -> int:
    return 2 * round(samples / 2) + 1
