"""Paths from one signal to another: through latent space, by cross-fading, by moving the waves.

A path is an array (frames, samples) in mV; frame k stands at position k / (frames - 1).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ecglib.bands import blocks


def positions(frames: int) -> np.ndarray:
    """Where the frames of a path stand between its ends, (frames,), from 0 to 1."""
    return np.linspace(0, 1, frames)


@torch.no_grad()
def latent_path(net: Any, first: np.ndarray, second: np.ndarray, frames: int) -> np.ndarray:
    """Decode the straight lines between the codes of two sets of signals (paper, II-A).

    net: any with `encode` and `decode`, on the CPU and in evaluation mode.
    first, second: (pairs, samples), mV.
    Returns (pairs, frames, samples) float32, mV.
    """
    if not len(first):
        return np.empty((0, frames, first.shape[1]), np.float32)
    start, end = (net.encode(torch.as_tensor(x, dtype=torch.float32)) for x in (first, second))
    at = torch.as_tensor(positions(frames), dtype=torch.float32)
    at = at.view(-1, *[1] * (start.dim() - 1))  # a code may have any shape
    codes = (1 - at) * start[:, None] + at * end[:, None]
    decoded = [net.decode(part) for part in codes.flatten(0, 1).split(256)]
    return torch.cat(decoded).unflatten(0, (-1, frames)).numpy()


def crossfade(first: np.ndarray, second: np.ndarray, frames: int) -> np.ndarray:
    """The null: the straight line between the two signals themselves.

    first, second: (..., samples), mV. Returns (..., frames, samples), mV.
    """
    path = np.empty((*first.shape[:-1], frames, first.shape[-1]))
    for k, at in enumerate(positions(frames)):
        path[..., k, :] = (1 - at) * first + at * second
    return path


Marks = tuple[np.ndarray, np.ndarray]  # where the same landmarks stand in two signals, in samples


def landmark_warp(
    first: np.ndarray,
    second: np.ndarray,
    marks: Sequence[Marks],
    frames: int,
    starts: np.ndarray | int = 0,
    length: int | None = None,
) -> np.ndarray:
    """The oracle: annotated landmarks move linearly in time while the shapes blend.

    first, second: (pairs, samples), mV.
    marks: for each pair the landmarks in both signals, two (marks,), strictly rising; beyond the
        outermost ones the signal moves along unstretched.
    starts, length: (pairs,) where the frames are cut out, and how many samples; all by default.
    Returns (pairs, frames, samples) float32, mV.

    Raises ValueError for no landmarks, or not as many in either signal.
    """
    for one, other in marks:
        if len(one) == 0 or len(one) != len(other):
            raise ValueError(
                "a warp needs the same landmarks in both signals, at least one; there are "
                f"{len(one)} and {len(other)}"
            )
    starts = np.broadcast_to(starts, len(first))
    path = np.empty((len(first), frames, length or first.shape[1]), np.float32)
    for block in blocks(len(first), frames):
        cut = starts[block, None, None] + np.arange(path.shape[-1])
        path[block] = _warped(first[block], second[block], marks[block], positions(frames), cut)
    return path


def _warped(
    first: np.ndarray, second: np.ndarray, marks: Sequence[Marks], at: np.ndarray, time: np.ndarray
) -> np.ndarray:
    """`landmark_warp` of a few pairs, (pairs, frames, samples).

    at: (frames,) positions. time: (pairs, 1, samples) that are wanted.
    """
    at = at[:, None]
    one, other = (_table([pair[k] for pair in marks])[:, None] for k in (0, 1))
    moved = (1 - at) * one + at * other
    begins = np.clip(np.ceil(moved).astype(int) - time[..., :1], 0, time.shape[-1])
    counts = np.diff(begins, prepend=0, append=time.shape[-1])

    def held(values: np.ndarray) -> np.ndarray:
        """Values at the marks, each at all samples from its mark to the next, from the start on."""
        return np.repeat(values.ravel(), counts.ravel()).reshape(*moved.shape[:2], -1)

    since = time - held(_first_twice(moved))
    warped = np.zeros_like(since)
    for signals, source, weight in ((first, one, 1 - at), (second, other, at)):
        # before the first mark and after the last a signal moves along unstretched
        slopes = np.ones(counts.shape)
        gaps = np.diff(moved)
        np.divide(np.diff(source), gaps, out=slopes[..., 1:-1], where=gaps > 0)
        places = held(slopes)
        places *= since
        places += held(np.broadcast_to(_first_twice(source), counts.shape))
        values = _between(signals, places)
        values *= weight
        warped += values
    return warped


def _table(marks: Sequence[np.ndarray]) -> np.ndarray:
    """Lists of marks as rows as long as the longest, by repeating the last mark of each."""
    table = np.empty((len(marks), max(map(len, marks))))
    for row, mine in zip(table, marks, strict=True):
        row[: len(mine)], row[len(mine) :] = mine, mine[-1]
    return table


def _first_twice(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[..., :1], values], axis=-1)


def _between(signals: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Signals (pairs, samples) at `places`, linear between samples; beyond their ends as there.

    places: (pairs, frames, samples), overwritten by what is returned.
    """
    signals = signals.astype(float)
    pairs, samples = signals.shape
    np.clip(places, 0, samples - 1, out=places)
    whole = np.floor(places)
    places -= whole
    whole += samples * np.arange(pairs)[:, None, None]
    before = whole.astype(np.intp)
    places *= np.diff(signals, append=signals[:, -1:]).take(before)
    places += signals.take(before)
    return places


def common_landmarks(
    first_waves: np.ndarray, second_waves: np.ndarray, centre: int
) -> tuple[np.ndarray, np.ndarray]:
    """The landmarks that two annotations share, beats counted from the R peak next to `centre`.

    first_waves, second_waves: (waves,) WAVE, in samples.
    Returns two (marks,) float arrays, strictly rising: onset, peak and offset of every wave that
    both annotations have at the same beat.
    """
    first, second = (_landmarks(waves, centre) for waves in (first_waves, second_waves))
    kept: list[tuple[int, int]] = []
    for mark in sorted((first[key], second[key]) for key in first.keys() & second.keys()):
        if not kept or (mark[0] > kept[-1][0] and mark[1] > kept[-1][1]):
            kept.append(mark)
    marks = np.array(kept, dtype=float).reshape(-1, 2)
    return marks[:, 0], marks[:, 1]


def _landmarks(waves: np.ndarray, centre: int) -> dict[tuple[int, str, str], int]:
    """Where each landmark stands, in samples, by its beat (from the centre), wave and point."""
    kind, peak = waves["kind"], waves["peak"][:, None]
    beats = waves["peak"][kind == "qrs"]
    if len(beats) == 0:
        return {}
    # A P wave belongs to the next R peak, a T wave to the last one.
    earlier = np.where(kind == "t", (beats < peak).sum(axis=1), (beats <= peak).sum(axis=1))
    beat = earlier - (kind != "p") - np.argmin(np.abs(beats - centre))
    return {
        (number, name, point): at
        for point in ("onset", "peak", "offset")
        for number, name, at in zip(
            beat.tolist(), kind.tolist(), waves[point].tolist(), strict=True
        )
        if at >= 0
    }
