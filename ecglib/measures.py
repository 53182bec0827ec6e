"""What is measured on signals and along paths: peaks, wave counts, retention, drift, periodicity.

Signals are in mV. A path is (frames, samples), its frames equally spaced between two ends.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, welch

R_LEVEL = 0.4  # an R peak's QRS energy, at least, over the level of the beats about it
REFRACTORY_S = 0.25  # between two R peaks, at least
WAVE_HEIGHT = 0.2  # a wave's height, at least, over the interpolated height at the ends
WAVE_PROMINENCE = 0.1  # and its prominence over the same
SMOOTHING_S = 0.008  # standard deviation of the Gaussian
HIGH_HZ = 40.0  # what lies above is mostly noise
CYCLE_S = 0.4, 1.5  # the shortest and the longest


def explained_variance(signals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Share of each signal's variance that its reconstruction explains, (signals,).

    signals, reconstructions: (signals, samples), mV; NaN for a signal that is flat.
    """
    residual = ((signals - reconstructions) ** 2).mean(axis=1)
    variance = signals.var(axis=1)
    lost = np.full_like(residual, np.nan)
    return 1 - np.divide(residual, variance, out=lost, where=variance > 0)


def high_frequency_power(signals: np.ndarray, fs: float) -> np.ndarray:
    """Mean power density of each signal (signals, samples), mV, above 40 Hz, mV^2/Hz."""
    frequencies, density = welch(signals, fs, nperseg=min(256, signals.shape[1]), axis=1)
    return density[:, frequencies > HIGH_HZ].mean(axis=1)


def qrs_energy(signals: np.ndarray, fs: float) -> np.ndarray:
    """Smoothed slope of signals (..., samples), in mV/s: high in the QRS complex only."""
    slope = np.gradient(gaussian_filter1d(signals, SMOOTHING_S * fs, axis=-1), 1 / fs, axis=-1)
    return np.sqrt(gaussian_filter1d(slope**2, 0.025 * fs, axis=-1))


def r_peaks(signal: np.ndarray, fs: float) -> np.ndarray:
    """Samples of the R peaks of a signal (samples,): peaks of QRS energy over 0.4 of its level.

    The level is that of a typical beat, the 95th percentile of the energy.
    """
    energy = qrs_energy(signal, fs)
    found = _beats(energy, R_LEVEL * float(np.percentile(energy, 95)), fs)
    reach = round(0.06 * fs)
    peaks = np.zeros(len(found), dtype=int)
    for i, peak in enumerate(found):
        start = max(peak - reach, 0)
        peaks[i] = start + np.argmax(np.abs(signal[start : peak + reach + 1]))
    return peaks


def r_counts(path: np.ndarray, fs: float, least: float = R_LEVEL) -> np.ndarray:
    """Number of R peaks in each frame of a path (frames, samples).

    A peak counts when its QRS energy is at least the share `least` of the level interpolated
    linearly between the path's ends: a beat that fades below is gone, a ghost above it is there.
    """
    energy = qrs_energy(path, fs)
    ends = np.percentile(energy[[0, -1]], 95, axis=-1)
    levels = np.linspace(ends[0], ends[1], len(path))
    beats = [_beats(e, least * level, fs) for e, level in zip(energy, levels, strict=True)]
    return np.array([len(found) for found in beats])


def _beats(energy: np.ndarray, least: float, fs: float) -> np.ndarray:
    """Samples where a frame's QRS energy, (samples,), has peaks of at least `least`."""
    return find_peaks(energy, height=max(least, 1e-9), distance=REFRACTORY_S * fs)[0]


def t_peaks(signal: np.ndarray, r: np.ndarray, fs: float) -> np.ndarray:
    """Sample of the T peak after each R peak but the last, (R peaks - 1,); -1 for none.

    It is the most prominent peak, up or down, from 120 ms after R to 450 ms, or to 200 ms before
    the next R. `r` are (R peaks,) samples.
    """
    smooth = gaussian_filter1d(signal, SMOOTHING_S * fs)
    found = np.full(max(len(r) - 1, 0), -1)
    for i, (this, following) in enumerate(pairwise(r)):
        start = this + round(0.12 * fs)
        stop = min(this + round(0.45 * fs), following - round(0.2 * fs))
        best = 0.0
        for sign in (1, -1):
            peaks, shape = find_peaks(sign * smooth[start:stop], prominence=1e-4)
            if len(peaks) and shape["prominences"].max() > best:
                best = shape["prominences"].max()
                found[i] = start + peaks[np.argmax(shape["prominences"])]
    return found


def match_peaks(found: np.ndarray, true: np.ndarray, tolerance: float) -> int:
    """How many true peaks can each have a found peak of its own within `tolerance`, in samples."""
    found = np.sort(found)
    hits, free = 0, 0
    for peak in np.sort(true):
        # The earliest one in reach, not the nearest, leaves most to the true peaks that follow.
        free += int(np.searchsorted(found[free:], peak - tolerance))
        if free < len(found) and found[free] <= peak + tolerance:
            hits, free = hits + 1, free + 1
    return hits


def periodicity(signals: np.ndarray, fs: float) -> np.ndarray:
    """Highest correlation of each signal (..., samples) with itself at lags of 0.4 to 1.5 s.

    A signal of one repeated cycle has 1; a flat one 0.
    """
    signals = signals - signals.mean(axis=-1, keepdims=True)
    samples = signals.shape[-1]
    shortest, longest = (round(seconds * fs) for seconds in CYCLE_S)
    lags = np.arange(shortest, min(longest, samples - 2) + 1)
    spectrum = np.fft.rfft(signals, 2 * samples)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[..., lags]
    energy = np.concatenate(
        [np.zeros((*signals.shape[:-1], 1)), np.cumsum(signals**2, axis=-1)], axis=-1
    )
    head = energy[..., samples - lags]
    tail = energy[..., [-1]] - energy[..., lags]
    norm = np.sqrt(head * tail)
    correlation = np.divide(products, norm, out=np.zeros_like(norm), where=norm > 1e-12)
    return correlation.max(axis=-1)


@dataclass(frozen=True)
class WaveCourse:
    """One wave followed along a path.

    counts: (frames,) peaks in the wave's window.
    peak_ms: (frames,) where the highest one stands, ms from the path's first sample.
    retention: least height on the path over the height interpolated between the ends.
    drift_error_ms: largest distance of the peak from its straight course, ms.
    smoothness: longest step of the peak over the whole way, less a steady step's share;
        0 for a steady drift, near 1 for a jump (after Berthelot et al., 1807.07543), NaN where
        the whole way is shorter than a sample.
    """

    counts: np.ndarray
    peak_ms: np.ndarray
    retention: float
    drift_error_ms: float
    smoothness: float

    @property
    def violations(self) -> float:
        """Share of frames that do not hold exactly one peak."""
        return float(np.mean(self.counts != 1))


def follow_wave(path: np.ndarray, fs: float, window: tuple[int, int], sign: int = 1) -> WaveCourse:
    """Follow a wave along a path (paper, II-B): is it one, is it as high, where does it stand?

    A peak counts with a height of at least 20 % and a prominence of at least 10 % of the wave's
    height interpolated between the ends; heights are above the frame's median, its isoelectric
    level. Frames are smoothed by a Gaussian of 8 ms first, whatever made them.

    path: (frames, samples), mV. fs: Hz.
    window: first and last sample of the ST-T window.
    sign: 1 for an upright wave, -1 for an inverted one.
    """
    frames = sign * (path - np.median(path, axis=1, keepdims=True))
    frames = gaussian_filter1d(frames.astype(float), SMOOTHING_S * fs, axis=1)
    frames = frames[:, window[0] : window[1] + 1]
    # A peak's prominence ends at a higher one, not at an equal one: were the middle frame's two
    # exactly equal, each would have its whole height. A slope of 1e-9 mV a sample breaks ties.
    frames = frames + 1e-9 * np.arange(frames.shape[1])
    peaks, heights = np.array([_highest(frame) for frame in frames]).T
    expected = np.maximum(np.linspace(heights[0], heights[-1], len(path)), 1e-3)
    counts = np.array(
        [
            len(find_peaks(f, height=WAVE_HEIGHT * h, prominence=WAVE_PROMINENCE * h)[0])
            for f, h in zip(frames, expected, strict=True)
        ]
    )
    peak_ms = (peaks + window[0]) * 1000 / fs
    straight = np.linspace(peak_ms[0], peak_ms[-1], len(path))
    way = abs(peak_ms[-1] - peak_ms[0])
    longest = np.abs(np.diff(peak_ms)).max()
    return WaveCourse(
        counts=counts,
        peak_ms=peak_ms,
        retention=float((heights / expected).min()),
        drift_error_ms=float(np.abs(peak_ms - straight).max()),
        smoothness=float(longest / way - 1 / (len(path) - 1)) if way >= 1000 / fs else np.nan,
    )


def _highest(frame: np.ndarray) -> tuple[float, float]:
    """Place of a frame's highest peak, between samples by a parabola, and the sample's height."""
    peaks, _ = find_peaks(frame)
    best = int(peaks[np.argmax(frame[peaks])] if len(peaks) else np.argmax(frame))
    place = float(best)
    if 0 < best < len(frame) - 1:
        before, at, after = frame[best - 1 : best + 2]
        place += 0.5 * (before - after) / min(before - 2 * at + after, -1e-12)
    return place, float(frame[best])


def mean_distance(paths: np.ndarray, signals: np.ndarray) -> np.ndarray:
    """Mean over a path's frames of the cosine distance to the nearest real signal, (paths,).

    paths: (paths, frames, samples), mV. signals: (signals, samples), mV.
    After Berthelot et al. (1807.07543).
    """
    unit = signals / np.maximum(np.linalg.norm(signals, axis=1, keepdims=True), 1e-12)
    length = np.maximum(np.linalg.norm(paths, axis=-1, keepdims=True), 1e-12)
    nearest = ((paths / length) @ unit.T).max(axis=-1)
    return (1 - nearest).mean(axis=-1)
