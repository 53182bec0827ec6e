"""Intervals and thresholds, on numbers drawn from distributions that are known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecglib.estimates import (
    Estimate,
    bootstrap,
    change_point,
    critical_point,
    resampled,
    weighted_mean,
    weighted_median,
)


def covers(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 0.25])
def test_an_estimate_survives_json_whatever_its_numbers(odd):
    before = Estimate(0.5, odd, np.float64(np.inf), 7, "ms")
    text = json.dumps(before.as_dict(), allow_nan=False)
    after = Estimate.from_dict(json.loads(text))
    np.testing.assert_equal(vars(after), vars(before))


def test_an_estimate_reads_as_a_figure_with_its_interval():
    assert str(Estimate(0.12345, 0.1, np.inf, 3)) == "0.123 [0.1, inf]"


def test_weighted_mean_and_median_leave_out_what_is_not_observed():
    values, weights = np.array([1.0, np.nan, 4.0, 10.0]), np.array([3.0, 5.0, 1.0, 0.0])
    assert weighted_mean(values, weights) == pytest.approx(7 / 4)
    assert weighted_median(values, weights) == 1.0
    for statistic in (weighted_mean, weighted_median):
        assert np.isnan(statistic(values, np.zeros(4)))
        assert np.isnan(statistic(np.full(4, np.nan), weights))


@given(
    arrays.arrays(float, st.integers(1, 20), elements=st.floats(-100, 100)),
    st.lists(st.integers(0, 4), min_size=20, max_size=20),
)
def test_a_weight_counts_as_so_many_observations(values, weights):
    weights = np.array(weights[: len(values)])
    if weights.sum() == 0:
        return
    repeated = np.sort(np.repeat(values, weights))
    assert weighted_mean(values, weights) == pytest.approx(repeated.mean(), abs=1e-9)
    middle = repeated[(len(repeated) - 1) // 2]  # of two middle ones the lower
    assert weighted_median(values, weights) == middle


def coverage(simulations, simulate, truth=0.0):
    rng = np.random.default_rng(1)
    return np.mean([covers(simulate(rng), truth) for _ in range(simulations)])


def test_intervals_of_independent_patients_cover_the_mean_in_95_percent():
    share = coverage(300, lambda rng: bootstrap(rng.normal(0, 2, 40), resamples=300))
    assert 0.90 <= share <= 0.98


def test_intervals_over_patients_cover_where_those_over_observations_do_not():
    patients = np.repeat(np.arange(40), 5)  # as many as LUDB's test patients

    def observations(rng):
        return rng.normal(0, 1, 40)[patients] + rng.normal(0, 0.3, 200)

    by_patient = coverage(300, lambda rng: bootstrap(observations(rng), patients, resamples=300))
    by_observation = coverage(60, lambda rng: bootstrap(observations(rng), resamples=100))
    assert 0.90 <= by_patient <= 0.98
    assert by_observation < 0.75


def test_intervals_of_pairs_cover_a_mean_that_both_patients_make():
    first, second = np.triu_indices(20, 1)
    pairs = np.stack([first, second], axis=1)

    def simulate(rng):
        patient = rng.normal(0, 1, 20)
        return bootstrap(patient[first] + patient[second], pairs, resamples=200)

    assert 0.88 <= coverage(300, simulate) <= 0.99


def test_seeds_widen_the_interval_when_the_networks_differ():
    rng = np.random.default_rng(0)
    patients = rng.normal(0, 0.1, 60)
    alike = bootstrap(np.stack([patients] * 5))
    different = bootstrap(patients + np.linspace(-1, 1, 5)[:, None])
    assert different.value == pytest.approx(alike.value)
    assert different.high - different.low > 5 * (alike.high - alike.low)
    assert covers(different, 0.0)


def test_a_pair_weighs_as_the_product_of_both_patients_draws():
    pairs = np.array([[0, 1], [0, 2], [1, 2], [2, 3]])
    seen = []
    resampled(lambda w: seen.append(w[0]) or 0.0, pairs, resamples=300)
    *draws, plain = np.array(seen)
    assert plain.tolist() == [1, 1, 1, 1]
    for weights in draws:
        # Four patients drawn four times: find the draw that explains all four weights.
        assert any(
            np.array_equal(weights, [a * b, a * c, b * c, c * (4 - a - b - c)])
            for a in range(5)
            for b in range(5 - a)
            for c in range(5 - a - b)
        )
    # E[draws of a * draws of b] = n (n - 1) / n^2 = 3/4, for any two.
    assert np.mean(draws) == pytest.approx(0.75, abs=0.12)


def test_groups_of_networks_are_resampled_each_within_itself():
    seen = []
    resampled(lambda w: seen.append(w) or 0.0, np.arange(3), seeds=(2, 5), resamples=50)
    assert all(w.shape == (7, 3) for w in seen)
    for weights in seen[:-1]:
        drawn = np.ones(3) @ weights.T / 3
        assert drawn[:2].sum() == pytest.approx(2) and drawn[2:].sum() == pytest.approx(5)


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values) == bootstrap(values)


def test_an_interval_may_reach_infinity_and_leaves_out_draws_without_an_answer():
    values = np.array([0.0] * 5 + [1.0] * 5)

    def often_infinite(weights):
        mean = weighted_mean(values, weights[0])
        return np.inf if mean > 0.6 else np.nan if mean < 0.3 else mean

    estimate = resampled(often_infinite, np.arange(10))
    assert estimate.value == 0.5 and estimate.high == np.inf
    assert 0.3 <= estimate.low <= 0.5
    nothing = resampled(lambda w: np.nan, np.arange(10), resamples=5)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_labels_that_do_not_fit_the_observations_are_refused():
    with pytest.raises(ValueError, match="5 observations but labels of 4 patients"):
        bootstrap(np.zeros(5), np.zeros(4))


@pytest.mark.parametrize("threshold", [40.0, 110.0, 230.0])
@pytest.mark.parametrize("spread", [5.0, 25.0])
def test_critical_point_recovers_a_known_threshold(threshold, spread):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 300, 3000)
    hits = rng.random(3000) < 1 / (1 + np.exp(-(x - threshold) / spread))
    assert critical_point(x, hits) == pytest.approx(threshold, abs=6)


def test_critical_point_of_a_step_lies_between_the_levels_around_it():
    x = np.repeat(np.arange(0, 301, 20.0), 4)
    assert 120 <= critical_point(x, x > 130) <= 140


def test_critical_point_counts_weights_as_repetitions():
    rng = np.random.default_rng(0)
    x, weights = rng.uniform(0, 10, 200), rng.integers(0, 4, 200)
    hits = (x + rng.normal(0, 1, 200) > 4).astype(float)
    repeated = critical_point(np.repeat(x, weights), np.repeat(hits, weights))
    assert critical_point(x, hits, weights) == pytest.approx(repeated, rel=1e-3)


@pytest.mark.parametrize("x", [np.arange(0, 301, 20.0), np.arange(20, 301, 20.0), np.full(5, 80.0)])
def test_critical_point_is_zero_or_infinite_where_the_curve_never_passes_one_half(x):
    assert critical_point(x, np.ones_like(x)) == 0
    assert critical_point(x, np.zeros_like(x)) == np.inf
    assert critical_point(x, np.full_like(x, 0.2)) == np.inf
    assert critical_point(x, np.full_like(x, 0.8)) < x.max()


def test_critical_point_does_not_mind_stimuli_far_from_zero():
    x = np.linspace(1000, 1100, 201)
    assert critical_point(x, x > 1050) == pytest.approx(1050, abs=3)


def test_critical_point_without_any_weight_is_not_a_number():
    assert np.isnan(critical_point(np.arange(5.0), np.ones(5), np.zeros(5)))


@settings(max_examples=25)
@given(st.floats(0.01, 1000))
def test_critical_point_scales_with_the_unit(unit):
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 1, 300)
    hits = rng.random(300) < x
    assert critical_point(unit * x, hits) == pytest.approx(unit * critical_point(x, hits), rel=1e-2)


@pytest.mark.parametrize("knot", [0.75, 1.0, 2.5])
def test_change_point_recovers_the_knot_of_a_bent_line(knot):
    rng = np.random.default_rng(0)
    x = np.array([0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6])
    curve = 1 - 0.8 * np.minimum(x, knot) / knot - 0.01 * x
    values = curve + rng.normal(0, 0.2, (35, 1)) + rng.normal(0, 0.02, (35, len(x)))
    estimate = change_point(x, values, unit="cycles")
    assert estimate.value == pytest.approx(knot, abs=0.15)
    assert covers(estimate, knot) or abs(estimate.value - knot) < 0.1  # knots lie 0.1 apart
    assert estimate.high - estimate.low < 0.5
    assert (estimate.n, estimate.unit) == (35, "cycles")


def test_change_point_of_a_straight_line_is_anywhere():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 6, 13)
    estimate = change_point(x, -x + rng.normal(0, 0.5, (20, 13)))
    assert estimate.high - estimate.low > 2
