"""The two interpolation sliders of section II: their frames drawn beforehand."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import Widget

from ecglib.interpolation import FS
from ecglib.measures import follow_wave, r_counts
from ecglib.path_figures import course_frame, path_frame
from ecglib.paths import positions
from ecglib.widgets import frame_explorer, png

__all__ = ["course_slider", "path_slider"]

FRAMES = 17  # positions on a slider


def path_slider(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Widget:
    """A slider along four-second paths: for each named pair its net, null and oracle path.

    Each path is (frames, samples), mV, at 128 Hz.
    """
    return _explorer({name: path_frames(paths) for name, paths in groups.items()})


def path_frames(paths: Mapping[str, np.ndarray]) -> list[bytes]:
    """The slider's pictures of one pair: signals and R counts at 17 positions."""
    counts = {kind: r_counts(path, FS) for kind, path in paths.items()}
    pictures = []
    for k in _chosen(paths):
        notes = {kind: f"{count[k]} R peaks" for kind, count in counts.items()}
        pictures.append(_picture(path_frame(paths, k, FS, notes)))
    return pictures


def course_slider(
    groups: Mapping[str, tuple[Mapping[str, np.ndarray], tuple[int, int], int]], fs: float
) -> Widget:
    """A slider along one-cycle paths, the T wave's course drawn under them.

    For each named pair: its net, null and oracle path (frames, samples), mV; first and last
    sample of the ST-T window; 1 or -1, the T wave's sign.
    """
    return _explorer({name: course_frames(*group, fs) for name, group in groups.items()})


def course_frames(
    paths: Mapping[str, np.ndarray], window: tuple[int, int], sign: int, fs: float
) -> list[bytes]:
    """The slider's pictures of one pair of beats."""
    courses = {kind: follow_wave(path, fs, window, sign) for kind, path in paths.items()}
    peaks_ms = {kind: course.peak_ms for kind, course in courses.items()}
    pictures = []
    for k in _chosen(paths):
        notes = {kind: _peaks(course.counts[k]) for kind, course in courses.items()}
        pictures.append(_picture(course_frame(paths, peaks_ms, k, fs, notes)))
    return pictures


def _peaks(count: int) -> str:
    return "one T peak" if count == 1 else f"{count} T peaks" if count else "no T peak"


def _chosen(paths: Mapping[str, np.ndarray]) -> np.ndarray:
    frames = len(next(iter(paths.values())))
    return np.linspace(0, frames - 1, min(FRAMES, frames)).round().astype(int)


def _picture(fig: plt.Figure) -> bytes:
    picture = png(fig)
    plt.close(fig)
    return picture


def _explorer(groups: dict[str, list[bytes]]) -> Widget:
    frames = len(next(iter(groups.values())))
    return frame_explorer(
        groups, label="position", values=[f"{at:.2f}" for at in positions(frames)]
    )
