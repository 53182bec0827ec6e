"""Figures of section III: signals restored in the unpunished region, and the errors."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecglib.estimates import Estimate, bootstrap
from ecglib.experiments.regions import RegionOutcome
from ecglib.pages.style import COLORS, WIDTH, stamp

PARTS = {"inside": "inside the region", "outside": "outside it"}
SHADES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # of COLORS, for any named series


def errors_text(outcome: RegionOutcome, record: int) -> str:
    """Both errors of a record in words."""
    inside, outside = outcome.inside[record], outcome.outside[record]
    return f"error inside {inside:.2f}, outside {outside:.4f}"


def restored(rows: Mapping[str, RegionOutcome], record: int, fs: float, source: str) -> Figure:
    """One record's signal and reconstruction under each named condition, the region shaded."""
    fig, axes = plt.subplots(len(rows), 1, figsize=(WIDTH, 0.6 + 1.55 * len(rows)), sharex=True)
    for ax, (name, outcome) in zip(np.atleast_1d(axes), rows.items(), strict=True):
        _draw(ax, outcome, record, fs)
        ax.set_title(f"{name}: {errors_text(outcome, record)}")
    _legend(fig, np.atleast_1d(axes)[0])
    np.atleast_1d(axes)[-1].set_xlabel("time, s")
    stamp(fig, source)
    return fig


def mask_frame(outcome: RegionOutcome, record: int, fs: float, title: str) -> Figure:
    """One frame of the mask's slider: signal, reconstruction, region and both errors."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.1))
    _draw(ax, outcome, record, fs)
    ax.set_title(f"{title}\n{errors_text(outcome, record)}")
    ax.set_xlabel("time, s")
    _legend(fig, ax)
    return fig


def _legend(fig: Figure, ax: Axes) -> None:
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3)


def _draw(ax: Axes, outcome: RegionOutcome, record: int, fs: float) -> None:
    signal, output = outcome.signals[record] / 1000, outcome.reconstructions[record] / 1000
    start, end = outcome.regions[record] / fs
    time = np.arange(len(signal)) / fs
    ax.axvspan(start, end, color=COLORS["region"], zorder=0, label="unpunished")
    ax.plot(time, signal, color=COLORS["signal"], label="signal")
    ax.plot(time, output, color=COLORS["reconstruction"], lw=1, label="reconstruction")
    room = 0.15 * np.ptp(signal)
    ax.set_ylim(signal.min() - room, signal.max() + room)
    ax.set_ylabel("mV")
    ax.margins(x=0)


def trajectories(
    signals: Mapping[str, np.ndarray], fs: float, source: str, seconds: float = 5.0
) -> Figure:
    """The first seconds of each named signal (samples,), microvolts."""
    fig, axes = plt.subplots(len(signals), 1, figsize=(WIDTH, 0.95 * len(signals)), sharex=True)
    for ax, (name, signal) in zip(axes, signals.items(), strict=True):
        shown = signal[: round(seconds * fs)] / 1000
        ax.plot(np.arange(len(shown)) / fs, shown, color=COLORS["signal"])
        ax.set_title(name, pad=1)
        ax.margins(x=0)
    fig.supylabel("mV", fontsize=11)
    axes[-1].set_xlabel("time, s")
    stamp(fig, source)
    return fig


def error_curves(
    x: Sequence[float],
    series: Mapping[str, Mapping[str, np.ndarray]],
    xlabel: str,
    source: str,
    *,
    log_x: bool = False,
    lines: Mapping[str, float] | None = None,
    marks: Sequence[float] = (),
) -> Figure:
    """Inside and outside error against a setting: mean, its 95 % interval, thin lines a record.

    series: for each name the errors "inside" and, unless left out, "outside", (records, settings).
    lines: named levels of the inside error for comparison; marks: values of x to mark.
    """
    parts = [part for part in PARTS if part in next(iter(series.values()))]
    fig, axes = plt.subplots(
        len(parts), 1, figsize=(WIDTH, 0.5 + 2.7 * len(parts)), sharex=True, squeeze=False
    )
    for ax, part in zip(axes[:, 0], parts, strict=True):
        for (name, errors), color in zip(series.items(), SHADES, strict=False):
            _curve(ax, x, errors[part], color, name)
        if part == "inside":
            ax.axhline(1, color="black", lw=0.8, ls=":")
            for name, level in (lines or {}).items():
                ax.axhline(level, color=COLORS["null"], lw=1, ls="--", label=name)
        for mark in marks:
            ax.axvline(mark, color="black", lw=0.8, ls=":")
        ax.set_title(f"error {PARTS[part]}, over its variance")
        ax.set_ylim(bottom=0)
        if log_x:
            ax.set_xscale("log")
    if len(series) > 1 or lines:
        axes[0, 0].legend()
    last = axes[-1, 0]
    last.set_xlabel(xlabel)
    last.set_xticks(list(x), [f"{value:g}" for value in x])
    last.minorticks_off()
    stamp(fig, source)
    return fig


def _curve(ax: Axes, x: Sequence[float], errors: np.ndarray, color: str, name: str) -> None:
    means = [bootstrap(column) for column in errors.T]
    top = 1.5 * max(e.high for e in means)
    if len(errors) > 1:
        ax.plot(x, np.minimum(errors, top).T, color=color, lw=0.4, alpha=0.25)
    ax.fill_between(x, [e.low for e in means], [e.high for e in means], color=color, alpha=0.25)
    ax.plot(x, [e.value for e in means], "o-", color=color, ms=4, label=name)
    ax.set_ylim(top=max(top, ax.get_ylim()[1] if ax.lines[:-1] else 0))


def differences(
    series: Mapping[str, Mapping[str, Mapping[str, Estimate]]], xlabel: str, source: str
) -> Figure:
    """Paired differences with intervals: series[net][part][process], a panel for each part.

    The first net's processes are the rows; the second may lack some of them.
    """
    parts = list(next(iter(series.values())))
    processes = list(next(iter(series.values()))[parts[0]])
    fig, axes = plt.subplots(
        len(parts), 1, figsize=(WIDTH, (0.7 + 0.36 * len(processes)) * len(parts)), squeeze=False
    )
    for ax, part in zip(axes[:, 0], parts, strict=True):
        for shift, (net, by_part) in zip((-0.13, 0.13), series.items(), strict=False):
            color = COLORS["good" if shift < 0 else "bad"]
            for process, e in by_part[part].items():
                y = processes.index(process) + shift
                ax.plot([e.low, e.high], [y, y], color=color, lw=2)
                ax.plot(e.value, y, "o", color=color, label=net if y < 0.5 else None)
        ax.axvline(0, color="black", lw=0.8)
        ax.set_yticks(range(len(processes)), processes)
        ax.set_ylim(len(processes) - 0.5, -0.5)
        ax.set_title(PARTS.get(part, part))
    axes[0, 0].legend()
    axes[-1, 0].set_xlabel(xlabel)
    stamp(fig, source)
    return fig


def paired_scatter(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]], labels: tuple[str, str], source: str
) -> Figure:
    """Errors of one record against another of its errors, one dot a record, a panel each.

    panels: for each name the values on x and on y, (records,).
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.3), sharex=True, sharey=True)
    top = 1.05 * max(max(x.max(), y.max()) for x, y in panels.values())
    top = min(top, 2.0)
    for ax, (name, (x, y)), color in zip(np.atleast_1d(axes), panels.items(), SHADES, strict=False):
        ax.plot([0, top], [0, top], color="black", lw=0.8, ls=":")
        ax.plot(np.minimum(x, top), np.minimum(y, top), "o", ms=4, color=color, alpha=0.7)
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal", title=name, xlabel=labels[0])
    np.atleast_1d(axes)[0].set_ylabel(labels[1])
    stamp(fig, source)
    return fig


def factorial_cells(cells: Mapping[str, Estimate], best: str, source: str) -> Figure:
    """The error inside of each cell of the factorial design, the named best one in blue."""
    fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * len(cells)))
    for y, (name, e) in enumerate(cells.items()):
        color = COLORS["good"] if name == best else COLORS["bad"]
        ax.plot([e.low, e.high], [y, y], color=color, lw=2)
        ax.plot(e.value, y, "o", color=color)
    ax.axvline(1, color="black", lw=0.8, ls=":")
    ax.set_yticks(range(len(cells)), list(cells))
    ax.set_ylim(len(cells) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel("error inside the region, over its variance")
    stamp(fig, source)
    return fig
