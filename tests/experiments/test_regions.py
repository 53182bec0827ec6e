"""The eight cells of section III's three conditions."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib.data.synthetic import load_synthetic
from ecglib.experiments import regions
from ecglib.experiments import regions as evidence
from ecglib.experiments.processes import CONTROLS, GAUSSIAN
from ecglib.experiments.regions import (
    Condition,
    RegionOutcome,
    fit,
    one_record,
    prepare,
    region_of,
    signal_of,
    specs_of,
)

RECORDS = load_synthetic(4)
OPTIONS = {"longest_cycles": 4.0, "steps": 2, "seed": 7, "device": "cpu"}
STUDY = prepare(RECORDS, 2, **OPTIONS)


def outcome(inside: np.ndarray, outside: np.ndarray | None = None) -> RegionOutcome:
    inside = np.asarray(inside, float)
    empty = np.zeros((len(inside), 10))
    outside = np.zeros(len(inside)) if outside is None else np.asarray(outside, float)
    regions = np.tile([0, 5], (len(inside), 1))
    return RegionOutcome(empty, empty, regions, inside, outside, inside * 1e4, outside * 1e4)


def test_signals_are_microvolts_with_their_baseline():
    assert np.allclose(STUDY.signals, 1000.0 * RECORDS.signals[:2])


def test_records_without_room_for_the_longest_mask_are_left_out_and_named():
    slow = prepare(RECORDS, None, **(OPTIONS | {"longest_cycles": 8.5}))
    assert slow.left_out and "s2" in slow.left_out  # sinus bradycardia
    assert (8.5 * slow.rr <= 4500).all() and not set(slow.left_out) & set(slow.ids)
    with pytest.raises(ValueError, match=r"no record of synthetic .* room for 99 cycles"):
        prepare(RECORDS, None, **(OPTIONS | {"longest_cycles": 99}))


def test_what_is_observed_is_a_number_of_cycles_at_either_end():
    two = round(2 * STUDY.rr[0])
    assert region_of(STUDY, Condition(cycles=2.0), 0) == (two, 5000)
    assert region_of(STUDY, Condition(cycles=2.0, place="end"), 0) == (0, 5000 - two)
    assert region_of(STUDY, Condition(), 0) == (1000, 4900)


def test_records_differ_in_seed_and_processes_in_trajectory():
    specs = specs_of(STUDY, Condition())
    assert [spec.seed for spec in specs] == [7, 8]
    drawn = [signal_of(STUDY, Condition(process=process), 0) for process in GAUSSIAN]
    assert not any(np.allclose(drawn[0], other) for other in drawn[1:])
    assert np.array_equal(drawn[0], signal_of(STUDY, Condition(p=7, process=GAUSSIAN[0]), 0))


def test_one_record_is_fitted_as_in_the_whole_study():
    condition = Condition(process="shuffled beats", cycles=1.0)
    whole, alone = specs_of(STUDY, condition)[1], specs_of(one_record(STUDY, 1), condition)[0]
    assert np.array_equal(whole.signal, alone.signal)
    assert (whole.start, whole.seed, whole.record) == (alone.start, alone.seed, alone.record)


def test_conditions_are_fitted_to_every_record_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("ECGLIB_JOBS", "1")
    conditions = [Condition(), Condition(p=7, first=1)]
    outcomes = fit(STUDY, conditions)
    assert outcomes[conditions[0]].inside.shape == (2,)
    assert outcomes[conditions[1]].reconstructions.shape == (1, 5000)
    assert (outcomes[conditions[0]].outside > 0).all()
    kept = len(list(tmp_path.rglob("*.npz")))
    again = fit(STUDY, [conditions[0]])[conditions[0]]
    assert kept == len(list(tmp_path.rglob("*.npz"))) == 3
    assert np.array_equal(again.inside, outcomes[conditions[0]].inside)


def test_a_pair_is_second_less_first_record_by_record():
    first, second = outcome([0.1, 0.2, 0.3]), outcome([0.6, 0.7, 0.8], [0.1, 0.1, 0.1])
    assert evidence.paired(first, second, "inside").value == pytest.approx(0.5)
    assert evidence.paired(first, second, "outside").value == pytest.approx(0.1)
    row = evidence.paired_row(first, second, "inside")
    assert row["rank correlation"] == 1 and row["rank test p"] == "0.2"
    assert evidence.paired_row(second, first, "inside")["rank correlation"] == -1
    assert (row["ECG"], row["process"]) == pytest.approx((0.2, 0.7))


def test_mean_errors_are_of_either_part():
    errors = evidence.mean_errors(outcome([0.1, 0.2, 0.6], [0.01, 0.02, 0.03]))
    assert {part: e.value for part, e in errors.items()} == pytest.approx(
        {"inside": 0.3, "outside": 0.02}
    )


def test_the_evidence_on_processes_is_paired_with_the_ecg_and_leaves_the_controls_out():
    ecg, processes = outcome([0.1, 0.2], [0.01, 0.01]), dict.fromkeys(GAUSSIAN, outcome([0.4, 0.5]))
    differences = evidence.paired_by_part(ecg, {**processes, CONTROLS[0]: outcome([0.0, 0.0])})
    assert differences["inside"][CONTROLS[0]].value == pytest.approx(-0.15)
    found = evidence.process_evidence(differences)
    assert list(found) == [f"{part}/{name}" for part in ("inside", "outside") for name in GAUSSIAN]
    assert found[f"inside/{GAUSSIAN[0]}"].value == pytest.approx(0.3)
    assert found[f"outside/{GAUSSIAN[0]}"].value == pytest.approx(-0.01)


def test_stability_is_the_share_of_positive_effects_and_the_least_of_them():
    found = evidence.stability({"C10": np.array([1, 2, 3, 4]), "C12": np.array([1, 0, -1, 2])})
    assert found["share/C10"].value == 1 and found["share/C12"].value == 0.5
    assert found["least_share"] == found["share/C12"]


CYCLES = [0.25, 0.5, 1.0, 2.0, 4.0]


def test_a_sharp_switch_at_one_cycle_is_seen():
    noise = 0.01 * np.random.default_rng(0).standard_normal((12, 5))
    inside = np.array([0.9, 0.7, 0.3, 0.28, 0.24]) + noise
    found = evidence.switch_evidence(CYCLES, inside)
    assert found["drop_ratio"].value == pytest.approx(0.6 / 0.06, rel=0.3)
    assert found["drop_ratio"].low > 2
    assert 0.7 < found["change_point"].value < 1.3
    first, after = evidence.drops(CYCLES, inside)
    assert (first > after).all()


def test_an_even_fall_has_no_large_ratio_and_a_rise_after_one_cycle_an_infinite_one():
    even = np.tile(1 - 0.2 * np.array(CYCLES), (6, 1))
    assert evidence.drop_ratio(CYCLES, even).value == pytest.approx(0.15 / 0.6)
    rise = np.tile([0.9, 0.7, 0.3, 0.3, 0.4], (6, 1))
    assert evidence.drop_ratio(CYCLES, rise).value == np.inf


def test_cycles_that_do_not_pass_one_are_refused():
    with pytest.raises(ValueError, match="must rise and pass 1"):
        evidence.drops([0.5, 2.0, 4.0], np.zeros((2, 3)))


def test_the_outside_slope_is_over_the_regions_share():
    shares = np.array([[0.9, 0.8, 0.6], [0.95, 0.85, 0.5]])
    slope = evidence.outside_slope(shares, 0.05 - 0.02 * shares)
    assert slope.value == pytest.approx(-0.02) and slope.high < 0


def flat_outcome(inside: float) -> RegionOutcome:
    errors = np.full(5, inside)
    return RegionOutcome(
        np.zeros((5, 10)),
        np.zeros((5, 10)),
        np.tile([0, 5], (5, 1)),
        errors,
        errors,
        errors,
        errors,
    )


def test_each_cell_differs_from_the_best_in_what_it_lacks():
    cells = regions.cells()
    best = Condition(p=3, process="ECG", cycles=2.0)
    assert len(cells) == len(set(cells.values())) == 8
    assert cells[regions.ALL_THREE] == best
    assert cells[False, True, True] == replace(best, process="squared exponential")
    assert cells[True, False, True] == replace(best, cycles=0.5)
    assert cells[True, True, False] == replace(best, p=7)


def test_cells_are_named_by_what_they_are():
    assert regions.name_of(regions.ALL_THREE) == "ECG, 2 cycles, p = 3"
    assert regions.name_of((False, False, False)) == "process, ½ cycle, p = 7"


def test_an_effect_is_the_rise_without_one_condition():
    outcomes = {cell: flat_outcome(1.0 - 0.25 * sum(cell)) for cell in regions.cells()}
    outcomes[True, False, True] = flat_outcome(0.75)
    found = regions.effects(outcomes)
    assert found["all_three"].value == pytest.approx(0.25)
    assert found["without_period"].value == pytest.approx(0.5)
    assert found["without_repeats"].value == found["without_moderate"].value == pytest.approx(0.25)
    assert found["none"].value == 1
