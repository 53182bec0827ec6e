"""Conditions of section III: what is observed, what is drawn for a record, and the fits."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib.data.records import Unsuited
from ecglib.data.synthetic import load_synthetic
from ecglib.experiments.processes import (
    MATERN,
    RATIONAL_QUADRATIC,
    SHUFFLED_BEATS,
    SQUARED_EXPONENTIAL,
    Process,
    gaussian,
)
from ecglib.experiments.regions import (
    Condition,
    fit_conditions,
    one_record,
    prepare_study,
    region_of,
    signal_of,
    specs_of,
)

RECORDS = load_synthetic(4)
OPTIONS = {"longest_cycles": 4.0, "steps": 2, "seed": 7, "device": "cpu"}
STUDY = prepare_study(RECORDS, 2, **OPTIONS)


def test_signals_are_microvolts_with_their_baseline():
    assert np.allclose(STUDY.signals, 1000.0 * RECORDS.signals[:2])


def test_records_without_room_for_the_longest_mask_are_left_out_and_named():
    slow = prepare_study(RECORDS, None, **(OPTIONS | {"longest_cycles": 8.5}))
    assert slow.left_out and "s2" in slow.left_out  # sinus bradycardia
    assert (8.5 * slow.rr <= 4500).all() and not set(slow.left_out) & set(slow.ids)
    none = r"room for 99 of its cycles .* of the 4 of synthetic .* of 10 s, there is none"
    with pytest.raises(Unsuited, match=none):
        prepare_study(RECORDS, None, **(OPTIONS | {"longest_cycles": 99}))


def test_what_is_observed_is_a_number_of_cycles_at_either_end():
    two = round(2 * STUDY.rr[0])
    assert region_of(STUDY, Condition(cycles=2.0), 0) == (two, 5000)
    assert region_of(STUDY, Condition(cycles=2.0, place="end"), 0) == (0, 5000 - two)
    assert region_of(STUDY, Condition(), 0) == (1000, 4900)


def test_records_differ_in_seed_and_processes_in_trajectory():
    smooth = Condition(process=SQUARED_EXPONENTIAL)
    assert [spec.seed for spec in specs_of(STUDY, smooth)] == [7, 8]
    drawn = signal_of(STUDY, smooth, 0)
    for process in (MATERN, RATIONAL_QUADRATIC):
        assert not np.allclose(drawn, signal_of(STUDY, Condition(process=process), 0))
    assert np.array_equal(drawn, signal_of(STUDY, replace(smooth, p=7), 0))


def test_one_record_is_fitted_as_in_the_whole_study():
    condition = Condition(process=SHUFFLED_BEATS, cycles=1.0)
    whole, alone = specs_of(STUDY, condition)[1], specs_of(one_record(STUDY, 1), condition)[0]
    assert np.array_equal(whole.signal, alone.signal)
    assert (whole.start, whole.seed, whole.record) == (alone.start, alone.seed, alone.record)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the fits that are kept."""
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("ECGLIB_JOBS", "1")
    return tmp_path


def test_conditions_are_fitted_to_every_record_and_kept(cache):
    good, bad = Condition(), Condition(p=7, first=1)
    outcomes = fit_conditions(STUDY, [good, bad])
    assert outcomes[good].inside.shape == (2,) and (outcomes[good].outside > 0).all()
    assert outcomes[bad].reconstructions.shape == (1, 5000)
    again = fit_conditions(STUDY, [good])[good]
    assert len(list(cache.rglob("*.npz"))) == 3
    assert np.array_equal(again.inside, outcomes[good].inside)


def test_a_readers_own_processes_are_fitted_like_any_other(cache):
    exponential = gaussian("exponential", lambda lag, length: np.exp(-lag / length))
    reversed_ecg = Process("reversed", lambda original, *_: original.signal[::-1])
    study = prepare_study(RECORDS, 2, **(OPTIONS | {"steps": 3}))
    conditions = [Condition(process=process) for process in (exponential, reversed_ecg)]
    rough, turned = fit_conditions(study, conditions).values()
    assert np.allclose(turned.signals, study.signals[:, ::-1])
    assert np.isfinite(rough.reconstructions).all() and (rough.inside > 0).all()
    # Neighbours of an exponential process correlate by exp(-1 / length), of 17.9 samples.
    neighbours = np.corrcoef(rough.signals[0, 1:], rough.signals[0, :-1])[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / 17.857), abs=0.01)


def test_the_name_of_a_process_is_no_process():
    with pytest.raises(TypeError, match="'periodic' is no process: give a `Process`"):
        Condition(process="periodic")
