"""Section III's figures: what is drawn where, and one frame a mask on the slider."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglib.data.synthetic import load_synthetic
from ecglib.estimates import Estimate
from ecglib.experiments.regions import RegionOutcome, prepare_study
from ecglib.pages.region_figures import (
    error_curves,
    factorial_cells,
    process_differences,
    process_scatter,
    restored,
    trajectories,
)
from ecglib.pages.sliders import mask_frames, mask_slider

SIGNALS = np.random.default_rng(0).standard_normal((2, 500)) * 1000


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def outcome() -> RegionOutcome:
    errors = np.array([0.25, 0.5])
    return RegionOutcome(
        SIGNALS, SIGNALS / 2, np.array([[100, 400], [50, 450]]), errors, errors / 10, errors, errors
    )


def test_a_restored_signal_is_in_millivolts_and_seconds_with_its_region_and_errors():
    fig = restored({"good": outcome(), "bad": outcome()}, 1, 500.0, "made up")
    for ax, name in zip(fig.axes, ("good", "bad"), strict=True):
        assert ax.get_title(loc="left") + ax.get_title() == (
            f"{name}: error inside 0.50, outside 0.0500"
        )
        shade = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert (shade.x0, shade.x1) == pytest.approx((0.1, 0.9))
        signal, output = (line.get_ydata() for line in ax.lines)
        assert np.allclose(signal, SIGNALS[1] / 1000) and np.allclose(output, signal / 2)


def test_error_curves_show_means_and_name_every_setting():
    errors = np.array([[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]])
    fig = error_curves(
        [4, 12, 28], {"ECG": {"inside": errors, "outside": errors / 9}}, "stride", ""
    )
    assert len(fig.axes) == 2
    assert np.allclose(fig.axes[0].lines[2].get_ydata(), [0.3, 0.5, 0.7])
    assert [text.get_text() for text in fig.axes[1].get_xticklabels()] == ["4", "12", "28"]
    only_inside = error_curves(
        [1, 2, 3], {"ECG": {"inside": errors}}, "stride", "", parts=["inside"]
    )
    assert len(only_inside.axes) == 1


def test_differences_stand_in_the_row_of_their_process_and_the_bad_net_may_lack_some():
    estimates = {name: Estimate(v, v - 1, v + 1, 5) for v, name in enumerate("abc")}
    few = {"c": estimates["c"]}
    fig = process_differences(
        {
            "good": {"inside": estimates, "outside": estimates},
            "bad": {"inside": few, "outside": few},
        },
        "",
    )
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [round(line.get_ydata()[0]) for line in dots] == [0, 1, 2, 2]
    legend = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert legend == ["good, p = 3", "bad, p = 7"]


def test_scattered_errors_beyond_the_axes_are_drawn_at_their_end():
    good = np.array([0.1, 9.0]), np.array([0.2, 0.3])
    fig = process_scatter({"good": good, "bad": good}, "")
    assert fig.axes[0].lines[1].get_xdata().max() == fig.axes[0].get_xlim()[1] == 2


def test_the_best_cell_alone_has_another_colour():
    cells = {name: Estimate(0.5, 0.4, 0.6, 5) for name in "abc"}
    fig = factorial_cells(cells, "b", "")
    colors = [line.get_color() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert colors[0] == colors[2] != colors[1]


def test_trajectories_are_cut_to_the_seconds_shown():
    fig = trajectories({"a": SIGNALS[0], "b": SIGNALS[1]}, 50.0, "")
    assert all(len(ax.lines[0].get_ydata()) == 250 for ax in fig.axes)


def test_the_slider_has_a_frame_for_every_mask_and_a_group_for_every_record_and_net(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("ECGLIB_JOBS", "1")
    study = prepare_study(load_synthetic(2), 2, longest_cycles=2.0, steps=1, seed=0, device="cpu")
    slider = mask_slider(study, study, [0.5, 2.0], shown=1)
    shown, moved, frames, _ = slider.children
    assert shown.options == ("record s1, good net", "record s1, bad net")
    assert moved.options == ("0.5", "2")
    assert len(frames.children) == 2 and len(frames.children[0].children) == 2
    assert len(set(mask_frames(study, "bad", [0.5, 2.0]))) == 2
