"""What decides C5 to C7, on controlled beats and on scores that were put in."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from toy_net import Identity

from ecglib import beat_evidence as evidence
from ecglib.beats import BINS
from ecglib.claims import CLAIMS
from ecglib.controlled_set import controlled_pairs
from ecglib.estimates import weighted_median
from ecglib.t_waves import TScores, null_t_scores, oracle_t_scores
from ecglib.windows import Windows

PAIRS = controlled_pairs().subset(slice(None, None, 5))
NEAR = PAIRS.ratio < 1
NULL, ORACLE = null_t_scores(PAIRS), oracle_t_scores(PAIRS)


class Half(Identity):
    """A net that gives half of the signal."""

    def decode(self, code):
        return code / 2

    def forward(self, signals):
        return signals / 2


def scores(violations, retention=1.0, drift_error_ms=0.0):
    """Scores of one net; each argument a figure for all pairs or one for each."""
    rows = [np.full((1, len(PAIRS)), x, float) for x in (violations, retention, drift_error_ms)]
    return TScores(*rows, smoothness=np.zeros((1, len(PAIRS))))


def test_the_mean_of_what_nets_explain():
    signals = PAIRS.first - PAIRS.first.mean(axis=1, keepdims=True)
    both = evidence.mean_explained([Identity(), Half()], signals, PAIRS.patients[:, 0])
    assert both.value == pytest.approx((1 + 0.75) / 2, abs=1e-6)
    assert (both.low, both.high) == pytest.approx((0.75, 1), abs=1e-6)


def test_bins_hold_the_pairs_of_their_ratio_and_empty_ones_are_left_out():
    found = evidence.by_bin({"net": scores(PAIRS.ratio)}, PAIRS, "violations")
    assert list(found) == ["below 0.2", "0.2 to 0.4", "0.4 to 0.6", evidence.FARTHEST]
    for (low, high), row in zip(pairwise(BINS), found.values(), strict=True):
        assert low <= row["net"].value < high
    assert sum(row["net"].n for row in found.values()) == len(PAIRS)
    near = PAIRS.subset(PAIRS.ratio < 0.4)
    two = evidence.by_bin({"null": NULL.subset(PAIRS.ratio < 0.4)}, near, "violated")
    assert list(two) == ["below 0.2", "0.2 to 0.4"]
    skewed = scores(np.where(np.arange(len(PAIRS)) % 3, 0, 9))
    median = evidence.by_bin({"net": skewed}, PAIRS, "violations", weighted_median)
    assert median[evidence.FARTHEST]["net"].value == 0


def test_near_waves_are_judged_by_near_pairs_alone():
    net = scores(np.where(NEAR, 0.05, 1), np.where(NEAR, 0.9, 0), np.where(NEAR, 4, 300))
    found = evidence.near_waves({"net": net, "null": NULL, "oracle": ORACLE}, PAIRS)
    assert found["near_violations"].value == pytest.approx(0.05)
    assert (found["near_retention"].value, found["near_drift_error"].value) == (0.9, 4)
    assert found["null"].value == pytest.approx(NULL.violations[0, NEAR].mean())
    assert found["oracle"].value == 0
    assert found["near_violations"].n == found["null"].n == NEAR.sum()
    difference = net.violations.mean() - NULL.violations.mean()
    assert found["net_minus_null"].value == pytest.approx(difference)
    assert found["net_minus_null"].n == len(PAIRS)
    assert CLAIMS["C5"].decide(found) == "holds"


def test_far_waves_are_judged_by_far_pairs_and_by_the_records_where_there_are_any():
    far = PAIRS.ratio > 1
    net = scores(np.where(far, 0.9, 0), np.where(far, 0.2, 1))
    given = {"net": net, "null": NULL, "oracle": ORACLE}
    found = evidence.far_waves(given, PAIRS)
    assert found["far_violations"].value == found["far_minus_near"].value == pytest.approx(0.9)
    assert found["records_far"] == found["far_violations"]
    assert found["far_retention"].value == 0.2
    assert found["null"].value == pytest.approx(19 / 33) and found["oracle"].value == 0
    assert CLAIMS["C6"].decide(found) == "holds"
    records = replace(found["null"], value=0.3)
    assert evidence.far_waves(given, PAIRS, records)["records_far"] == records


def test_the_switch_is_where_it_was_put_and_the_nulls_beside_it():
    whole = controlled_pairs()
    late = np.where(whole.ratio > 1.1, 1.0, 0.0)[None]
    net = TScores(late, late, late, late)
    found = evidence.switch({"net": net, "null": null_t_scores(whole)}, whole)
    assert found["d_over_width"].value == pytest.approx(1.1, abs=0.06)
    assert found["d_per_width"].value == pytest.approx(1.1, abs=0.2)
    assert 0.5 < found["null"].value < 0.63
    assert CLAIMS["C7"].decide(found) == "holds"
    rows = evidence.by_width({"moved": net}, whole)
    assert list(rows) == [80.0, 120.0, 160.0]
    for width, row in rows.items():
        assert row["moved"].value == pytest.approx(1.1 * width, abs=15)


def test_the_distance_to_real_beats_is_nought_where_every_frame_is_one():
    same = replace(PAIRS, second=PAIRS.first)
    found = evidence.distance_to_real([Identity()], same, PAIRS.first, frames=3)
    assert found["net"].value == pytest.approx(0, abs=1e-6)
    assert found["null"].value == pytest.approx(0, abs=1e-6)
    apart = evidence.distance_to_real([Identity()], PAIRS, PAIRS.first[:5], frames=3)
    assert apart["net"].value == pytest.approx(apart["null"].value, abs=1e-6)
    assert apart["null"].value > 1e-3


def test_a_net_in_three_figures():
    signals = PAIRS.first - PAIRS.first.mean(axis=1, keepdims=True)
    n = len(signals)
    beats = Windows(
        signals, 500.0, record=np.arange(n), start=np.zeros(n, int), waves=(np.array([]),) * n
    )
    found = evidence.summary([Half()], beats, scores(0.3, 0.6), PAIRS)
    assert found["explained"].value == pytest.approx(0.75, abs=1e-6)
    assert found["violations"].value == pytest.approx(0.3)
    assert found["retention"].value == 0.6
