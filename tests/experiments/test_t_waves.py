"""What decides C5 to C7, on controlled beats and on scores that were put in."""

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
    summary,
    switch,
    t_scores_by_path,
)

FRAMES = 33
ONE_FRAME = 1 / FRAMES + 1e-9
PAIRS = controlled_pairs()
NEAR = PAIRS.ratio < 1
FAR = PAIRS.ratio > 1


@pytest.fixture(scope="module")
def by_path():
    return t_scores_by_path([Identity(), Identity()], PAIRS, FRAMES)


@pytest.fixture(scope="module")
def null(by_path):
    return by_path["null"]


@pytest.fixture(scope="module")
def oracle(by_path):
    return by_path["oracle"]


def test_the_oracle_drifts_on_every_controlled_pair(oracle):
    assert oracle["failing_frame"].max() == 0
    # The widest T wave at the longest displacement tells a little on the isoelectric level.
    assert oracle["retention"].min() > 0.98 and np.percentile(oracle["retention"], 5) > 0.998
    assert oracle["drift_error_ms"].max() < 0.1
    assert np.abs(oracle["smoothness"]).max() < 0.01


def test_the_null_shows_two_waves_from_rather_more_than_half_a_width(null):
    assert null["failing_frame"][0, PAIRS.ratio <= 0.5].max() == 0
    assert null["failing_frame"][0, PAIRS.ratio >= 0.6].min() == 1
    # Both are above a fifth of the height in 19 of 33 frames, and never in more.
    assert null["violations"][0, FAR] == pytest.approx(19 / 33)
    assert null["violations"].max() == pytest.approx(19 / 33)
    assert null["retention"][0, FAR] == pytest.approx(0.5, abs=0.03)
    assert (null["smoothness"][0, FAR] > 0.85).all()


def test_the_nulls_critical_displacement_grows_with_the_width(null, oracle):
    relative = critical_displacement(null, PAIRS, relative=True)
    assert 0.5 <= relative.low <= relative.value <= relative.high < 0.63
    assert relative.unit == "widths"
    slope = critical_slope(null, PAIRS)
    assert slope.value == pytest.approx(0.55, abs=0.1) and slope.low > 0.3
    never = critical_displacement(oracle, PAIRS)
    assert never.value == never.low == never.high == np.inf
    assert np.isnan(critical_slope(oracle, PAIRS).value)


def scores_of(*violations):
    """Scores of networks whose paths have these shares of failing frames, (pairs,) each."""
    rows = [{"violations": v, "failing_frame": (v > 0).astype(float)} for v in violations]
    return Scores.of_nets(rows, PAIRS.patients)


def test_critical_displacement_and_slope_recover_thresholds_put_in():
    in_ms = scores_of(np.where(PAIRS.displacement_ms > 130, 0.1, 0))
    assert critical_displacement(in_ms, PAIRS).value == pytest.approx(130, abs=10)
    assert critical_slope(in_ms, PAIRS).value == pytest.approx(0, abs=0.15)
    always = critical_displacement(scores_of(np.ones(len(PAIRS))), PAIRS)
    assert (always.value, always.high) == (0, 0)


def test_far_minus_near_is_the_difference_of_their_means():
    estimate = far_minus_near(scores_of(*(np.where(FAR, far, 0.1) for far in (0.6, 0.4))), PAIRS)
    assert estimate.value == pytest.approx(0.4)
    # With two nets, both draws of the one or of the other.
    assert (estimate.low, estimate.high) == (pytest.approx(0.3), pytest.approx(0.5))
    none_far = far_minus_near(scores_of(np.zeros(len(PAIRS))).where(NEAR), PAIRS.subset(NEAR))
    assert np.isnan(none_far.value)


def test_a_net_without_any_compression_is_the_null(by_path, null):
    # Codes are 32-bit: two peaks of equal height may differ in the last digit.
    for measure, tolerance in (("violations", ONE_FRAME), ("retention", 1e-4)):
        assert by_path["net"][measure].shape == (2, len(PAIRS))
        for row in by_path["net"][measure]:
            np.testing.assert_allclose(row, null[measure][0], atol=tolerance)


def test_inverted_waves_score_as_upright_ones(null):
    chosen = np.arange(0, len(PAIRS), 20)
    some = PAIRS.subset(chosen)
    beats = controlled_beats([0.0], [80.0]).signals[0]
    mirrored = replace(
        some,
        first=-(some.first - beats) + beats,
        second=-(some.second - beats) + beats,
        sign=-some.sign,
    )
    # The first beat's own T wave is subtracted twice over, where it does not reach the window.
    clear = some.window[:, 0] > 256 + 125 / 2 + 40
    assert clear.any()
    found = t_scores_by_path([Identity()], mirrored, FRAMES)["null"]["violations"][0]
    upright = null["violations"][0, chosen]
    np.testing.assert_allclose(found[clear], upright[clear], atol=ONE_FRAME)


def test_ludbs_pairs_null_and_oracle(ludb):
    train, test = beats_of(ludb)
    assert (len(train), len(test)) == (1482, 347)
    pairs = stratified_pairs(test, 80)
    stratum = bin_of(pairs.ratio)
    assert np.bincount(stratum).tolist() == [80, 80, 80, 56]
    assert (pairs.ratio > 1).sum() == 0
    scores = t_scores_by_path([Identity()], pairs, FRAMES)
    null, oracle = scores["null"], scores["oracle"]
    share = [[s["failing_frame"][0, stratum == b].mean() for b in range(4)] for s in (null, oracle)]
    assert share[0] == sorted(share[0]) and share[0][0] == 0 and share[0][3] > 0.7
    assert max(share[1]) < 0.1
    assert np.median(oracle["drift_error_ms"]) < np.median(null["drift_error_ms"])


def scores(violations, retention=1.0, drift_error_ms=0.0):
    """Scores of one net; each argument a figure for all pairs or one for each."""
    given = {"violations": violations, "retention": retention, "drift_error_ms": drift_error_ms}
    row = {name: np.broadcast_to(x, len(PAIRS)).astype(float) for name, x in given.items()}
    return Scores.of_nets([row], PAIRS.patients)


def test_bins_hold_the_pairs_of_their_ratio_and_empty_ones_are_left_out(null):
    found = by_bin({"net": scores(PAIRS.ratio)}, PAIRS, "violations")
    assert list(found) == ["below 0.2", "0.2 to 0.4", "0.4 to 0.6", FARTHEST]
    for (low, high), row in zip(pairwise(BINS), found.values(), strict=True):
        assert low <= row["net"].value < high
    assert sum(row["net"].n for row in found.values()) == len(PAIRS)
    near = PAIRS.ratio < 0.4
    two = by_bin({"null": null.where(near)}, PAIRS.subset(near), "failing_frame")
    assert list(two) == ["below 0.2", "0.2 to 0.4"]
    skewed = scores(np.where(np.arange(len(PAIRS)) % 3, 0, 9))
    median = by_bin({"net": skewed}, PAIRS, "violations", weighted_median)
    assert median[FARTHEST]["net"].value == 0


def test_near_waves_are_judged_by_near_pairs_alone(by_path, null):
    net = scores(np.where(NEAR, 0.05, 1), np.where(NEAR, 0.9, 0), np.where(NEAR, 4, 300))
    found = near_waves(by_path | {"net": net}, PAIRS)
    assert found["near_violations"].value == pytest.approx(0.05)
    assert (found["near_retention"].value, found["near_drift_error"].value) == (0.9, 4)
    assert found["null"].value == pytest.approx(null["violations"][0, NEAR].mean())
    assert found["oracle"].value == 0
    assert found["near_violations"].n == found["null"].n == NEAR.sum()
    difference = net["violations"].mean() - null["violations"].mean()
    assert found["net_minus_null"].value == pytest.approx(difference)
    assert found["net_minus_null"].n == len(PAIRS)
    assert CLAIMS["C5"].decide(found) == "holds"


def test_far_waves_are_judged_by_far_pairs_and_by_the_records_where_there_are_any(by_path):
    given = by_path | {"net": scores(np.where(FAR, 0.9, 0), np.where(FAR, 0.2, 1))}
    found = far_waves(given, PAIRS)
    assert found["far_violations"].value == found["far_minus_near"].value == pytest.approx(0.9)
    assert "records_far" not in found
    assert found["far_retention"].value == 0.2
    assert found["null"].value == pytest.approx(19 / 33) and found["oracle"].value == 0
    assert CLAIMS["C6"].decide(found) == "holds"
    records = replace(found["null"], value=0.3)
    assert far_waves(given, PAIRS, records)["records_far"] == records


def test_the_switch_is_where_it_was_put_and_the_nulls_beside_it(null):
    net = scores_of(np.where(PAIRS.ratio > 1.1, 1.0, 0.0))
    found = switch({"net": net, "null": null}, PAIRS)
    assert found["d_over_width"].value == pytest.approx(1.1, abs=0.06)
    assert found["d_per_width"].value == pytest.approx(1.1, abs=0.2)
    assert 0.5 < found["null"].value < 0.63
    assert CLAIMS["C7"].decide(found) == "holds"
    rows = by_width({"moved": net}, PAIRS)
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
