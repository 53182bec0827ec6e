"""Errors in and out of the region: differences, the switch, its stability, the eight cells."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib.experiments import region_errors as errors
from ecglib.experiments.processes import ECG, MATERN, PERIODIC, SQUARED_EXPONENTIAL
from ecglib.experiments.regions import Condition, RegionOutcome


def outcome(inside: np.ndarray, outside: np.ndarray | float = 0.0) -> RegionOutcome:
    inside = np.asarray(inside, float)
    outside = np.zeros(len(inside)) + outside
    empty = np.zeros((len(inside), 10))
    regions = np.tile([0, 5], (len(inside), 1))
    return RegionOutcome(empty, empty, regions, inside, outside, inside * 1e4, outside * 1e4)


FIRST, SECOND = outcome([0.1, 0.2, 0.3]), outcome([0.6, 0.7, 0.8], 0.1)


def test_a_pair_is_second_less_first_record_by_record():
    assert errors.paired_difference(FIRST.inside, SECOND.inside).value == pytest.approx(0.5)
    row = errors.comparison_row(FIRST.inside, SECOND.inside)
    assert row["difference"].value == pytest.approx(0.5)
    assert row["rank correlation"] == 1 and row["rank test p"] == "0.2"
    assert errors.comparison_row(SECOND.inside, FIRST.inside)["rank correlation"] == -1
    assert (row["ECG"], row["process"]) == pytest.approx((0.2, 0.7))


def test_the_published_columns_are_compared_under_their_names():
    inside, outside = errors.published_rows(FIRST, SECOND)
    assert (inside["column as published"], outside["column as published"]) == ("inside", "outside")
    assert inside["difference"].value == pytest.approx(5000)
    assert outside["difference"].value == pytest.approx(1000)
    assert outside["difference"].unit == "microvolts squared"


def test_errors_that_differ_in_a_setting_are_the_columns():
    found = errors.errors_by_setting([outcome([0.1, 0.2]), outcome([0.3, 0.4], [0.5, 0.6])])
    assert np.array_equal(found["inside"], [[0.1, 0.3], [0.2, 0.4]])
    assert np.array_equal(found["outside"], [[0.0, 0.5], [0.0, 0.6]])


def test_mean_errors_are_of_either_part():
    means = errors.mean_errors(outcome([0.1, 0.2, 0.6], [0.01, 0.02, 0.03]))
    assert {part: e.value for part, e in means.items()} == pytest.approx(
        {"inside": 0.3, "outside": 0.02}
    )


def test_the_evidence_on_processes_is_paired_with_the_ecg_and_leaves_the_controls_out():
    kernels = (SQUARED_EXPONENTIAL, MATERN)
    processes = {kernel.name: outcome([0.4, 0.5]) for kernel in kernels}
    processes[PERIODIC.name] = outcome([0.0, 0.0])
    differences = errors.differences_by_part(outcome([0.1, 0.2], 0.01), processes)
    assert differences["inside"][PERIODIC.name].value == pytest.approx(-0.15)
    found = errors.process_evidence(differences, kernels)
    assert list(found) == [f"{part}/{k.name}" for part in ("inside", "outside") for k in kernels]
    assert found["inside/squared exponential"].value == pytest.approx(0.3)
    assert found["outside/squared exponential"].value == pytest.approx(-0.01)


def test_stability_is_the_share_of_positive_effects_and_the_least_of_them():
    found = errors.stability_evidence(
        {"C10": np.array([1, 2, 3, 4]), "C12": np.array([1, 0, -1, 2])}
    )
    assert found["share/C10"].value == 1 and found["share/C12"].value == 0.5
    assert found["least_share"] == found["share/C12"]


CYCLES = [0.25, 0.5, 1.0, 2.0, 4.0]


def test_a_sharp_switch_at_one_cycle_is_seen():
    noise = 0.01 * np.random.default_rng(0).standard_normal((12, 5))
    inside = np.array([0.9, 0.7, 0.3, 0.28, 0.24]) + noise
    found = errors.switch_evidence(CYCLES, inside)
    assert found["drop_ratio"].value == pytest.approx(0.6 / 0.06, rel=0.3)
    assert found["drop_ratio"].low > 2
    assert 0.7 < found["change_point"].value < 1.3
    first, after = errors.drops(CYCLES, inside)
    assert (first > after).all()


def test_an_even_fall_has_no_large_ratio_and_a_rise_after_one_cycle_an_infinite_one():
    even = np.tile(1 - 0.2 * np.array(CYCLES), (6, 1))
    assert errors.drop_ratio(CYCLES, even).value == pytest.approx(0.15 / 0.6)
    rise = np.tile([0.9, 0.7, 0.3, 0.3, 0.4], (6, 1))
    assert errors.drop_ratio(CYCLES, rise).value == np.inf


def test_cycles_that_do_not_pass_one_are_refused():
    with pytest.raises(ValueError, match="must rise and pass 1"):
        errors.drops([0.5, 2.0, 4.0], np.zeros((2, 3)))


def test_the_outside_slope_is_over_the_regions_share():
    shares = np.array([[0.9, 0.8, 0.6], [0.95, 0.85, 0.5]])
    outcomes = [
        replace(
            outcome(np.zeros(2), 0.05 - 0.02 * share),
            signals=np.zeros((2, 100)),
            regions=np.array([[100 - round(100 * x), 100] for x in share]),
        )
        for share in shares.T
    ]
    slope = errors.outside_slope(outcomes)
    assert slope.value == pytest.approx(-0.02) and slope.high < 0


def test_each_cell_differs_from_the_best_in_what_it_lacks():
    cells = errors.factorial_conditions()
    best = Condition(p=3, process=ECG, cycles=2.0)
    assert len(cells) == len(set(cells.values())) == 8
    assert cells[errors.ALL_THREE] == best
    assert cells[False, True, True] == replace(best, process=SQUARED_EXPONENTIAL)
    assert cells[True, False, True] == replace(best, cycles=0.5)
    assert cells[True, True, False] == replace(best, p=7)
    assert errors.cell_name(errors.ALL_THREE) == "ECG, 2 cycles, p = 3"
    assert errors.cell_name((False, False, False)) == "process, ½ cycle, p = 7"


def test_cells_are_named_by_what_they_are():
    assert errors.cell_name(errors.ALL_THREE) == "ECG, 2 cycles, p = 3"
    assert errors.cell_name((False, False, False)) == "process, ½ cycle, p = 7"


def test_an_effect_is_the_rise_without_one_condition():
    outcomes = {
        cell: outcome([1.0 - 0.25 * sum(cell)] * 5) for cell in errors.factorial_conditions()
    }
    outcomes[True, False, True] = outcome([0.75] * 5)
    found = errors.factorial_effects(outcomes)
    assert found["all_three"].value == pytest.approx(0.25)
    assert found["without_period"].value == pytest.approx(0.5)
    assert found["without_repeats"].value == found["without_moderate"].value == pytest.approx(0.25)
    assert found["none"].value == 1
