"""How well signals are reconstructed, where it is known beforehand."""

import numpy as np
import pytest
from toy_beats import REGULAR, beats_at, records_of
from toy_net import Half, Identity

from ecglib.claims import CLAIMS
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import WINDOW, windows_of
from ecglib.experiments.interpolation import RATE, four_seconds
from ecglib.experiments.reconstruction import (
    explained,
    mean_explained,
    peak_scores,
    peaks_found,
    power_ratio,
    reconstruct,
    typical_explained,
)


def windows(**how):
    return windows_of(records_of(REGULAR, **how), WINDOW)


@pytest.mark.parametrize("kind", ["qrs", "t"])
@pytest.mark.parametrize("annotated", [slice(None), slice(4, 7)])
def test_the_signals_themselves_have_every_annotated_peak_and_none_beyond_counts(annotated, kind):
    some = windows(annotated=annotated)
    for estimate in peak_scores(some, some.signals, kind).values():
        assert (estimate.value, estimate.low, estimate.high) == (1, 1, 1)


def test_a_lost_beat_lowers_the_sensitivity_alone_and_a_ghost_the_predictive_value():
    r_at = np.arange(0.5, 9.6, 1.0)
    cut = windows_of(records_of([r_at]))  # from 3 to 7 s: beats at 3.5, 4.5, 5.5 and 6.5 s
    without = beats_at(np.delete(r_at, 4))[None, 384 : 384 + WINDOW]
    scores = peak_scores(cut, without, "qrs")
    assert scores["sensitivity"].value == pytest.approx(3 / 4) and scores["ppv"].value == 1
    ghost = beats_at(np.sort([*r_at, 5.05]), t=False)[None, 384 : 384 + WINDOW]
    scores = peak_scores(cut, ghost, "qrs")
    assert scores["sensitivity"].value == 1 and scores["ppv"].value == pytest.approx(4 / 5)


@pytest.mark.parametrize("kind", ["qrs", "t"])
@pytest.mark.parametrize(("late_ms", "right"), [(39, 1), (-39, 1), (63, 0), (-63, 0)])
def test_a_peak_is_right_within_50_ms(late_ms, right, kind):
    late = np.roll(windows().signals, round(late_ms * RATE / 1000), axis=1)
    assert peak_scores(windows(), late, kind)["sensitivity"].value == pytest.approx(right, abs=0.01)


def test_a_t_wave_that_is_gone_is_missed():
    flat = np.stack([beats_at(r_at, t=False)[384 : 384 + WINDOW] for r_at in REGULAR])
    assert peak_scores(windows(), flat, "qrs")["sensitivity"].value == 1
    assert peak_scores(windows(), flat, "t")["sensitivity"].value == 0


def test_what_is_nowhere_annotated_cannot_be_scored():
    unlabelled = windows(t=False)
    for estimate in peak_scores(unlabelled, unlabelled.signals, "t").values():
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert peak_scores(unlabelled, unlabelled.signals, "qrs")["ppv"].value == 1


DATA = four_seconds(load_synthetic(10))
TEST = DATA.test.signals
FLAT = np.zeros_like(TEST)
ALTERNATING = 0.05 * np.resize([1.0, -1.0], TEST.shape[1])  # mV, all of it at 64 Hz


def evidence(train_decoded, test_decoded):
    """C1's evidence for nets with these reconstructions."""
    return {
        "explained_train": explained(DATA.train, train_decoded),
        "explained_test": explained(DATA.test, test_decoded),
        **peaks_found(DATA.test, test_decoded),
    }


def test_signals_that_come_back_unchanged_are_reconstructed_well():
    found = evidence([DATA.train.signals] * 2, [TEST] * 2)
    assert found["explained_train"].value == found["explained_test"].value == 1
    assert found["r_sensitivity"].value > 0.99 and found["r_ppv"].value > 0.99
    assert CLAIMS["C1"].decide(found) != "does not hold"


def test_a_net_that_gives_nothing_halves_what_two_nets_find_and_explain():
    found = evidence([DATA.train.signals], [TEST, FLAT + TEST.mean()])
    best = peaks_found(DATA.test, [TEST])
    for peak in ("r", "t"):
        half = best[f"{peak}_sensitivity"].value / 2
        assert found[f"{peak}_sensitivity"].value == pytest.approx(half)
        assert found[f"{peak}_ppv"].value == pytest.approx(best[f"{peak}_ppv"].value)
    assert found["explained_train"].value == 1
    assert 0.3 < found["explained_test"].value < 0.51
    assert CLAIMS["C1"].decide(found) == "does not hold"


def test_the_typical_window_is_not_moved_by_a_few_bad_ones():
    decoded = TEST.copy()
    decoded[: len(decoded) // 4] *= -1
    assert typical_explained(DATA.test, [decoded]).value == 1
    shifted = typical_explained(DATA.test, [TEST * 0.5])
    assert shifted.value < 0.76  # of the variance; less by the mean, which is halved too


def test_power_is_that_above_40_hz_over_the_records_own():
    def ratio(signals):
        return power_ratio(DATA.test, [signals])

    assert ratio(0.5 * TEST).value == pytest.approx(0.25, rel=1e-3)
    time = np.arange(TEST.shape[1]) / DATA.test.fs
    slow = 0.2 * np.sin(2 * np.pi * 3 * time)
    assert ratio(TEST + slow).value == pytest.approx(1, rel=0.05)
    assert ratio(TEST + ALTERNATING).low > 2


def test_the_mean_of_what_nets_explain():
    signals = TEST - TEST.mean(axis=1, keepdims=True)
    both = mean_explained([Identity(), Half()], signals, DATA.test.record)
    assert both.value == pytest.approx((1 + 0.75) / 2, abs=1e-6)
    assert (both.low, both.high) == pytest.approx((0.75, 1), abs=1e-6)


def test_reconstruction_of_many_signals_keeps_their_order():
    signals = np.random.default_rng(0).normal(size=(600, 8))
    np.testing.assert_allclose(reconstruct(Half(), signals), signals / 2, atol=1e-6)


def test_ludbs_own_signals(ludb):
    test = four_seconds(ludb).test
    r, t = (peak_scores(test, test.signals, kind) for kind in ("qrs", "t"))
    assert r["sensitivity"].low > 0.99 and r["ppv"].low > 0.99
    assert t["sensitivity"].low > 0.9 and t["ppv"].low > 0.9
