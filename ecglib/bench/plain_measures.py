"""Paths measured and made frame by frame: what tests and the benchmark compare with."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from ecglib.measures import R_LEVEL, REFRACTORY_S, SMOOTHING_S, qrs_energy
from ecglib.wave_course import WAVE_HEIGHT, WAVE_PROMINENCE, WaveCourse


def r_counts(path: np.ndarray, fs: float, least: float = R_LEVEL) -> np.ndarray:
    """As `measures.r_counts`, of one path (frames, samples)."""
    energy = qrs_energy(path, fs)
    ends = np.percentile(energy[[0, -1]], 95, axis=-1)
    levels = np.linspace(ends[0], ends[1], len(path))
    return np.array(
        [
            len(find_peaks(e, height=max(least * level, 1e-9), distance=REFRACTORY_S * fs)[0])
            for e, level in zip(energy, levels, strict=True)
        ]
    )


def follow_wave(path: np.ndarray, fs: float, window: tuple[int, int], sign: int = 1) -> WaveCourse:
    """As `wave_course.follow_wave`, of one path (frames, samples)."""
    frames = sign * (path - np.median(path, axis=1, keepdims=True))
    frames = gaussian_filter1d(frames.astype(float), SMOOTHING_S * fs, axis=1)
    frames = frames[:, window[0] : window[1] + 1]
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
        retention=(heights / expected).min(),
        drift_error_ms=np.abs(peak_ms - straight).max(),
        smoothness=np.asarray(longest / way - 1 / (len(path) - 1) if way >= 1000 / fs else np.nan),
    )


def _highest(frame: np.ndarray) -> tuple[float, float]:
    peaks, _ = find_peaks(frame)
    best = int(peaks[np.argmax(frame[peaks])] if len(peaks) else np.argmax(frame))
    place = float(best)
    if 0 < best < len(frame) - 1:
        before, at, after = frame[best - 1 : best + 2]
        place += 0.5 * (before - after) / min(before - 2 * at + after, -1e-12)
    return place, float(frame[best])


def landmark_warp(
    first: np.ndarray,
    second: np.ndarray,
    first_marks: np.ndarray,
    second_marks: np.ndarray,
    frames: int,
) -> np.ndarray:
    """As `experiments.paths.landmark_warp`."""
    time = np.arange(len(first))
    path = np.empty((frames, len(first)), dtype=np.float32)
    for k, at in enumerate(np.linspace(0, 1, frames)):
        marks = (1 - at) * first_marks + at * second_marks
        start = np.interp(_stretch(time, marks, first_marks), time, first)
        end = np.interp(_stretch(time, marks, second_marks), time, second)
        path[k] = (1 - at) * start + at * end
    return path


def _stretch(time: np.ndarray, marks: np.ndarray, source: np.ndarray) -> np.ndarray:
    inner = np.interp(time, marks, source)
    before, after = np.minimum(time - marks[0], 0), np.maximum(time - marks[-1], 0)
    return inner + before + after
