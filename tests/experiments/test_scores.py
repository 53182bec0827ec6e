"""Scores of made-up networks: what is picked, subtracted and compared."""

import numpy as np
import pytest

from ecglib.estimates import weighted_median
from ecglib.experiments.scores import Scores

PATIENTS = np.array([(i, j) for i in range(12) for j in range(i)])
X = np.linspace(0, 1, len(PATIENTS))


def scores(*rows):
    """Scores of one measure, "x", for each network a number or (pairs,)."""
    return Scores({"x": np.stack([np.broadcast_to(row, X.shape) for row in rows])}, PATIENTS)


def test_the_rows_are_the_networks():
    both = Scores.of_nets([{"x": X, "y": -X}, {"x": 2 * X, "y": X}], PATIENTS)
    assert both["x"].tolist() == [X.tolist(), (2 * X).tolist()]
    assert both["y"].tolist() == [(-X).tolist(), X.tolist()]


def test_pairs_are_picked_with_their_patients_by_number_or_by_truth():
    late = X > 0.7
    for chosen in (late, np.flatnonzero(late)):
        some = scores(X, -X).where(chosen)
        assert some["x"].tolist() == [X[late].tolist(), (-X[late]).tolist()]
        assert some.patients.tolist() == PATIENTS[late].tolist()


def test_another_path_is_subtracted_from_every_networks():
    less = scores(X + 1, X + 3).less(scores(X))
    assert less["x"] == pytest.approx(np.array([[1.0], [3.0]]) * np.ones_like(X))
    assert less.estimate("x").value == 2 and less.estimate("x").n == len(PATIENTS)


def test_an_estimate_is_over_pairs_and_networks():
    estimate = scores(X, X + 1).estimate("x", unit="mV")
    assert estimate.value == pytest.approx(1.0) and estimate.unit == "mV"
    # With two networks, both draws of the one or of the other.
    assert estimate.low < 0.5 + 0.2 and estimate.high > 1.5 - 0.2
    skewed = scores(np.where(np.arange(len(X)) % 3, 0, 9))
    assert skewed.estimate("x", weighted_median).value == 0


def test_what_networks_share_with_others_on_the_same_pairs_cancels():
    found = scores(X + 1).against(scores(X, X), "x", lambda a, b: a - b, unit="mV")
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    assert (found.unit, found.n) == ("mV", len(PATIENTS))
    ratio = scores(2 * X).against(scores(X), "x", lambda a, b: a / b, weighted_median)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))
    apart = scores(X).against(scores(X - 1, X + 1), "x", lambda a, b: a - b)
    assert apart.value == pytest.approx(0)
    assert (apart.low, apart.high) == pytest.approx((-1, 1))  # one of the others drawn twice
