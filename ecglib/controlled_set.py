"""The controlled set (paper, II-B): beats alike but for where the T wave is and how wide."""

import numpy as np

from ecglib.beats import FS, LENGTH, BeatPairs
from ecglib.synthetic import controlled_beats

__all__ = ["controlled_pairs", "controlled_training"]

WIDTHS_MS = (80.0, 120.0, 160.0)
STEP_MS = 10.0
LONGEST_MS = 300.0


def controlled_training() -> np.ndarray:
    """The controlled beats a net is trained on, (signals, 512) float32, mV: every displacement
    from 0 to 300 ms in steps of 2.5 ms at every width, but for those of the test pairs.
    """
    fine = np.arange(0, LONGEST_MS + 1, STEP_MS / 4)
    return controlled_beats(fine[fine % STEP_MS != 0], WIDTHS_MS).signals


def controlled_pairs(step_ms: float = 2 * STEP_MS) -> BeatPairs:
    """Pairs of controlled beats of one width, every two displacements on a grid of `step_ms`."""
    grid = np.arange(0, LONGEST_MS + 1, step_ms)
    beats = controlled_beats(grid, WIDTHS_MS)
    i, j = np.triu_indices(len(beats.signals), 1)
    alike = beats.width_ms[i] == beats.width_ms[j]
    i, j = i[alike], j[alike]
    half = beats.width_ms * FS / 2000
    onset = np.minimum(beats.t_peak[i] - half[i], beats.t_peak[j] - half[j])
    offset = np.maximum(beats.t_peak[i] + half[i], beats.t_peak[j] + half[j])
    return BeatPairs(
        first=beats.signals[i],
        second=beats.signals[j],
        window=np.stack([onset, offset], axis=1).astype(int),
        displacement_ms=np.abs(beats.displacement_ms[i] - beats.displacement_ms[j]),
        width_ms=beats.width_ms[i],
        sign=np.ones(len(i), dtype=int),
        patients=np.stack([i, j], axis=1),
        marks=tuple(
            (
                np.array([0, LENGTH // 2, *(beats.t_peak[a] + k * half[a] for k in (-1, 0, 1))]),
                np.array([0, LENGTH // 2, *(beats.t_peak[b] + k * half[b] for k in (-1, 0, 1))]),
            )
            for a, b in zip(i, j, strict=True)
        ),
    )
