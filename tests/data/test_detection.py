"""R peaks by detection: where they stand, and how many of LUDB's beats are found."""

import numpy as np
import pytest

from ecglib.data.detection import detect_r_peaks
from ecglib.data.ludb import load_ludb
from ecglib.data.synthetic import load_synthetic
from ecglib.experiments.detector_scores import (
    FOUND,
    TRUE,
    detector_row,
    in_words,
    marked_leads,
    to_nearest,
)


def test_the_peaks_of_synthetic_records_are_found_where_they_are():
    records = load_synthetic(40)
    row = detector_row(records)
    assert row[FOUND].value == row[TRUE].value == 100.0
    far = [
        to_nearest(records.peaks(i, "qrs"), detect_r_peaks(signal, records.fs)).max()
        for i, signal in enumerate(records.signals)
    ]
    assert max(far) <= 5  # samples: 10 ms


def test_peaks_stand_in_order_and_inside():
    signal = load_synthetic(1).signals[0]
    found = detect_r_peaks(signal, 500)
    assert found.dtype.kind == "i" and (np.diff(found) > 0).all()
    assert found[0] > 0 and found[-1] < len(signal) - 1


def test_the_nearest_may_be_on_either_side_or_nowhere():
    assert to_nearest(np.array([10, 20, 100]), np.array([12, 90])).tolist() == [2, 8, 10]
    assert to_nearest(np.array([10]), np.array([], int)).tolist() == [np.inf]
    assert to_nearest(np.array([], int), np.array([10])).tolist() == []


def test_a_beat_detected_twice_is_one_true_and_one_false(monkeypatch):
    records = load_synthetic(1)
    marks = records.peaks(0, "qrs")
    twice = np.sort(np.append(marks, marks[3] + 20))
    monkeypatch.setattr("ecglib.experiments.detector_scores.detect_r_peaks", lambda *_: twice)
    row = detector_row(records)
    assert row[FOUND].value == 100.0
    assert row[TRUE].value == pytest.approx(100 * len(marks) / len(twice))


def test_a_missed_beat_and_a_false_one_are_counted(monkeypatch):
    records = load_synthetic(2)
    marks = records.peaks(0, "qrs")
    other = records.peaks(1, "qrs")
    middle = (other[1] + other[2]) // 2
    answers = iter([np.delete(marks, 3), np.sort(np.append(other, middle))])
    monkeypatch.setattr(
        "ecglib.experiments.detector_scores.detect_r_peaks", lambda *_: next(answers)
    )
    row = detector_row(records)
    n = len(marks) + len(other)
    assert row["beats marked"] == n
    assert row[FOUND].value == pytest.approx(100 * (n - 1) / n)
    assert row[TRUE].value == pytest.approx(100 * (n - 1) / n)


def test_peaks_without_onsets_are_no_evidence():
    records = load_synthetic(2)
    for waves in records.waves:
        waves["onset"] = waves["offset"] = -1
    assert list(marked_leads("mine", records)) == []
    assert "found by this detector" in in_words([])


@pytest.mark.parametrize("lead", ["iii", "v1", "v6"])
def test_99_of_100_beats_of_ludb_are_found_and_true(ludb, lead):
    row = detector_row(ludb if lead == "v6" else load_ludb(lead=lead))
    assert row[FOUND].value >= 99.0
    assert row[TRUE].value >= 99.0


def test_records_in_which_xqrs_found_nothing(ludb):
    row = detector_row(ludb.subset([ludb.index(i) for i in ("24", "34", "116")]))
    assert row[FOUND].value == row[TRUE].value == 100.0
