"""Rows of estimates with their intervals, as every comparison of the book is drawn."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecglib.estimates import Estimate
from ecglib.pages.style import COLORS, PATHS, WIDTH, nothing_to_draw, plain, stamp

APART = 0.2  # of a row, between two estimates in it


def interval_rows(
    ax: Axes,
    rows: Mapping[str, Mapping[str, Estimate]],
    labels: Mapping[str, str] | None = None,
) -> None:
    """Draw the estimates of each named row, one under the other: a dot on its 95 % interval.

    rows: by its name, which stands at the y axis, the first on top; in each the estimates by the
        name of their series. A row may lack a series. An arrow to the panel's edge stands for an
        infinite end.
    labels: what a legend calls a series; its own name where there is none. The legend itself is
        the caller's.
    """
    labels = {series: series for series in COLORS} | dict(labels or {})
    shown: set[str] = set()
    for row, estimates in enumerate(rows.values()):
        top = row - APART * (len(estimates) - 1) / 2
        for k, (series, e) in enumerate(estimates.items()):
            y = top + APART * k
            ax.plot([e.low, e.high], [y, y], color=COLORS[series], lw=2)
            known = [x for x in (e.low, e.value, e.high) if np.isfinite(x)]
            if e.high == np.inf:
                _arrow(ax, y, COLORS[series], edge=1, start=known[0] if known else None)
            if e.low == -np.inf:
                _arrow(ax, y, COLORS[series], edge=0, start=known[-1] if known else None)
            label = None if series in shown else labels[series]
            ax.plot(e.value, y, "o", color=COLORS[series], ms=5, label=label)
            shown.add(series)
    ax.set_yticks(range(len(rows)), [plain(name) for name in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)


def _arrow(ax: Axes, y: float, color: str, edge: int, start: float | None) -> None:
    """An arrow from a value, where there is one, to the panel's left (0) or right (1) edge."""
    ax.margins(x=0.15)  # room for its head beyond the last dot
    across = ax.get_yaxis_transform()  # x counts panel widths, y stays in the data's units
    ax.annotate(
        "",
        xy=(edge, y),
        xycoords=across,
        xytext=(abs(edge - 0.06) if start is None else start, y),
        textcoords=across if start is None else "data",
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0},
    )


def dot_plot(
    rows: Mapping[str, Mapping[str, Estimate]],
    source: str,
    xlabel: str = "",
    ylabel: str = "",
    line: float | None = None,
) -> Figure:
    """In each row the estimates of "net", "null" and "oracle"; a dotted line where one is due.

    Of no rows the panel is empty.
    """
    if not rows:
        return nothing_to_draw("no pair could be measured", source)
    fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.55 * len(rows)))
    interval_rows(ax, rows, PATHS)
    if line is not None:
        ax.axvline(line, color="black", lw=0.8, ls=":")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)
    stamp(fig, source)
    return fig


def forest_plot(
    panels: Mapping[str, Mapping[str, Estimate]], margins: Mapping[str, float], source: str
) -> Figure:
    """Effects of variations (rows) on several measures (panels), within what is called small.

    panels: by the measure's title the effects by the variation's name, the same in all.
    margins: by the same titles, how far from zero an effect is small.
    """
    names = next(iter(panels.values()))
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 1.1 + 0.3 * len(names)), sharey=True)
    for ax, (title, found) in zip(axes, panels.items(), strict=True):
        ax.axvspan(-margins[title], margins[title], color=COLORS["region"], zorder=0)
        ax.axvline(0, color="black", lw=0.8)
        interval_rows(ax, {name: {"net": found[name]} for name in names})
        ax.set_title(title)
        ax.set_xlabel(next(iter(found.values())).unit)
        ax.locator_params(axis="x", nbins=4)
    stamp(fig, source)
    return fig
