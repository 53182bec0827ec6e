"""Peaks of many short lines at once: one comparison over all samples, then only the few found."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Peaks:
    """Peaks of lines (lines, samples), line by line, in each from left to right.

    at: (peaks,) their sample, counted through all lines.
    line, place: (peaks,) the line, and the sample in it.
    height: (peaks,) the line's value there.
    """

    at: np.ndarray
    line: np.ndarray
    place: np.ndarray
    height: np.ndarray

    @classmethod
    def at_samples(cls, lines: np.ndarray, at: np.ndarray) -> "Peaks":
        """Peaks of lines (lines, samples) at samples that are counted through all of them."""
        line = at // lines.shape[1]
        return cls(at, line, at - line * lines.shape[1], lines.ravel()[at])

    def where(self, kept: np.ndarray) -> "Peaks":
        """The peaks for which `kept`, (peaks,), is true."""
        return Peaks(self.at[kept], self.line[kept], self.place[kept], self.height[kept])


def local_peaks(lines: np.ndarray) -> Peaks:
    """All peaks of lines (lines, samples): samples over both neighbours, middles of plateaus.

    As in `scipy.signal.find_peaks` neither end of a line is a peak. What is infinite is none
    either.
    """
    flat, samples = lines.ravel(), lines.shape[1]
    rises = flat[1:] > flat[:-1]
    first = np.flatnonzero(rises[:-1] & ~rises[1:]) + 1
    place = first % samples
    first = first[(place > 0) & (place < samples - 1) & (flat[first] < np.inf)]
    last = _last_equal(flat, first, samples)
    falls = ((last + 1) % samples > 0) & (flat[(last + 1) % len(flat)] < flat[last])
    return Peaks.at_samples(lines, ((first + last) // 2)[falls])


def _last_equal(flat: np.ndarray, first: np.ndarray, samples: int) -> np.ndarray:
    """The last of the samples from each of `first` on that are equal and in the same line."""
    last, walking = first.copy(), np.arange(len(first))
    while len(walking):
        walking = walking[(last[walking] + 1) % samples > 0]
        walking = walking[flat[last[walking] + 1] == flat[last[walking]]]
        last[walking] += 1
    return last


def prominences(lines: np.ndarray, peaks: Peaks) -> np.ndarray:
    """Prominence of all the peaks that lines (lines, samples) have, (peaks,).

    A peak's height above the higher of the lowest samples to its left and to its right, each side
    as far as a higher sample or the end of the line.
    """
    samples = lines.shape[1]
    starts = np.arange(0, lines.size, samples)
    # Of what lies between two peaks next to each other only the lowest sample matters.
    stops = np.sort(np.concatenate([starts, peaks.at, starts + samples - 1]))
    lowest, height = np.minimum.reduceat(lines.ravel(), stops), lines.ravel()[stops]
    # In a line's stops its peaks are preceded by its start, and by starts and ends of those before.
    own = np.arange(len(peaks.at)) + 2 * peaks.line + 1
    end = np.ones(len(stops), bool)
    end[own] = False
    left, right = (_base(peaks.height, own, lowest, height, end, step) for step in (-1, 1))
    return peaks.height - np.maximum(left, right)


def _base(
    peak: np.ndarray,
    stop: np.ndarray,
    lowest: np.ndarray,
    height: np.ndarray,
    end: np.ndarray,
    step: int,
) -> np.ndarray:
    """Lowest value from each peak on as far as a higher one, or the end of its line, (peaks,).

    peak, stop: (peaks,) its height, and its number among the stops, which are peaks and ends.
    lowest: (stops,) the lowest value from a stop on to the next. height, end: (stops,) of each.
    step: 1 to the right, -1 to the left.
    """
    base, here, walking = peak.copy(), stop.copy(), np.arange(len(peak))
    while len(walking):
        here[walking] += step
        at = here[walking]
        passed = np.minimum(lowest[at if step < 0 else at - 1], height[at])
        base[walking] = np.minimum(base[walking], passed)
        walking = walking[~end[at] & (height[at] <= peak[walking])]
    return base


def highest(lines: np.ndarray, peaks: Peaks) -> np.ndarray:
    """Sample of each line's highest peak, the first of equals; of its highest where it has none.

    Samples that are infinite do not count.
    """
    top = np.full(len(lines), -np.inf)
    np.maximum.at(top, peaks.line, peaks.height)
    tops = np.flatnonzero(peaks.height == top[peaks.line])[::-1]
    place = np.full(len(lines), -1)
    place[peaks.line[tops]] = peaks.place[tops]  # the first is the last to be written
    none = np.flatnonzero(place < 0)
    place[none] = np.argmax(np.where(np.isinf(lines[none]), -np.inf, lines[none]), axis=1)
    return place


def kept_apart(peaks: Peaks, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Which peaks stay, if in a line the higher of two nearer than `distance` puts out the other.

    The highest peak of all has its way first, then the next that is left (as in
    `scipy.signal.find_peaks`). Returns (peaks,) booleans; and by how much each peak is lower than
    the least higher one so near, (peaks,): where that is nought, which of the two stays is open.
    """
    low, high = _near(peaks, distance)
    behind = np.full(len(peaks.at), np.inf)
    np.minimum.at(behind, low, peaks.height[high] - peaks.height[low])
    stays = np.ones(len(peaks.at), bool)
    while len(low):
        beaten = np.zeros(len(stays), bool)
        beaten[low] = True
        stays[low[~beaten[high]]] = False
        open_ = stays[low] & stays[high]
        low, high = low[open_], high[open_]
    return stays, behind


def _near(peaks: Peaks, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of peaks of a line nearer than `distance`: the lower ones, the higher ones."""
    where = peaks.at + distance * peaks.line  # no two lines are near each other
    pairs = [np.empty((2, 0), int)]
    for step in range(1, len(where)):
        first = np.flatnonzero(where[step:] - where[:-step] < distance)
        if not len(first):
            break
        pairs.append(np.stack([first, first + step]))
    one, other = np.concatenate(pairs, axis=1)
    falls = peaks.height[one] >= peaks.height[other]
    return np.where(falls, other, one), np.where(falls, one, other)
