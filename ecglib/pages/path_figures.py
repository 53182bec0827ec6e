"""Figures of section II: training, reconstructions, paths, and where they switch."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ecglib.experiments.one_cycle import BeatPairs
from ecglib.experiments.paths import positions
from ecglib.experiments.scores import Scores
from ecglib.measures import HIGH_HZ
from ecglib.pages.style import (
    COLORS,
    PATHS,
    WIDTH,
    ecg_axes,
    nothing_to_draw,
    panels,
    plain,
    stamp,
)


def loss_curves(fits: Sequence[Mapping[str, np.ndarray]], source: str) -> Figure:
    """Training loss and test loss, mV^2, one line for each of the results of `training.train`."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.0))
    for fit in fits:
        signal, net = COLORS["signal"], COLORS["net"]
        ax.plot(fit["train_steps"], fit["train_loss"], color=signal, lw=0.8, alpha=0.7)
        ax.plot(fit["validation_steps"], fit["validation_loss"], color=net, lw=1.5)
    ax.set(yscale="log", xlabel="step", ylabel="mean squared error, mV²")
    ax.legend(ax.lines[:2], ["training batches", "test patients"])
    stamp(fig, source)
    return fig


def reconstructions(
    signals: np.ndarray, decoded: np.ndarray, fs: float, titles: Sequence[str], source: str
) -> Figure:
    """Signals (rows, samples) in grey with their reconstructions over them, mV."""
    fig, axes = panels(len(signals), 1.45 * len(signals), sharex=True)
    time = np.arange(signals.shape[1]) / fs
    for ax, signal, output, title in zip(axes, signals, decoded, titles, strict=True):
        ax.plot(time, signal, color=COLORS["signal"], label="record")
        ax.plot(time, output, color=COLORS["reconstruction"], label="reconstruction")
        ax.set_title(plain(title))
        ecg_axes(ax, seconds=ax is axes[-1])
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 0.95), ncols=2)
    stamp(fig, source)
    return fig


def spectra(frequencies: np.ndarray, densities: Mapping[str, np.ndarray], source: str) -> Figure:
    """Mean power density (frequencies,) of two named sets of signals, mV^2/Hz, on a log scale."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.0))
    ax.set_prop_cycle(color=[COLORS["signal"], COLORS["net"]])
    for name, density in densities.items():
        ax.semilogy(frequencies, density, label=name)
    ax.axvspan(HIGH_HZ, frequencies[-1], color=COLORS["region"], zorder=0)
    ax.set(xlabel="frequency, Hz", ylabel="power, mV²/Hz")
    ax.margins(x=0)
    ax.legend()
    stamp(fig, source)
    return fig


def path_panels(path: np.ndarray, fs: float, counts: np.ndarray, source: str) -> Figure:
    """Eight frames of one path (frames, samples), mV, each with its R count (paper's figure 3)."""
    letters = "abcdefgh"
    chosen = np.linspace(0, len(path) - 1, len(letters)).round().astype(int)
    fig, axes = panels(len(letters), 0.85 * len(letters), sharex=True, sharey=True)
    time = np.arange(path.shape[1]) / fs
    low, high = sorted(counts[[0, -1]])
    for letter, ax, k in zip(letters, axes, chosen, strict=True):
        ax.plot(time, path[k], color=COLORS["net"])
        broken = not low <= counts[k] <= high
        ax.text(
            0.995,
            0.97,
            f"({letter})  {positions(len(path))[k]:.2f}   R peaks: {counts[k]}",
            transform=ax.transAxes,
            ha="right",
            va="top",
            fontsize=10,
            color=COLORS["null"] if broken else "black",
            weight="bold" if broken else "normal",
        )
        ax.set_yticks([0, 1])
        ax.margins(x=0)
    bottom, top = path[chosen].min(), path[chosen].max()
    axes[0].set_ylim(bottom, top + 0.6 * (top - bottom))  # room for the words above the peaks
    fig.supylabel("mV", fontsize=11)
    axes[-1].set_xlabel("time, s")
    stamp(fig, source)
    return fig


def path_frame(
    paths: Mapping[str, np.ndarray], k: int, fs: float, notes: Mapping[str, str], source: str
) -> Figure:
    """Frame `k` of the net's path, the null and the oracle (each (frames, samples), mV)."""
    fig, axes = panels(len(paths), 1.35 * len(paths), sharex=True, sharey=True)
    time = np.arange(next(iter(paths.values())).shape[1]) / fs
    _draw_frames(axes, time, paths, k, notes)
    axes[-1].set_xlabel("time, s")
    stamp(fig, source)
    return fig


def _draw_frames(
    axes: Sequence[Axes],
    time: np.ndarray,
    paths: Mapping[str, np.ndarray],
    k: int,
    notes: Mapping[str, str],
) -> None:
    """Frame `k` of each path over time (samples,), in a panel of its own, all on one scale."""
    low = min(path.min() for path in paths.values())
    high = max(path.max() for path in paths.values())
    for ax, (kind, path) in zip(axes, paths.items(), strict=True):
        ax.plot(time, path[k], color=COLORS[kind])
        ax.set_title(f"{PATHS[kind]}: {notes[kind]}")
        ax.set_ylim(low, high + 0.05 * (high - low))
        ecg_axes(ax, seconds=False)


def frames_over_each_other(
    paths: Mapping[str, np.ndarray], fs: float, window: tuple[int, int], source: str
) -> Figure:
    """Nine frames of each path drawn over each other, in a window of samples (paper's figure 4).

    Where there are no paths the panel is empty.
    """
    if not paths:
        return nothing_to_draw("there is no such pair of T waves", source)
    fig, axes = panels(len(paths), 1.9 * len(paths), sharex=True, sharey=True)
    first, last = window
    for ax, (kind, path) in zip(axes, paths.items(), strict=True):
        time_ms = (np.arange(first, last) - path.shape[1] // 2) * 1000 / fs
        chosen = np.linspace(0, len(path) - 1, 9).round().astype(int)
        lines = LineCollection(
            [np.column_stack([time_ms, frame]) for frame in path[chosen, first:last]],
            array=positions(len(chosen)),
            cmap="viridis",
            linewidths=1.1,
        )
        ax.add_collection(lines)
        ax.set_title(PATHS[kind])
        ax.set_ylabel("mV")
    low = min(path[:, first:last].min() for path in paths.values())
    high = max(path[:, first:last].max() for path in paths.values())
    axes[0].set_xlim(time_ms[0], time_ms[-1])
    axes[0].set_ylim(low - 0.05, high + 0.05)
    axes[-1].set_xlabel("time after the R peak, ms")
    fig.colorbar(lines, ax=axes, label="position on the path", aspect=40)
    stamp(fig, source)
    return fig


def course_frame(
    paths: Mapping[str, np.ndarray],
    peaks_ms: Mapping[str, np.ndarray],
    k: int,
    fs: float,
    notes: Mapping[str, str],
    source: str,
) -> Figure:
    """Frame `k` of one-cycle paths, and under it the course of the T wave's peak.

    `paths` are (frames, samples), mV; `peaks_ms` (frames,), ms from the first sample.
    """
    ratios = [1] * len(paths) + [1.1]
    fig, axes = panels(len(ratios), 1.3 * len(paths) + 1.7, height_ratios=ratios)
    samples = next(iter(paths.values())).shape[1]
    centre_ms = samples // 2 * 1000 / fs
    _draw_frames(axes[:-1], np.arange(samples) * 1000 / fs - centre_ms, paths, k, notes)
    for ax in axes[:-1]:
        ax.set_xticklabels([])
    for kind, course in peaks_ms.items():
        axes[-1].plot(positions(len(course)), course - centre_ms, color=COLORS[kind], lw=1)
        axes[-1].plot(positions(len(course))[k], course[k] - centre_ms, "o", color=COLORS[kind])
    axes[-1].set(xlabel="position on the path", ylabel="T peak, ms", xlim=(-0.01, 1.01))
    stamp(fig, source)
    return fig


def switch_curves(pairs: BeatPairs, scores: Mapping[str, Scores], source: str) -> Figure:
    """Share of pairs with a failing frame against displacement, a panel a width of the T wave."""
    widths = np.unique(pairs.width_ms)
    fig, axes = panels(len(widths), 1.55 * len(widths), sharex=True, sharey=True)
    for ax, width in zip(axes, widths, strict=True):
        alike = pairs.width_ms == width
        steps = np.unique(pairs.displacement_ms[alike])
        for kind, of in scores.items():
            failing = of["failing_frame"]
            shares = [failing[:, alike & (pairs.displacement_ms == d)].mean() for d in steps]
            ax.plot(steps, shares, "o-", ms=3.5, color=COLORS[kind], label=PATHS[kind])
        ax.axvline(width, color="black", lw=0.8, ls=":")
        ax.set_title(f"T wave {width:.0f} ms wide (dotted line)")
    axes[0].legend(loc="lower right")
    axes[len(widths) // 2].set_ylabel("share of pairs with a failing frame")
    axes[-1].set_xlabel("displacement of the T waves, ms")
    stamp(fig, source)
    return fig
