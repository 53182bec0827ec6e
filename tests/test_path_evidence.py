"""What decides C1 to C4, on windows and scores that are known."""

import numpy as np
import pytest

from ecglib import path_evidence as evidence
from ecglib.claims import CLAIMS
from ecglib.interpolation import PathScores, four_seconds
from ecglib.synthetic import load_synthetic

DATA = four_seconds(load_synthetic(10))
TEST = DATA.test.signals
FLAT = np.zeros_like(TEST)
ALTERNATING = 0.05 * np.resize([1.0, -1.0], TEST.shape[1])  # mV, all of it at 64 Hz


def test_signals_that_come_back_unchanged_are_reconstructed_well():
    found = evidence.reconstruction(DATA, [DATA.train.signals] * 2, [TEST] * 2)
    assert found["explained_train"].value == found["explained_test"].value == 1
    assert found["r_sensitivity"].value > 0.99 and found["r_ppv"].value > 0.99
    assert CLAIMS["C1"].decide(found) != "does not hold"


def test_a_net_that_gives_nothing_halves_what_two_nets_find_and_explain():
    found = evidence.reconstruction(DATA, [DATA.train.signals], [TEST, FLAT + TEST.mean()])
    best = evidence.peaks_found(DATA.test, [TEST])
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
    assert evidence.typical_explained(DATA.test, [decoded]).value == 1
    shifted = evidence.typical_explained(DATA.test, [TEST * 0.5])
    assert shifted.value < 0.76  # of the variance; less by the mean, which is halved too


def test_power_is_that_above_40_hz_over_the_records_own():
    def ratio(signals):
        return evidence.high_frequencies(DATA.test, [signals])["power_ratio"]

    assert ratio(0.5 * TEST).value == pytest.approx(0.25, rel=1e-3)
    time = np.arange(TEST.shape[1]) / DATA.test.fs
    slow = 0.2 * np.sin(2 * np.pi * 3 * time)
    assert ratio(TEST + slow).value == pytest.approx(1, rel=0.05)
    assert ratio(TEST + ALTERNATING).low > 2


PATIENTS = np.array([(i, j) for i in range(12) for j in range(i)])


def scores(share, nets=1):
    """Scores of paths that go wrong in this share of pairs, and lose as much of their period."""
    wrong = (np.arange(len(PATIENTS)) < share * len(PATIENTS)).astype(float)
    lost = np.full(len(PATIENTS), 1.0 - share)
    if nets == 1:
        return PathScores(wrong, lost)
    return PathScores(np.tile(wrong, (nets, 1)), np.tile(lost, (nets, 1)))


SCORES = {"net": scores(0.75, nets=3), "null": scores(0.5), "oracle": scores(0.1)}


def test_counts_are_shares_of_pairs_and_differences_the_nets_less_the_others():
    found = evidence.wrong_counts(SCORES, PATIENTS)
    assert found["violating_pairs"].value == pytest.approx(0.75, abs=0.01)
    assert found["null"].value == pytest.approx(0.5, abs=0.01)
    assert found["oracle"].value == pytest.approx(0.1, abs=0.01)
    assert found["net_minus_null"].value == pytest.approx(0.25, abs=0.02)
    assert found["net_minus_oracle"].value == pytest.approx(0.65, abs=0.02)
    assert all(e.n == len(PATIENTS) and e.unit == "share of pairs" for e in found.values())
    no_better = evidence.wrong_counts(SCORES | {"oracle": SCORES["net"]}, PATIENTS)
    assert CLAIMS["C3"].decide(no_better) == "does not hold"


def test_periodicity_is_the_median_pairs():
    found = evidence.least_periodicity(SCORES, PATIENTS)
    assert found["periodicity_ratio"].value == 0.25
    assert (found["null"].value, found["oracle"].value) == (0.5, 0.9)
    assert found["net_minus_oracle"].value == pytest.approx(-0.65)
    assert CLAIMS["C4"].decide(found) == "holds"
