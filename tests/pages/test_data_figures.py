from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglib.data.records import as_waves
from ecglib.data.synthetic import load_synthetic
from ecglib.experiments import survey
from ecglib.pages import data_figures


@pytest.fixture(scope="module")
def records():
    return load_synthetic(12)


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def texts(fig):
    return [t.get_text() for ax in fig.axes for t in [ax.title, ax._left_title, *ax.texts]]


def test_strips_name_records_and_mark_the_annotated_r_peaks(records):
    fig = data_figures.strips([(records, 3), (records, 0)], seconds=4)
    rate = survey.heart_rates(records)[3]
    assert f"Record s4: atrial fibrillation, {rate:.0f} /min" in texts(fig)
    line, marks = fig.axes[0].lines
    assert len(line.get_xdata()) == 2000
    peaks = records.peaks(3, "qrs")
    assert marks.get_xdata() == pytest.approx(peaks[peaks < 2000] / 500)
    assert fig._supxlabel.get_text() == "Data: synthetic (seed 0)"


def test_strips_of_two_sources_name_each(records):
    other = load_synthetic(2, seed=5)
    fig = data_figures.strips([(records, 0), (other, 1)])
    assert any(text.startswith("synthetic (seed 5), record s2: ") for text in texts(fig))


def test_a_cycle_shades_each_wave_over_its_duration(records):
    fig = data_figures.cycle(records)
    _, waves = survey.typical_cycle(records)
    spans = [(p.get_x(), p.get_x() + p.get_width()) for p in fig.axes[0].patches]
    assert spans == [
        (pytest.approx(w["onset"] / 500), pytest.approx(w["offset"] / 500)) for w in waves
    ]
    assert f"T wave\n{2 * (waves['offset'][2] - waves['onset'][2])} ms" in texts(fig)


def test_a_cycle_of_r_peaks_alone_claims_no_durations(records):
    alone = (as_waves([("qrs", -1, 1200, -1)]),)
    fig = data_figures.cycle(replace(records.subset([0]), waves=alone))
    assert "R peak" in texts(fig) and not fig.axes[0].patches


def test_einthovens_sum_is_flat_above_and_not_below(records):
    fig = data_figures.einthoven_error(survey.made_limb_leads(records), 500, "made")
    above, below = (ax.lines[-1].get_ydata() for ax in fig.axes)
    assert not above.any() and np.abs(below).max() > 0.1


def test_distributions_rise_to_one_for_each_source(records):
    fig = data_figures.distributions([records, load_synthetic(5, seed=1)])
    for ax in fig.axes:
        assert [line.get_ydata()[-1] for line in ax.lines] == [1, 1]
