"""Paths from one signal to another: through latent space, by cross-fading, by moving the waves.

A path is an array (frames, samples) in mV; frame k stands at position k / (frames - 1).
"""

from typing import Any

import numpy as np
import torch


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
    at = positions(frames)[:, None]
    return (1 - at) * first[..., None, :] + at * second[..., None, :]


def landmark_warp(
    first: np.ndarray,
    second: np.ndarray,
    first_marks: np.ndarray,
    second_marks: np.ndarray,
    frames: int,
    cut: slice = slice(None),
) -> np.ndarray:
    """The oracle: annotated landmarks move linearly in time while the shapes blend.

    first, second: (samples,), mV.
    first_marks, second_marks: (marks,) where the same landmarks stand in each, in samples,
        strictly rising; beyond the outermost ones the signal moves along unstretched.
    cut: the samples of each frame that are wanted.
    Returns (frames, samples) float32, mV.

    Raises ValueError for no landmarks, or not as many in either signal.
    """
    if len(first_marks) == 0 or len(first_marks) != len(second_marks):
        raise ValueError(
            f"a warp needs the same landmarks in both signals, at least one; there are "
            f"{len(first_marks)} and {len(second_marks)}"
        )
    at = positions(frames)[:, None]
    marks = (1 - at) * first_marks + at * second_marks
    time = np.arange(len(first))[cut]
    start, end = (
        _interpolated(signal, _stretch(time, marks, source))
        for signal, source in ((first, first_marks), (second, second_marks))
    )
    return ((1 - at) * start + at * end).astype(np.float32)


def _stretch(time: np.ndarray, marks: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Where in the source each sample of each frame comes from, (frames, samples).

    time: (samples,) rising. marks: (frames, marks) where the source's (marks,) come to stand.
    """
    # The first and the last mark's stretch has slope 1.
    ...
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
    beats = waves["peak"][waves["kind"] == "qrs"]
    if len(beats) == 0:
        return {}
    zero = int(np.argmin(np.abs(beats - centre)))
    marks = {}
    for wave in waves:
        # A P wave belongs to the next R peak, a T wave to the last one.
        earlier = beats < wave["peak"] if wave["kind"] == "t" else beats <= wave["peak"]
        beat = int(earlier.sum()) - (wave["kind"] != "p")
        for point in ("onset", "peak", "offset"):
            if wave[point] >= 0:
                marks[beat - zero, str(wave["kind"]), point] = int(wave[point])
    return marks


