"""Rows of estimates with their intervals, as every comparison of the book is drawn."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from ecglib.estimates import Estimate

APART = 0.2  # of a row, between two estimates in it


def interval_rows(
    ax: Axes,
    rows: Mapping[str, Mapping[str, Estimate]],
    colors: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
) -> None:
    """Draw the estimates of each named row, one under the other: a dot on its 95 % interval.

    rows: by its name, which stands at the y axis, the first on top; in each the estimates by the
        name of their series. A row may lack a series.
    colors: of each series.
    labels: what a legend calls a series; its own name where there is none. The legend itself is
        the caller's.
    """
    labels = {series: series for series in colors} | dict(labels or {})
    shown: set[str] = set()
    for row, estimates in enumerate(rows.values()):
        top = row - APART * (len(estimates) - 1) / 2
        for k, (series, e) in enumerate(estimates.items()):
            y = top + APART * k
            ax.plot([e.low, e.high], [y, y], color=colors[series], lw=2)
            label = None if series in shown else labels[series]
            ax.plot(e.value, y, "o", color=colors[series], ms=5, label=label)
            shown.add(series)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
