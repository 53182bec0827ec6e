"""Section II's figures and sliders: what is drawn where, and what the titles say."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglib.data.records import FS
from ecglib.experiments.one_cycle import controlled_pairs
from ecglib.experiments.paths import crossfade
from ecglib.experiments.scores import Scores
from ecglib.pages import path_figures, sliders
from ecglib.pages.style import COLORS, use_style

PAIRS = controlled_pairs()
PATHS = {
    kind: crossfade(PAIRS.nearest(2.0).first[0], PAIRS.nearest(2.0).second[0], 5)
    for kind in ("net", "null")
}


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        use_style()
        yield
    plt.close("all")
    ipywidgets.Widget.close_all()


def test_a_panel_is_bold_where_its_count_leaves_the_range_of_the_ends():
    path = np.tile(np.arange(10.0), (8, 1))
    counts = np.array([4, 5, 6, 7, 6, 5, 4, 5])
    fig = path_figures.path_panels(path, 128, counts, "made")
    words = [ax.texts[0] for ax in fig.axes]
    assert [text.get_weight() for text in words] == ["normal" if c <= 5 else "bold" for c in counts]
    assert words[0].get_text() == "(a)  0.00   R peaks: 4"
    assert words[7].get_text() == "(h)  1.00   R peaks: 5"


def test_frames_lie_over_each_other_in_time_after_the_r_peak():
    fig = path_figures.frames_over_each_other(PATHS, FS, (300, 450), "made")
    for ax, path in zip(fig.axes, PATHS.values(), strict=False):
        (lines,) = ax.collections
        first, *_, last = lines.get_segments()
        assert first[[0, -1], 0].tolist() == [2 * (300 - 256), 2 * (449 - 256)]
        assert np.allclose(first[:, 1], path[0, 300:450])
        assert np.allclose(last[:, 1], path[-1, 300:450])
        assert ax.get_xlim() == (88, 386)


def test_switch_curves_are_shares_of_pairs_a_panel_a_width():
    failing = (PAIRS.displacement_ms > 100).astype(float)
    scores = {"net": Scores({"failing_frame": failing[None]}, PAIRS.patients)}
    fig = path_figures.switch_curves(PAIRS, scores, "made")
    assert len(fig.axes) == 3
    for ax, width in zip(fig.axes, (80, 120, 160), strict=True):
        curve, line = ax.lines
        x, y = curve.get_data()
        assert y.tolist() == (x > 100).tolist() and line.get_xdata()[0] == width


def test_loss_curves_have_a_line_for_every_network_and_one_word_for_all():
    fit = {
        "train_steps": np.arange(3),
        "train_loss": np.ones(3),
        "validation_steps": np.arange(2),
        "validation_loss": np.ones(2),
    }
    (ax,) = path_figures.loss_curves([fit, fit], "made").axes
    assert len(ax.lines) == 4 and len(ax.get_legend().get_texts()) == 2


def drawn(monkeypatch):
    """A list that gets the figures a slider draws."""
    figures = []
    monkeypatch.setattr(sliders, "png", figures.append)
    return figures


def test_a_path_slider_s_frames_tell_the_number_of_r_peaks(monkeypatch):
    figures = drawn(monkeypatch)
    time = np.arange(512) / 128
    beats, none = (
        sum(np.exp(-0.5 * ((time - r) / 0.012) ** 2) for r in at) for at in ([1, 2], [9])
    )
    assert len(sliders.path_frames({"net": np.stack([beats, none])}, "made")) == 2
    titles = [fig.axes[0].get_title(loc="left") for fig in figures]
    assert titles == ["the network's path: 2 R peaks", "the network's path: 0 R peaks"]


def test_a_course_slider_s_frames_tell_the_number_of_t_peaks_and_where_they_are(monkeypatch):
    figures = drawn(monkeypatch)
    pair = PAIRS.nearest(2.0)
    sliders.course_frames(PATHS, pair, "made")
    titles = [fig.axes[0].get_title(loc="left") for fig in figures]
    assert titles[0] == titles[-1] == "the network's path: one T peak"
    assert titles[2] == "the network's path: 2 T peaks"
    course, dot = figures[-1].axes[-1].lines[:2]
    assert dot.get_xdata()[0] == 1 and dot.get_color() == COLORS["net"]
    way = course.get_ydata()[-1] - course.get_ydata()[0]
    assert abs(way) == pytest.approx(pair.displacement_ms[0], abs=2)


def test_a_slider_has_a_frame_for_each_position_and_takes_any_two_records():
    asked = []

    def between(a, b):
        asked.append((a, b))
        return PATHS

    slider = sliders.path_slider({"1 to 2": PATHS}, ["1", "2", "3"], between, "made")
    places, stack, chooser = slider.children[1:4]
    assert places.options == ("0.00", "0.25", "0.50", "0.75", "1.00")
    assert len(stack.children[0].children) == 5
    _, first, second, button = chooser.children
    first.value, second.value = "3", "1"
    button.click()
    assert asked == [("3", "1")]
