"""Linear filters of many short lines at once, as products with the bands of their matrix."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BAND = 32  # samples made by one product
LINES = 512  # that stay in the processor's cache together


@dataclass(frozen=True)
class Band:
    """What samples `source` of a line add to its filtered samples `target`: (source, target)."""

    source: slice
    target: slice
    matrix: np.ndarray


def reach(deviation: float) -> int:
    """How many samples SciPy's Gaussian of this standard deviation, in samples, looks around."""
    return int(4 * deviation + 0.5)


def bands(
    linear: Callable[[np.ndarray], np.ndarray], around: int, samples: int, dtype: type
) -> list[Band]:
    """The matrix of a filter of lines (lines, samples), cut along its diagonal, BAND by BAND.

    linear: the filter, no sample of whose result depends on one further away than `around`.
    """
    found = []
    for first in range(0, samples, BAND):
        last = min(first + BAND, samples)
        source = np.arange(max(first - around, 0), min(last + around, samples))
        impulses = np.zeros((len(source), samples))
        impulses[np.arange(len(source)), source] = 1
        matrix: np.ndarray = np.ascontiguousarray(linear(impulses)[:, first:last], dtype=dtype)
        found.append(Band(slice(source[0], source[-1] + 1), slice(first, last), matrix))
    return found


def filtered(lines: np.ndarray, matrix: Sequence[Band]) -> np.ndarray:
    """Lines (lines, samples) behind the filter of these bands, from their first target to the last.

    Returns (lines, targets) of the bands' type.
    """
    start = matrix[0].target.start
    made = np.empty((len(lines), matrix[-1].target.stop - start), matrix[0].matrix.dtype)
    for band in matrix:
        target = made[:, band.target.start - start : band.target.stop - start]
        np.matmul(lines[:, band.source], band.matrix, out=target)
    return made


def blocks(items: int, lines: int = 1) -> Iterator[slice]:
    """Consecutive items of so many lines each, few enough to stay in the cache together."""
    step = max(LINES // lines, 1)
    return (slice(first, first + step) for first in range(0, items, step))
