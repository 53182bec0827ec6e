"""Figures of section III: signals restored in the unpunished region, and the errors."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecglib.estimates import Estimate, bootstrap
from ecglib.experiments.regions import NETS, RegionOutcome
from ecglib.pages.intervals import interval_rows
from ecglib.pages.style import COLORS, WIDTH, panels, plain, stamp

PARTS = {"inside": "inside the region", "outside": "outside it"}
SERIES_COLORS = (COLORS["good"], COLORS["bad"])
SECONDS = 5  # of each trajectory shown
HIGHEST = 2.0  # error at the end of the scatter's axes


def restored(rows: Mapping[str, RegionOutcome], record: int, fs: float, source: str) -> Figure:
    """One record's signal and reconstruction under each named condition, the region shaded.

    record: its place in the outcomes. fs: Hz.
    """
    fig, axes = panels(len(rows), 0.6 + 1.55 * len(rows), sharex=True)
    for ax, (name, outcome) in zip(axes, rows.items(), strict=True):
        _draw(ax, outcome, record, fs, f"{name}: ")
    _finish(fig)
    stamp(fig, source)
    return fig


def mask_frame(outcome: RegionOutcome, fs: float, title: str) -> Figure:
    """One frame of the mask's slider, of an outcome's first record; fs: Hz."""
    fig, ax = plt.subplots(figsize=(WIDTH, 3.1))
    _draw(ax, outcome, 0, fs, f"{title}\n")
    _finish(fig)
    return fig


def _finish(fig: Figure) -> None:
    """One legend and one label for all panels."""
    fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    fig.axes[-1].set_xlabel("time, s")


def _draw(ax: Axes, outcome: RegionOutcome, record: int, fs: float, heading: str) -> None:
    signal, output = outcome.signals[record] / 1000, outcome.reconstructions[record] / 1000
    inside, outside = outcome.inside[record], outcome.outside[record]
    ax.set_title(plain(f"{heading}error inside {inside:.2f}, outside {outside:.4f}"))
    start, end = outcome.regions[record] / fs
    time = np.arange(len(signal)) / fs
    ax.axvspan(start, end, color=COLORS["region"], zorder=0, label="unpunished")
    ax.plot(time, signal, color=COLORS["signal"], label="signal")
    ax.plot(time, output, color=COLORS["reconstruction"], lw=1, label="reconstruction")
    room = 0.15 * np.ptp(signal)
    ax.set_ylim(signal.min() - room, signal.max() + room)
    ax.set_ylabel("mV")
    ax.margins(x=0)


def trajectories(signals: Mapping[str, np.ndarray], fs: float, source: str) -> Figure:
    """The first five seconds of each named signal (samples,), microvolts; fs: Hz."""
    fig, axes = panels(len(signals), 0.95 * len(signals), sharex=True)
    for ax, (name, signal) in zip(axes, signals.items(), strict=True):
        shown = signal[: round(SECONDS * fs)] / 1000
        ax.plot(np.arange(len(shown)) / fs, shown, color=COLORS["signal"])
        ax.set_title(plain(name), pad=1)
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
    parts: Sequence[str] = ("inside", "outside"),
    log_x: bool = False,
    mark: float | None = None,
    ecg_level: float | None = None,
) -> Figure:
    """Error against a setting: mean over records, its 95 % interval, a thin line a record.

    x: (settings,). series: for each name its errors of the parts shown, (records, settings).
    parts: a panel each. mark: a value of x to mark. ecg_level: inside error of ECGs to compare.
    """
    fig, axes = panels(len(parts), 0.5 + 2.7 * len(parts), sharex=True)
    for ax, part in zip(axes, parts, strict=True):
        for (name, errors), color in zip(series.items(), cycle(SERIES_COLORS), strict=False):
            _curve(ax, x, errors[part], color, name)
        if part == "inside":
            ax.axhline(1, color="black", lw=0.8, ls=":")
            if ecg_level is not None:
                ax.axhline(ecg_level, color=COLORS["null"], lw=1, ls="--", label="ECG")
        if mark is not None:
            ax.axvline(mark, color="black", lw=0.8, ls=":")
        ax.set_title(f"error {PARTS[part]}, over its variance")
        ax.set_ylim(bottom=0)
        if log_x:
            ax.set_xscale("log")
    if len(series) > 1 or ecg_level is not None:
        axes[0].legend()
    axes[-1].set_xlabel(xlabel)
    axes[-1].set_xticks(list(x), [f"{value:g}" for value in x])
    axes[-1].minorticks_off()
    stamp(fig, source)
    return fig


def _curve(ax: Axes, x: Sequence[float], errors: np.ndarray, color: str, name: str) -> None:
    means = [bootstrap(column) for column in errors.T]
    # Single records may lie far beyond it; of one record there is no interval.
    top = 1.5 * max(e.high if e.known else e.value for e in means)
    if len(errors) > 1:
        ax.plot(x, np.minimum(errors, top).T, color=color, lw=0.4, alpha=0.25)
    ax.fill_between(x, [e.low for e in means], [e.high for e in means], color=color, alpha=0.25)
    ax.plot(x, [e.value for e in means], "o-", color=color, ms=4, label=plain(name))
    others_top = ax.get_ylim()[1] if len(ax.lines) > 1 else 0
    ax.set_ylim(top=max(top, others_top))


def process_differences(
    by_net: Mapping[str, Mapping[str, Mapping[str, Estimate]]], source: str
) -> Figure:
    """Errors on processes less those on the ECG, paired: by_net["good" or "bad"][part][process].

    A panel for each part of the signal; the good net's processes are its rows, of which the bad
    net may lack some.
    """
    rows = by_net["good"]["inside"]
    fig, axes = panels(len(PARTS), (0.7 + 0.36 * len(rows)) * len(PARTS))
    for ax, (part, title) in zip(axes, PARTS.items(), strict=True):
        interval_rows(
            ax,
            {
                process: {
                    net: by_part[part][process]
                    for net, by_part in by_net.items()
                    if process in by_part[part]
                }
                for process in rows
            },
            {net: f"{net}, p = {NETS[net]}" for net in by_net},
        )
        ax.axvline(0, color="black", lw=0.8)
        ax.locator_params(axis="x", nbins=6)
        ax.set_title(title)
    axes[0].legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.97), ncols=2, columnspacing=1, handletextpad=0
    )
    axes[-1].set_xlabel("error on the process less error on the ECG")
    stamp(fig, source)
    return fig


def process_scatter(by_net: Mapping[str, tuple[np.ndarray, np.ndarray]], source: str) -> Figure:
    """Errors inside on the ECG (across) and on a process (up), one dot a record, a panel a net.

    by_net: under "good" and "bad" the errors on either, (records,).
    """
    fig, axes = plt.subplots(1, len(by_net), figsize=(WIDTH, 3.3), sharex=True, sharey=True)
    top = min(HIGHEST, 1.05 * max(errors.max() for both in by_net.values() for errors in both))
    for ax, (net, (ecg, process)) in zip(axes, by_net.items(), strict=True):
        ax.plot([0, top], [0, top], color="black", lw=0.8, ls=":")
        across, up = np.minimum(ecg, top), np.minimum(process, top)
        ax.plot(across, up, "o", ms=4, color=COLORS[net], alpha=0.7)
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal", title=f"{net}, p = {NETS[net]}")
        ax.set_xlabel("error inside, ECG")
    axes[0].set_ylabel("error inside, process")
    stamp(fig, source)
    return fig


def factorial_cells(cells: Mapping[str, Estimate], best: str, source: str) -> Figure:
    """The error inside of each cell of the factorial design, the named best one in blue."""
    fig, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * len(cells)))
    rows = {name: {"good" if name == best else "bad": e} for name, e in cells.items()}
    interval_rows(ax, rows)
    ax.axvline(1, color="black", lw=0.8, ls=":")
    ax.set_xlim(left=0)
    ax.set_xlabel("error inside the region, over its variance")
    stamp(fig, source)
    return fig
