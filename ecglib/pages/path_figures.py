"""Figures of section II: reconstructions, paths, and what was measured on them."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ecglib.estimates import Estimate
from ecglib.experiments.one_cycle import BeatPairs
from ecglib.experiments.paths import positions
from ecglib.experiments.t_waves import TScores
from ecglib.pages.style import COLORS, WIDTH, ecg_axes, stamp

EFFECTS = {"C3": "share of pairs", "C6": "share of frames", "d*": "relative"}
KINDS = {"net": "the network's path", "null": "cross-fade (null)", "oracle": "moved waves (oracle)"}


def loss_curves(
    steps: np.ndarray, train: np.ndarray, test_steps: np.ndarray, test: np.ndarray, source: str
) -> Figure:
    """Training loss (seeds, steps) and test loss (seeds, test steps), mV^2, one line a seed."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.0))
    for k in range(len(train)):
        first = k == 0
        label = "training batches" if first else None
        ax.plot(steps, train[k], color=COLORS["signal"], lw=0.8, alpha=0.7, label=label)
        label = "test patients" if first else None
        ax.plot(test_steps, test[k], color=COLORS["net"], lw=1.5, label=label)
    ax.set(yscale="log", xlabel="step", ylabel="mean squared error, mV²")
    ax.legend()
    stamp(fig, source)
    return fig


def reconstructions(
    signals: np.ndarray, decoded: np.ndarray, fs: float, titles: Sequence[str], source: str
) -> Figure:
    """Signals (rows, samples) in grey with their reconstructions over them, mV."""
    fig, axes = plt.subplots(len(signals), 1, figsize=(WIDTH, 1.45 * len(signals)), sharex=True)
    time = np.arange(signals.shape[1]) / fs
    for ax, signal, output, title in zip(axes, signals, decoded, titles, strict=True):
        ax.plot(time, signal, color=COLORS["signal"], label="record")
        ax.plot(time, output, color=COLORS["reconstruction"], label="reconstruction")
        ax.set_title(title)
        ecg_axes(ax, seconds=ax is axes[-1])
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 0.95), ncols=2)
    stamp(fig, source)
    return fig


def spectra(frequencies: np.ndarray, densities: Mapping[str, np.ndarray], source: str) -> Figure:
    """Mean power density (frequencies,) of each named set of signals, mV^2/Hz, on a log scale."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.0))
    for (name, density), color in zip(
        densities.items(), (COLORS["signal"], COLORS["net"]), strict=True
    ):
        ax.semilogy(frequencies, density, color=color, label=name)
    ax.axvspan(40, frequencies[-1], color=COLORS["region"], zorder=0)
    ax.set(xlabel="frequency, Hz", ylabel="power, mV²/Hz")
    ax.margins(x=0)
    ax.legend()
    stamp(fig, source)
    return fig


def path_panels(
    path: np.ndarray, fs: float, counts: np.ndarray, source: str, panels: int = 8
) -> Figure:
    """Eight frames of one path (frames, samples), mV, each with its R count (paper's figure 3)."""
    chosen = np.linspace(0, len(path) - 1, panels).round().astype(int)
    fig, axes = plt.subplots(panels, 1, figsize=(WIDTH, 0.85 * panels), sharex=True, sharey=True)
    time = np.arange(path.shape[1]) / fs
    low, high = sorted(counts[[0, -1]])
    for letter, ax, k in zip("abcdefgh", axes, chosen, strict=False):
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
    paths: Mapping[str, np.ndarray], k: int, fs: float, notes: Mapping[str, str]
) -> Figure:
    """Frame `k` of the net's path, the null and the oracle (each (frames, samples), mV)."""
    fig, axes = plt.subplots(
        len(paths), 1, figsize=(WIDTH, 1.35 * len(paths)), sharex=True, sharey=True
    )
    low = min(path.min() for path in paths.values())
    high = max(path.max() for path in paths.values())
    for ax, (kind, path) in zip(np.atleast_1d(axes), paths.items(), strict=True):
        time = np.arange(path.shape[1]) / fs
        ax.plot(time, path[k], color=COLORS[kind])
        ax.set_title(f"{KINDS[kind]}: {notes[kind]}")
        ax.set_ylim(low, high + 0.05 * (high - low))
        ecg_axes(ax, seconds=kind == list(paths)[-1])
    return fig


def _over_each_other(ax: Axes, path: np.ndarray, time_ms: np.ndarray) -> LineCollection:
    lines = LineCollection(
        [np.column_stack([time_ms, frame]) for frame in path],
        array=positions(len(path)),
        cmap="viridis",
        linewidths=1.1,
    )
    ax.add_collection(lines)
    ax.set_xlim(time_ms[0], time_ms[-1])
    ax.set_ylim(path.min() - 0.05, path.max() + 0.05)
    return lines


def frames_over_each_other(
    paths: Mapping[str, np.ndarray],
    fs: float,
    window: tuple[int, int],
    source: str,
    frames: int = 9,
) -> Figure:
    """Frames of each path drawn over each other, around the T wave (paper's figure 4)."""
    fig, axes = plt.subplots(
        len(paths), 1, figsize=(WIDTH, 1.9 * len(paths)), sharex=True, sharey=True
    )
    first, last = window
    for ax, (kind, path) in zip(axes, paths.items(), strict=True):
        time_ms = (np.arange(first, last) - path.shape[1] // 2) * 1000 / fs
        chosen = np.linspace(0, len(path) - 1, frames).round().astype(int)
        lines = _over_each_other(ax, path[chosen, first:last], time_ms)
        ax.set_title(KINDS[kind])
        ax.set_ylabel("mV")
    low = min(path[:, first:last].min() for path in paths.values())
    high = max(path[:, first:last].max() for path in paths.values())
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
) -> Figure:
    """Frame `k` of one-cycle paths, and under it the course of the T wave's peak.

    `paths` are (frames, samples), mV; `peaks_ms` (frames,), ms from the first sample.
    """
    fig, axes = plt.subplots(
        len(paths) + 1,
        1,
        figsize=(WIDTH, 1.3 * len(paths) + 1.7),
        height_ratios=[1] * len(paths) + [1.1],
    )
    centre_ms = next(iter(paths.values())).shape[1] // 2 * 1000 / fs
    low = min(path.min() for path in paths.values())
    high = max(path.max() for path in paths.values())
    for ax, (kind, path) in zip(axes, paths.items(), strict=False):
        time_ms = np.arange(path.shape[1]) * 1000 / fs - centre_ms
        ax.plot(time_ms, path[k], color=COLORS[kind])
        ax.set_title(f"{KINDS[kind]}: {notes[kind]}")
        ax.set_ylim(low, high + 0.05 * (high - low))
        ecg_axes(ax, seconds=False)
        ax.set_xticklabels([])
    for kind, course in peaks_ms.items():
        axes[-1].plot(positions(len(course)), course - centre_ms, color=COLORS[kind], lw=1)
        axes[-1].plot(positions(len(course))[k], course[k] - centre_ms, "o", color=COLORS[kind])
    axes[-1].set(xlabel="position on the path", ylabel="T peak, ms", xlim=(-0.01, 1.01))
    return fig


def dot_plot(
    rows: Mapping[str, Mapping[str, Estimate]],
    xlabel: str,
    source: str,
    line: float | None = None,
    ylabel: str = "",
) -> Figure:
    """For each row the estimates of net, null and oracle as dots with their intervals."""
    fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.55 * len(rows)))
    for y, estimates in enumerate(rows.values()):
        for shift, (kind, e) in zip((-0.2, 0.0, 0.2), estimates.items(), strict=False):
            label = KINDS.get(kind, kind) if y == 0 else None
            ax.plot([e.low, e.high], [y + shift] * 2, color=COLORS[kind], lw=2)
            ax.plot(e.value, y + shift, "o", color=COLORS[kind], label=label)
    if line is not None:
        ax.axvline(line, color="black", lw=0.8, ls=":")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    stamp(fig, source)
    return fig


def switch_curves(pairs: BeatPairs, scores: Mapping[str, TScores], source: str) -> Figure:
    """Share of violated pairs against displacement, a panel for each width of the T wave."""
    widths = np.unique(pairs.width_ms)
    fig, axes = plt.subplots(
        len(widths), 1, figsize=(WIDTH, 1.55 * len(widths)), sharex=True, sharey=True
    )
    for ax, width in zip(np.atleast_1d(axes), widths, strict=True):
        for kind, s in scores.items():
            alike = pairs.width_ms == width
            steps = np.unique(pairs.displacement_ms[alike])
            shares = [s.violated[:, alike & (pairs.displacement_ms == d)].mean() for d in steps]
            ax.plot(steps, shares, "o-", ms=3.5, color=COLORS[kind], label=KINDS[kind])
        ax.axvline(width, color="black", lw=0.8, ls=":")
        ax.set_title(f"T wave {width:.0f} ms wide (dotted line)")
    axes[0].legend(loc="lower right")
    axes[len(widths) // 2].set_ylabel("share of violated pairs")
    axes[-1].set_xlabel("displacement of the T waves, ms")
    stamp(fig, source)
    return fig


def forest_plot(
    effects: Mapping[str, Mapping[str, Estimate]], margins: Mapping[str, float], source: str
) -> Figure:
    """Effects of variations (rows) on several measures (panels), with intervals and margins.

    `effects[measure][variation]`; `margins[measure]` is the band within which an effect is small.
    """
    variations = list(next(iter(effects.values())))
    fig, axes = plt.subplots(
        1, len(effects), figsize=(WIDTH, 1.1 + 0.3 * len(variations)), sharey=True
    )
    for ax, (measure, rows) in zip(axes, effects.items(), strict=True):
        ax.axvspan(-margins[measure], margins[measure], color=COLORS["region"], zorder=0)
        ax.axvline(0, color="black", lw=0.8)
        for y, e in enumerate(rows.values()):
            ax.plot([e.low, e.high], [y, y], color=COLORS["net"], lw=2)
            ax.plot(e.value, y, "o", color=COLORS["net"], ms=5)
        ax.set_title(measure)
        ax.set_xlabel(EFFECTS[measure])
        ax.locator_params(axis="x", nbins=4)
    axes[0].set_yticks(range(len(variations)), variations)
    axes[0].set_ylim(len(variations) - 0.5, -0.5)
    stamp(fig, source)
    return fig
