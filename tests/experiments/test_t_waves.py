"""What decides C5 to C7, on controlled beats and on scores that were put in."""

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from toy_net import Half, Identity

from ecglib.claims import CLAIMS
from ecglib.data.synthetic import controlled_beats
from ecglib.data.windows import Windows
from ecglib.estimates import weighted_median
from ecglib.experiments.one_cycle import (
    BINS,
    FARTHEST,
    BeatPairs,
    beats_of,
    bin_of,
    controlled_pairs,
    stratified_pairs,
)
from ecglib.experiments.scores import Scores
from ecglib.experiments.t_waves import (
    by_bin,
    by_width,
    critical_displacement,
    critical_slope,
    distance_to_real,
    far_minus_near,
    far_waves,
    near_waves,
    net_t_scores,
    null_t_scores,
    oracle_t_scores,
    summary,
    switch,
    t_scores_by_path,
)

FRAMES = 33
WHOLE = controlled_pairs()


@pytest.fixture(scope="module")
def controlled():
    return WHOLE, null_t_scores(WHOLE, FRAMES), oracle_t_scores(WHOLE, FRAMES)


def test_the_oracle_drifts_on_every_controlled_pair(controlled):
    _, _, oracle = controlled
    assert oracle["failing_frame"].max() == 0
    # The widest T wave at the longest displacement tells a little on the isoelectric level.
    assert oracle["retention"].min() > 0.98 and np.percentile(oracle["retention"], 5) > 0.998
    assert oracle["drift_error_ms"].max() < 0.1
    assert np.abs(oracle["smoothness"]).max() < 0.01


def test_the_null_shows_two_waves_from_rather_more_than_half_a_width(controlled):
    pairs, null, _ = controlled
    assert null["failing_frame"][0, pairs.ratio <= 0.5].max() == 0
    assert null["failing_frame"][0, pairs.ratio >= 0.6].min() == 1
    # Both are above a fifth of the height in 19 of 33 frames, and never in more.
    far = pairs.ratio > 1
    assert null["violations"][0, far] == pytest.approx(19 / 33)
    assert null["violations"].max() == pytest.approx(19 / 33)
    assert null["retention"][0, far] == pytest.approx(0.5, abs=0.03)
    assert (null["smoothness"][0, far] > 0.85).all()


def test_the_nulls_critical_displacement_grows_with_the_width(controlled):
    pairs, null, oracle = controlled
    relative = critical_displacement(null, pairs, relative=True)
    assert 0.5 <= relative.low <= relative.value <= relative.high < 0.63
    assert relative.unit == "widths"
    slope = critical_slope(null, pairs)
    assert slope.value == pytest.approx(0.55, abs=0.1) and slope.low > 0.3
    never = critical_displacement(oracle, pairs)
    assert never.value == never.low == never.high == np.inf
    assert np.isnan(critical_slope(oracle, pairs).value)


def scores_of(*violations, pairs=WHOLE):
    """Scores of networks whose paths have these shares of failing frames, (pairs,) each."""
    rows = [{"violations": v, "failing_frame": (v > 0).astype(float)} for v in violations]
    return Scores.of_nets(rows, pairs.patients)


def test_critical_displacement_and_slope_recover_thresholds_put_in(controlled):
    pairs, _, _ = controlled
    in_ms = scores_of(np.where(pairs.displacement_ms > 130, 0.1, 0))
    assert critical_displacement(in_ms, pairs).value == pytest.approx(130, abs=10)
    assert critical_slope(in_ms, pairs).value == pytest.approx(0, abs=0.15)
    in_widths = scores_of(np.where(pairs.ratio > 1.1, 0.1, 0))
    estimate = critical_displacement(in_widths, pairs, relative=True)
    assert estimate.value == pytest.approx(1.1, abs=0.06)
    assert critical_slope(in_widths, pairs).value == pytest.approx(1.1, abs=0.2)
    always = critical_displacement(scores_of(np.ones(len(pairs))), pairs)
    assert (always.value, always.high) == (0, 0)


def test_far_minus_near_is_the_difference_of_their_means(controlled):
    pairs, _, _ = controlled
    put_in = scores_of(*(np.where(pairs.ratio > 1, far, 0.1) for far in (0.6, 0.4)))
    estimate = far_minus_near(put_in, pairs)
    assert estimate.value == pytest.approx(0.4)
    # With two nets, both draws of the one or of the other.
    assert (estimate.low, estimate.high) == (pytest.approx(0.3), pytest.approx(0.5))
    near_only = pairs.subset(pairs.ratio < 1)
    assert np.isnan(
        far_minus_near(scores_of(np.zeros(len(near_only)), pairs=near_only), near_only).value
    )


def test_a_net_without_any_compression_is_the_null(controlled):
    pairs, null, _ = controlled
    some = np.arange(0, len(pairs), 20)
    scores = net_t_scores([Identity(), Identity()], pairs.subset(some), FRAMES)
    assert scores["violations"].shape == (2, len(some))
    # Codes are 32-bit: two peaks of equal height may differ in the last digit.
    np.testing.assert_allclose(
        scores["violations"][1], null["violations"][0, some], atol=1 / 33 + 1e-9
    )
    np.testing.assert_allclose(scores["retention"][0], null["retention"][0, some], atol=1e-4)


def test_three_kinds_of_paths_are_scored_each_by_its_name(controlled):
    pairs, null, oracle = controlled
    some = np.arange(0, len(pairs), 20)
    scores = t_scores_by_path([Identity()], pairs.subset(some), FRAMES)
    np.testing.assert_allclose(scores["net"]["retention"], null["retention"][:, some], atol=1e-4)
    assert scores["null"]["violations"].tolist() == null["violations"][:, some].tolist()
    assert scores["oracle"]["retention"].tolist() == oracle["retention"][:, some].tolist()


def test_inverted_waves_score_as_upright_ones(controlled):
    pairs, _, _ = controlled
    some = pairs.subset(np.arange(0, len(pairs), 20))
    beats = controlled_beats([0.0], [80.0]).signals[0]
    mirrored = BeatPairs(
        **{
            **vars(some),
            "first": -(some.first - beats) + beats,
            "second": -(some.second - beats) + beats,
            "sign": -some.sign,
        }
    )
    # The first beat's own T wave is subtracted twice over, where it does not reach the window.
    clear = some.window[:, 0] > 256 + 125 / 2 + 40
    assert clear.any()
    np.testing.assert_allclose(
        null_t_scores(mirrored, FRAMES)["violations"][0, clear],
        null_t_scores(some, FRAMES)["violations"][0, clear],
        atol=1 / 33 + 1e-9,
    )


@pytest.mark.skipif(
    not os.environ.get("ECGLIB_LUDB"), reason="ECGLIB_LUDB names no folder that holds LUDB"
)
def test_ludbs_pairs_null_and_oracle():
    from ecglib.data.ludb import load_ludb

    train, test = beats_of(load_ludb())
    assert (len(train), len(test)) == (1482, 347)
    pairs = stratified_pairs(test, 80)
    stratum = bin_of(pairs.ratio)
    assert np.bincount(stratum).tolist() == [80, 80, 80, 56]
    assert (pairs.ratio > 1).sum() == 0
    null, oracle = null_t_scores(pairs, FRAMES), oracle_t_scores(pairs, FRAMES)
    share = [[s["failing_frame"][0, stratum == b].mean() for b in range(4)] for s in (null, oracle)]
    assert share[0] == sorted(share[0]) and share[0][0] == 0 and share[0][3] > 0.7
    assert max(share[1]) < 0.1
    assert np.median(oracle["drift_error_ms"]) < np.median(null["drift_error_ms"])


PAIRS = controlled_pairs().subset(slice(None, None, 5))
NEAR = PAIRS.ratio < 1
NULL, ORACLE = null_t_scores(PAIRS, FRAMES), oracle_t_scores(PAIRS, FRAMES)


def scores(violations, retention=1.0, drift_error_ms=0.0):
    """Scores of one net; each argument a figure for all pairs or one for each."""
    given = {"violations": violations, "retention": retention, "drift_error_ms": drift_error_ms}
    row = {name: np.broadcast_to(x, len(PAIRS)).astype(float) for name, x in given.items()}
    return Scores.of_nets([row], PAIRS.patients)


def test_bins_hold_the_pairs_of_their_ratio_and_empty_ones_are_left_out():
    found = by_bin({"net": scores(PAIRS.ratio)}, PAIRS, "violations")
    assert list(found) == ["below 0.2", "0.2 to 0.4", "0.4 to 0.6", FARTHEST]
    for (low, high), row in zip(pairwise(BINS), found.values(), strict=True):
        assert low <= row["net"].value < high
    assert sum(row["net"].n for row in found.values()) == len(PAIRS)
    near = PAIRS.subset(PAIRS.ratio < 0.4)
    two = by_bin({"null": NULL.where(PAIRS.ratio < 0.4)}, near, "failing_frame")
    assert list(two) == ["below 0.2", "0.2 to 0.4"]
    skewed = scores(np.where(np.arange(len(PAIRS)) % 3, 0, 9))
    median = by_bin({"net": skewed}, PAIRS, "violations", weighted_median)
    assert median[FARTHEST]["net"].value == 0


def test_near_waves_are_judged_by_near_pairs_alone():
    net = scores(np.where(NEAR, 0.05, 1), np.where(NEAR, 0.9, 0), np.where(NEAR, 4, 300))
    found = near_waves({"net": net, "null": NULL, "oracle": ORACLE}, PAIRS)
    assert found["near_violations"].value == pytest.approx(0.05)
    assert (found["near_retention"].value, found["near_drift_error"].value) == (0.9, 4)
    assert found["null"].value == pytest.approx(NULL["violations"][0, NEAR].mean())
    assert found["oracle"].value == 0
    assert found["near_violations"].n == found["null"].n == NEAR.sum()
    difference = net["violations"].mean() - NULL["violations"].mean()
    assert found["net_minus_null"].value == pytest.approx(difference)
    assert found["net_minus_null"].n == len(PAIRS)
    assert CLAIMS["C5"].decide(found) == "holds"


def test_far_waves_are_judged_by_far_pairs_and_by_the_records_where_there_are_any():
    far = PAIRS.ratio > 1
    net = scores(np.where(far, 0.9, 0), np.where(far, 0.2, 1))
    given = {"net": net, "null": NULL, "oracle": ORACLE}
    found = far_waves(given, PAIRS)
    assert found["far_violations"].value == found["far_minus_near"].value == pytest.approx(0.9)
    assert found["records_far"] == found["far_violations"]
    assert found["far_retention"].value == 0.2
    assert found["null"].value == pytest.approx(19 / 33) and found["oracle"].value == 0
    assert CLAIMS["C6"].decide(found) == "holds"
    records = replace(found["null"], value=0.3)
    assert far_waves(given, PAIRS, records)["records_far"] == records


def test_the_switch_is_where_it_was_put_and_the_nulls_beside_it():
    net = scores_of(np.where(WHOLE.ratio > 1.1, 1.0, 0.0))
    found = switch({"net": net, "null": null_t_scores(WHOLE, FRAMES)}, WHOLE)
    assert found["d_over_width"].value == pytest.approx(1.1, abs=0.06)
    assert found["d_per_width"].value == pytest.approx(1.1, abs=0.2)
    assert 0.5 < found["null"].value < 0.63
    assert CLAIMS["C7"].decide(found) == "holds"
    rows = by_width({"moved": net}, WHOLE)
    assert list(rows) == [80.0, 120.0, 160.0]
    for width, row in rows.items():
        assert row["moved"].value == pytest.approx(1.1 * width, abs=15)


def test_the_distance_to_real_beats_is_nought_where_every_frame_is_one():
    same = replace(PAIRS, second=PAIRS.first)
    found = distance_to_real([Identity()], same, PAIRS.first, frames=3)
    assert found["net"].value == pytest.approx(0, abs=1e-6)
    assert found["null"].value == pytest.approx(0, abs=1e-6)
    apart = distance_to_real([Identity()], PAIRS, PAIRS.first[:5], frames=3)
    assert apart["net"].value == pytest.approx(apart["null"].value, abs=1e-6)
    assert apart["null"].value > 1e-3


def test_a_net_in_three_figures():
    signals = PAIRS.first - PAIRS.first.mean(axis=1, keepdims=True)
    n = len(signals)
    beats = Windows(
        signals, 500.0, record=np.arange(n), start=np.zeros(n, int), waves=(np.array([]),) * n
    )
    found = summary([Half()], beats, scores(0.3, 0.6))
    assert found["explained"].value == pytest.approx(0.75, abs=1e-6)
    assert found["violations"].value == pytest.approx(0.3)
    assert found["retention"].value == 0.6
