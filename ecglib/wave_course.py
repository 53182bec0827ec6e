"""A wave followed along paths (paper, II-B): how many peaks, how high, where."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ecglib.bands import BAND, Band, bands, blocks, filtered, reach
from ecglib.measures import SMOOTHING_S, smoothed
from ecglib.peaks import highest, local_peaks, prominences

WAVE_HEIGHT = 0.2  # a wave's height, at least, over the interpolated height at the ends
WAVE_PROMINENCE = 0.1  # and its prominence over the same


@dataclass(frozen=True)
class WaveCourse:
    """One wave followed along each of paths (..., frames, samples).

    counts: (..., frames) peaks in the wave's window.
    peak_ms: (..., frames) where the highest one stands, ms from the path's first sample.
    retention: (...) least height on the path over the height interpolated between the ends.
    drift_error_ms: (...) largest distance of the peak from its straight course, ms.
    smoothness: (...) longest step of the peak over the whole way, less a steady step's share;
        0 for a steady drift, near 1 for a jump (after Berthelot et al., 1807.07543), NaN where
        the whole way is shorter than a sample.
    """

    counts: np.ndarray
    peak_ms: np.ndarray
    retention: np.ndarray
    drift_error_ms: np.ndarray
    smoothness: np.ndarray

    @property
    def violations(self) -> np.ndarray:
        """Share of frames that do not hold exactly one peak, (...)."""
        return np.mean(self.counts != 1, axis=-1)


def follow_wave(
    paths: np.ndarray,
    fs: float,
    window: np.ndarray | tuple[int, int],
    sign: np.ndarray | int = 1,
) -> WaveCourse:
    """Follow a wave along paths (paper, II-B): is it one, is it as high, where does it stand?

    A peak counts with a height of at least 20 % and a prominence of at least 10 % of the wave's
    height interpolated between the ends; heights are above the frame's median, its isoelectric
    level. Frames are smoothed by a Gaussian of 8 ms first, whatever made them.

    paths: (..., frames, samples), mV. fs: Hz.
    window: (..., 2) first and last sample of the ST-T window.
    sign: (...) 1 for an upright wave, -1 for an inverted one.
    """
    *outer, count, samples = paths.shape
    paths = paths.reshape(-1, count, samples)
    window = np.broadcast_to(window, (*outer, 2)).reshape(-1, 2)
    sign = np.broadcast_to(sign, outer).ravel()
    counts, places = np.empty((len(paths), count), int), np.empty((len(paths), count))
    retention = np.empty(len(paths))
    for block in blocks(len(paths), count):
        start, lines = _wave_lines(paths[block], fs, window[block], sign[block])
        counts[block], places[block], retention[block] = _wave_peaks(lines)
        places[block] += start
    peak_ms = places * 1000 / fs
    straight = np.linspace(peak_ms[:, 0], peak_ms[:, -1], count, axis=1)
    way = np.abs(peak_ms[:, -1] - peak_ms[:, 0])
    longest = np.abs(np.diff(peak_ms, axis=1)).max(axis=1)
    share = np.divide(longest, way, out=np.full_like(way, np.nan), where=way >= 1000 / fs)
    return WaveCourse(
        counts=counts.reshape(*outer, count),
        peak_ms=peak_ms.reshape(*outer, count),
        retention=retention.reshape(outer),
        drift_error_ms=np.abs(peak_ms - straight).max(axis=1).reshape(outer),
        smoothness=(share - 1 / (count - 1)).reshape(outer),
    )


def _wave_lines(
    paths: np.ndarray, fs: float, window: np.ndarray, sign: np.ndarray
) -> tuple[int, np.ndarray]:
    """Smoothed frames of paths (paths, frames, samples), the wave upright, and their first sample.

    They go from the first to the last sample of all windows, (paths, frames, stretch), and some on
    either side. Beyond its own window a frame is infinite: there stands no peak, and prominences
    end.
    """
    samples = paths.shape[-1]
    ordered = np.sort(paths, axis=-1)
    level = ordered[..., [(samples - 1) // 2, samples // 2]].mean(axis=-1, keepdims=True)
    level[np.isnan(ordered[..., -1])] = np.nan  # as the median is where there is one
    over = slice(window[:, 0].min() // BAND, window[:, 1].max() // BAND + 1)
    to_smooth = _smoothing_bands(samples, fs)[over]
    source = slice(to_smooth[0].source.start, to_smooth[-1].source.stop)
    frames = np.empty(paths.shape)
    np.subtract(paths[..., source], level, out=frames[..., source])
    upright = filtered(frames.reshape(-1, samples), to_smooth).reshape(*paths.shape[:2], -1)
    upright *= sign[:, None, None]
    # A peak's prominence ends at a higher one, not at an equal one: were the middle frame's two
    # exactly equal, each would have its whole height. A slope of 1e-9 mV a sample breaks ties.
    start = to_smooth[0].target.start
    after = np.arange(start, start + upright.shape[-1]) - window[:, :1]
    upright += 1e-9 * after[:, None]
    outside = (after < 0) | (after > window[:, 1:] - window[:, :1])
    np.copyto(upright, np.inf, where=outside[:, None])
    return start, upright


@lru_cache
def _smoothing_bands(samples: int, fs: float) -> list[Band]:
    return bands(lambda x: smoothed(x, fs), reach(SMOOTHING_S * fs), samples, np.float64)


def _wave_peaks(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks and place of the highest in each frame of paths, (paths, frames); and retention.

    paths: (paths, frames, samples), as `_wave_lines` makes them.
    """
    count = paths.shape[1]
    lines = paths.reshape(-1, paths.shape[-1])
    peaks = local_peaks(lines)
    places, heights = (x.reshape(-1, count) for x in _summits(lines, highest(lines, peaks)))
    expected = np.maximum(np.linspace(heights[:, 0], heights[:, -1], count, axis=1), 1e-3)
    wave = expected.ravel()[peaks.line]
    counted = peaks.height >= WAVE_HEIGHT * wave
    counted &= prominences(lines, peaks) >= WAVE_PROMINENCE * wave
    counts = np.bincount(peaks.line[counted], minlength=len(lines)).reshape(-1, count)
    return counts, places, (heights / expected).min(axis=1)


def _summits(lines: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the peak at sample `best` of each line, between samples by a parabola; its height.

    At the end of a line, or of its finite stretch, it is the sample's place itself.
    """
    every, last = np.arange(len(lines)), lines.shape[1] - 1
    before, at, after = (lines[every, np.clip(best + step, 0, last)] for step in (-1, 0, 1))
    inner = (best > 0) & (best < last) & np.isfinite(before) & np.isfinite(after)
    place = best.astype(float)
    before, top, after = before[inner], at[inner], after[inner]
    place[inner] += 0.5 * (before - after) / np.minimum(before - 2 * top + after, -1e-12)
    return place, at
