"""What is measured on signals and along paths: peaks, R counts, periodicity, power.

Signals are in mV. A path is (frames, samples), its frames equally spaced between two ends.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, welch

from ecglib.bands import Band, bands, blocks, filtered, reach
from ecglib.peaks import Peaks, kept_apart

R_LEVEL = 0.4  # an R peak's QRS energy, at least, over the level of the beats about it
REFRACTORY_S = 0.25  # between two R peaks, at least
ROUNDING = 4e-7  # from this difference on, times fs, energies of signals of height 1 are told apart
SMOOTHING_S = 0.008  # standard deviation of the Gaussian
SPREAD_S = 0.025  # and of the one that makes a QRS complex's slopes one peak
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
    return np.sqrt(_spread(_slope(signals, fs) ** 2, fs))


def _slope(signals: np.ndarray, fs: float) -> np.ndarray:
    return np.gradient(smoothed(signals, fs), 1 / fs, axis=-1)


def smoothed(signals: np.ndarray, fs: float) -> np.ndarray:
    """Signals (..., samples) behind a Gaussian of 8 ms."""
    return gaussian_filter1d(signals, SMOOTHING_S * fs, axis=-1)


def _spread(squares: np.ndarray, fs: float) -> np.ndarray:
    return gaussian_filter1d(squares, SPREAD_S * fs, axis=-1)


def r_peaks(signal: np.ndarray, fs: float) -> np.ndarray:
    """Samples of the R peaks of a signal (samples,): peaks of QRS energy over 0.4 of its level.

    The level is that of a typical beat, the 95th percentile of the energy.
    """
    energy = qrs_energy(signal, fs)
    found = _beats(energy, R_LEVEL * float(np.percentile(energy, 95)), fs)
    around = round(0.06 * fs)
    peaks = np.zeros(len(found), dtype=int)
    for i, peak in enumerate(found):
        start = max(peak - around, 0)
        peaks[i] = start + np.argmax(np.abs(signal[start : peak + around + 1]))
    return peaks


def r_counts(paths: np.ndarray, fs: float, least: float = R_LEVEL) -> np.ndarray:
    """Number of R peaks in each frame of paths (..., frames, samples), (..., frames).

    A peak counts when its QRS energy is at least the share `least` of the level interpolated
    linearly between the path's ends: a beat that fades below is gone, a ghost above it is there.
    """
    ends = np.percentile(qrs_energy(paths[..., [0, -1], :], fs), 95, axis=-1)
    levels = np.linspace(ends[..., 0], ends[..., 1], paths.shape[-2], axis=-1)
    lines, floors = paths.reshape(-1, paths.shape[-1]), np.maximum(least * levels, 1e-9).ravel()
    counts = np.empty(len(lines), int)
    for block in blocks(len(lines)):
        counts[block] = _count_beats(lines[block], floors[block], fs)
    return counts.reshape(levels.shape)


def _count_beats(lines: np.ndarray, floors: np.ndarray, fs: float) -> np.ndarray:
    """Number of R peaks in each of lines (lines, samples), of QRS energies of at least `floors`.

    Most are counted by energies of single precision. A line where that might not tell which of two
    energies is higher is counted by `_beats`.
    """
    margin = ROUNDING * fs
    peaks, lead = _quick_peaks(lines, floors, fs, margin)
    unclear = ~np.isfinite(lines.sum(axis=1))
    unclear[peaks.line[lead < margin]] = True
    peaks = peaks.where(~unclear[peaks.line])
    kept, behind = kept_apart(peaks, REFRACTORY_S * fs)
    unclear[peaks.line[behind < margin]] = True
    counts = np.bincount(peaks.line[kept], minlength=len(lines))
    exact = zip(qrs_energy(lines[unclear], fs), floors[unclear], strict=True)
    counts[unclear] = [len(_beats(energy, least, fs)) for energy, least in exact]
    return counts


def _quick_peaks(
    lines: np.ndarray, floors: np.ndarray, fs: float, margin: float
) -> tuple[Peaks, np.ndarray]:
    """All that may be peaks of QRS energy of at least `floors`, in lines of unit height.

    lines: (lines, samples). floors: (lines,).
    Returns the peaks that lead the samples next to them and the floor, or are behind by less than
    `margin`; and their lead, (peaks,).
    """
    lines = lines.astype(np.float32)
    height = np.maximum(lines.max(axis=1), -lines.min(axis=1)).clip(min=1e-30)[:, None]
    energy = _quick_energy(np.divide(lines, height, out=lines), fs)
    rivals = np.maximum(energy[:, 2:], energy[:, :-2])
    np.maximum(rivals, (floors[:, None] / height).astype(np.float32), out=rivals)
    rivals -= margin
    possible = np.zeros(energy.shape, bool)
    np.greater_equal(energy[:, 1:-1], rivals, out=possible[:, 1:-1])
    peaks = Peaks.at_samples(energy, np.flatnonzero(possible))
    return peaks, peaks.height - rivals[peaks.line, peaks.place - 1] - margin


def _beats(energy: np.ndarray, least: float, fs: float) -> np.ndarray:
    """Samples where a signal's QRS energy, (samples,), has peaks of at least `least`."""
    return find_peaks(energy, height=max(least, 1e-9), distance=REFRACTORY_S * fs)[0]


def _quick_energy(lines: np.ndarray, fs: float) -> np.ndarray:
    """`qrs_energy` of lines (lines, samples) of single precision."""
    to_slope, to_spread = _energy_bands(lines.shape[1], fs)
    slope = filtered(lines, to_slope)
    energy = filtered(np.square(slope, out=slope), to_spread)
    return np.sqrt(energy, out=energy)


@lru_cache
def _energy_bands(samples: int, fs: float) -> tuple[list[Band], list[Band]]:
    slope = bands(lambda x: _slope(x, fs), reach(SMOOTHING_S * fs) + 1, samples, np.float32)
    spread = bands(lambda x: _spread(x, fs), reach(SPREAD_S * fs), samples, np.float32)
    return slope, spread


def t_peaks(signal: np.ndarray, r: np.ndarray, fs: float) -> np.ndarray:
    """Sample of the T peak after each R peak but the last, (R peaks - 1,); -1 for none.

    It is the most prominent peak, up or down, from 120 ms after R to 450 ms, or to 200 ms before
    the next R. `r` are (R peaks,) samples.
    """
    smooth = smoothed(signal, fs)
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
    lines = signals.reshape(-1, signals.shape[-1])
    found = np.empty(len(lines))
    for block in blocks(len(lines)):
        found[block] = _periodicity(lines[block], fs)
    return found.reshape(signals.shape[:-1])


def _periodicity(lines: np.ndarray, fs: float) -> np.ndarray:
    """`periodicity` of a few signals, (signals, samples)."""
    lines = lines - lines.mean(axis=1, keepdims=True)
    samples = lines.shape[1]
    shortest, longest = round(CYCLE_S[0] * fs), min(round(CYCLE_S[1] * fs), samples - 2)
    lags = slice(shortest, longest + 1)
    spectrum = np.fft.rfft(lines, 2 * samples)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[:, lags]
    energy = np.zeros((len(lines), samples + 1))
    energy[:, 1:] = np.cumsum(lines**2, axis=1)
    head = energy[:, samples - longest : samples - shortest + 1][:, ::-1]
    tail = energy[:, -1:] - energy[:, lags]
    norm = np.sqrt(head * tail)
    correlation = np.divide(products, norm, out=np.zeros_like(norm), where=norm > 1e-12)
    return correlation.max(axis=1)


def mean_distance(paths: np.ndarray, signals: np.ndarray) -> np.ndarray:
    """Mean over a path's frames of the cosine distance to the nearest real signal, (paths,).

    paths: (paths, frames, samples), mV. signals: (signals, samples), mV.
    After Berthelot et al. (1807.07543).
    """
    unit = signals / np.maximum(np.linalg.norm(signals, axis=1, keepdims=True), 1e-12)
    length = np.maximum(np.linalg.norm(paths, axis=-1, keepdims=True), 1e-12)
    nearest = ((paths / length) @ unit.T).max(axis=-1)
    return (1 - nearest).mean(axis=-1)
