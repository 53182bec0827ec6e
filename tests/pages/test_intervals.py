"""Rows of intervals: every estimate in the row of its name, under its series' colour."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglib.estimates import Estimate
from ecglib.pages.intervals import interval_rows
from ecglib.pages.style import COLORS


@pytest.fixture
def ax():
    yield plt.subplots()[1]
    plt.close("all")


def estimate(value):
    return Estimate(value, value - 1, value + 2, 9)


def test_an_estimate_is_a_dot_on_its_interval_in_the_row_of_its_name(ax):
    rows = {"a": {"net": estimate(1), "null": estimate(2)}, "b": {"null": estimate(5)}}
    interval_rows(ax, rows, {"null": "cross-fade"})
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    assert ax.yaxis_inverted()
    spans, dots = ax.lines[::2], ax.lines[1::2]
    assert [list(line.get_xdata()) for line in spans] == [[0, 3], [1, 4], [4, 7]]
    assert [line.get_xdata()[0] for line in dots] == [1, 2, 5]
    heights = [line.get_ydata()[0] for line in dots]
    assert [round(y) for y in heights] == [0, 0, 1] and heights[0] < heights[1]
    assert heights[2] == 1  # alone in its row, in the middle of it
    assert [line.get_color() for line in dots] == [
        COLORS[series] for series in ("net", "null", "null")
    ]


def test_a_series_stands_once_in_the_legend_under_its_label(ax):
    rows = {name: {"net": estimate(1), "null": estimate(2)} for name in "abc"}
    interval_rows(ax, rows, {"null": "cross-fade"})
    assert ax.get_legend_handles_labels()[1] == ["net", "cross-fade"]


@pytest.mark.parametrize(
    ("low", "value", "high", "starts", "edges"),
    [
        (0.4, 0.8, np.inf, [0.4], [1]),
        (0.4, np.inf, np.inf, [0.4], [1]),
        (-np.inf, -0.2, 0.3, [0.3], [0]),
        (-np.inf, 0.1, np.inf, [0.1, 0.1], [1, 0]),
        (np.inf, np.inf, np.inf, [0.94], [1]),
        (0.4, 0.8, 1.0, [], []),
        (np.nan, np.nan, np.nan, [], []),
    ],
)
def test_an_infinite_end_is_an_arrow_to_the_edge_of_the_panel(ax, low, value, high, starts, edges):
    interval_rows(ax, {"a": {"net": Estimate(value, low, high, 9)}})
    ax.axvline(3)
    ax.figure.canvas.draw()
    arrows = ax.texts
    assert [arrow.get_position()[0] for arrow in arrows] == starts
    box = ax.get_window_extent()
    tips = [arrow.arrow_patch.get_window_extent() for arrow in arrows]
    for edge, tip in zip(edges, tips, strict=True):
        assert abs(tip.x1 - box.x1 if edge else tip.x0 - box.x0) < 5  # pixels, of 640
