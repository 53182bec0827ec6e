import numpy as np
import pytest
from toy_records import records_by_hand

from ecglib.data.synthetic import load_synthetic
from ecglib.experiments import survey


def made(*beats, rhythms=None, samples=2000):
    """Silent records at 500 Hz whose waves are given as (kind, onset, peak, offset) rows."""
    return records_by_hand(np.zeros((len(beats), samples)), beats, rhythms=rhythms)


def r_peaks(*samples):
    return [("qrs", -1, sample, -1) for sample in samples]


CYCLE = [("p", 60, 80, 100), ("qrs", 130, 150, 175), ("t", 250, 300, 340)]


def test_rate_and_irregularity_are_those_of_the_rr_intervals():
    records = made(r_peaks(0, 500, 1000), r_peaks(0, 400, 1000), r_peaks(7), [])
    assert survey.rr_intervals(records)[1].tolist() == [0.8, 1.2]
    assert survey.irregularity(records)[:2].tolist() == pytest.approx([0, 0.2])
    assert np.isnan(survey.irregularity(records)[2:]).all()
    assert survey.heart_rates(records)[:2].tolist() == [60, 60]
    assert np.isnan(survey.heart_rates(records)[2:]).all()


def test_durations_and_delays_are_medians_of_whole_waves():
    broken = [("t", -1, 900, 1400), ("qrs", 800, 820, -1)]
    measured = survey.per_record(made(CYCLE, [*CYCLE, *broken], r_peaks(3)))
    assert measured["P"][:2].tolist() == [80, 80]
    assert measured["QRS"][:2].tolist() == [90, 90]
    assert measured["T"][:2].tolist() == [180, 180]
    assert measured["R-T"].tolist()[:2] == [300, (300 + 160) / 2]
    assert np.isnan(measured["T"][2]) and np.isnan(measured["RR"][0])


def test_a_t_wave_before_the_first_r_peak_has_no_delay():
    records = made([("t", 10, 20, 30), ("qrs", 90, 100, 120), ("t", 180, 200, 220)])
    assert survey.per_record(records)["R-T"].tolist() == [200]


def test_tables_count_what_there_is():
    records = made(CYCLE, [*CYCLE, *r_peaks(650)], r_peaks(5), rhythms=("a", "b", "b"))
    rows = survey.wave_rows(records)
    assert [(row["annotated"], row["records"]) for row in rows] == [(2, 2), (4, 3), (2, 2)]
    assert rows[0]["duration, ms"] == "80 (80 to 80)"
    rhythms = survey.rhythm_rows(records)
    assert [(row["rhythm"], row["records"]) for row in rhythms] == [("b", 2), ("a", 1)]
    assert rhythms[0]["heart rate, /min"] == "60 (60 to 60)"
    assert rhythms[1]["heart rate, /min"] == "not annotated"


def test_records_are_shown_from_regular_to_irregular_with_every_rhythm():
    records = load_synthetic(60)
    shown = survey.from_regular_to_irregular(records, 8)
    spread = survey.irregularity(records)
    assert len(set(shown)) == 8
    assert (np.diff(spread[shown]) >= 0).all()
    assert spread[shown[-1]] == spread.max()
    assert {records.rhythms[i] for i in shown} == set(records.rhythms)
    few = [records.rhythms[i] for i in survey.from_regular_to_irregular(records, 3)]
    assert few == ["Sinus rhythm", "Sinus arrhythmia", "Atrial fibrillation"]


@pytest.mark.parametrize("n", [1, 3, 8])
def test_fewer_records_than_asked_for_are_all_shown(n):
    records = made(*[r_peaks(0, 500, 1000 + 10 * i) for i in range(n)])
    assert survey.from_regular_to_irregular(records, 8).tolist() == list(range(n))
    assert len(survey.from_regular_to_irregular(made(r_peaks(3), []), 8)) == 2


def test_share_of_unequal_counts_looks_at_the_middle_only():
    records = made(
        r_peaks(10, 1200, 2200), r_peaks(1400, 2400), r_peaks(1000, 2000, 2800), samples=4000
    )
    assert survey.share_of_unequal_counts(records) == pytest.approx(2 / 3)


def test_a_typical_cycle_is_whole_and_healthy_if_there_is_one():
    beats = [*r_peaks(20), *CYCLE], CYCLE
    assert survey.typical_cycle(made(*beats))[0] == 0
    record, waves = survey.typical_cycle(made(*beats, rhythms=("", "Sinus rhythm")))
    assert record == 1 and waves["kind"].tolist() == ["p", "qrs", "t"]


def test_without_a_whole_cycle_there_is_an_r_peak():
    record, waves = survey.typical_cycle(made(r_peaks(5, 505, 1005)))
    assert (record, waves["peak"].tolist()) == (0, [505])


def test_einthovens_law_fails_only_once_gains_are_fitted():
    leads = survey.made_limb_leads(load_synthetic(1))
    exact, gained = survey.einthoven(leads)
    assert not exact.any()
    assert np.abs(gained).max() > 0.1


def test_marks_that_come_early_are_measured():
    records = made(r_peaks(100, 1000), samples=2000)
    records.signals[0, [102, 1005]] = -2.0
    assert survey.r_mark_leads(records).tolist() == [4, 10]


def test_percentiles_leave_out_what_is_not_known():
    assert survey.percentiles(np.array([np.nan, 3.0])) == (3, 3, 3)
    assert np.isnan(survey.percentiles(np.array([np.nan]))).all()
