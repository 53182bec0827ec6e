"""Known answers from LUDB itself; skipped where it is not to be had."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglib.ludb import LEADS, load_ludb, read_digital
from ecglib.records import waves_from_symbols

pytestmark = pytest.mark.skipif(
    not os.environ.get("ECGLIB_LUDB"), reason="ECGLIB_LUDB names no folder that holds LUDB"
)


@pytest.fixture(scope="module")
def v6():
    return load_ludb()


def spans(records, kind, start, end):
    """Every record's median of end - start over its whole waves of a kind, ms."""
    found = []
    for waves in records.waves:
        whole = waves[(waves["kind"] == kind) & (waves["onset"] >= 0) & (waves["offset"] >= 0)]
        if len(whole):
            found.append(np.median(whole[end] - whole[start]) * 2.0)
    return np.array(found)


def test_two_hundred_records_of_ten_seconds(v6):
    assert v6.signals.shape == (200, 5000) and v6.signals.dtype == np.float32
    assert (v6.fs, v6.lead, v6.source) == (500, "v6", "LUDB 1.0.1")
    assert v6.ids == tuple(str(i) for i in range(1, 201))


def test_einthovens_law_holds_in_the_digital_values_and_not_in_the_headers(v6):
    i, ii, iii = (LEADS.index(lead) for lead in ("i", "ii", "iii"))
    errors = []
    for record, record_id in enumerate(v6.ids):
        digital, physical = read_digital(record_id)
        assert not np.any(digital[:, i] + digital[:, iii] - digital[:, ii])
        assert np.array_equal(np.round(v6.signals[record] * 1000), digital[:, LEADS.index("v6")])
        assert np.ptp(physical, axis=0) == pytest.approx(1, abs=0.01)
        errors.append(np.abs(physical[:, i] + physical[:, iii] - physical[:, ii]).max())
    assert np.median(errors) > 0.2 and min(errors) > 0.005  # mV, as the headers have it


def test_amplitudes_are_millivolts(v6):
    peak_to_peak = np.ptp(v6.signals, axis=1)
    assert peak_to_peak.min() == pytest.approx(0.54, abs=0.005)
    assert peak_to_peak.max() == pytest.approx(8.3, abs=0.05)


def test_number_of_waves(v6):
    kinds = Counter(np.concatenate(v6.waves)["kind"].tolist())
    assert kinds == {"p": 1398, "qrs": 1830, "t": 1643}
    beats = [len(v6.peaks(i, "qrs")) for i in range(200)]
    assert (min(beats), max(beats)) == (4, 20)
    assert sum(len(v6.peaks(i, "p")) > 0 for i in range(200)) == 176


def test_number_of_waves_over_all_leads(v6):
    folder = Path(os.environ["ECGLIB_LUDB"]) / "data"
    kinds, broken = Counter(), set()
    for record_id in v6.ids:
        for lead in LEADS:
            annotation = wfdb.rdann(str(folder / record_id), lead)
            waves = waves_from_symbols(annotation.sample, annotation.symbol)
            kinds.update(waves["kind"].tolist())
            if np.any((waves["onset"] < 0) | (waves["offset"] < 0)):
                broken.add(int(record_id))
    assert kinds == {"p": 16797, "qrs": 21965, "t": 19661}
    assert broken == {7, 8, 34, 95, 104, 111, 116, 198}


def test_durations_and_delays(v6):
    assert np.median(spans(v6, "p", "onset", "offset")) == pytest.approx(100, abs=2)
    assert np.median(spans(v6, "qrs", "onset", "offset")) == pytest.approx(90, abs=2)
    assert np.median(spans(v6, "t", "onset", "offset")) == pytest.approx(180, abs=2)
    rr, rt = [], []
    for i in range(200):
        r, t = v6.peaks(i, "qrs"), v6.peaks(i, "t")
        rr.extend(np.diff(r) * 2)
        rt.extend((t - r[np.searchsorted(r, t) - 1])[t > r[0]] * 2)
    assert np.median(rr) == pytest.approx(900, abs=10)
    assert np.median(rt) == pytest.approx(268, abs=4)
    assert np.percentile(rt, [5, 95]) == pytest.approx([218, 336], abs=8)


def test_annotation_starts_late_and_ends_early(v6):
    first = np.array([waves["peak"].min() for waves in v6.waves]) / 500
    last = np.array([waves["peak"].max() for waves in v6.waves]) / 500
    assert np.median(first) == pytest.approx(1.366, abs=0.001)
    assert np.median(last) == pytest.approx(8.597, abs=0.001)
    assert (first.min(), last.max()) == (0.434, 9.59)


def test_broken_triplets_lie_in_two_records_of_v6(v6):
    broken = {
        v6.ids[i]: waves[(waves["onset"] < 0) | (waves["offset"] < 0)]
        for i, waves in enumerate(v6.waves)
    }
    broken = {name: waves for name, waves in broken.items() if len(waves)}
    assert broken.keys() == {"95", "111"}
    assert all((waves["kind"] == "qrs").all() for waves in broken.values())


def test_whole_waves_are_in_order(v6):
    for waves in v6.waves:
        assert (np.diff(waves["peak"]) > 0).all()
        assert (waves["onset"] < waves["peak"]).all()
        bounded = waves["offset"] >= 0
        assert (waves["offset"] > waves["peak"])[bounded].all()


def test_rhythms_are_those_that_ludb_counts(v6):
    assert Counter(v6.rhythms) == {
        "Sinus rhythm": 143,
        "Sinus tachycardia": 4,
        "Sinus bradycardia": 25,
        "Sinus arrhythmia": 8,
        "Irregular sinus rhythm": 2,
        "Atrial fibrillation": 15,
        "Atrial flutter, typical": 3,
    }


def test_findings_are_split_cell_by_cell_and_line_by_line(v6):
    assert v6.diagnoses[0] == (
        "Electric axis of the heart: left axis deviation",
        "Left ventricular overload",
        "Left ventricular hypertrophy",
        "Non-specific repolarization abnormalities: posterior wall",
    )
    everything = [finding for found in v6.diagnoses for finding in found]
    assert "Electric axis of the heart: normal" not in everything
    assert everything.count("Wandering atrial pacemaker") == 3  # beside a rhythm, not one
    assert not any("\n" in finding or finding != finding.strip() for finding in everything)


def test_healthy_means_sinus_rhythm_normal_axis_and_nothing_else(v6):
    assert v6.healthy.sum() == 15
    for i in range(200):
        assert v6.healthy[i] == (v6.rhythms[i] == "Sinus rhythm" and v6.diagnoses[i] == ())


def test_a_lead_is_asked_for_in_either_case_and_unknown_ones_are_refused(v6):
    assert np.array_equal(load_ludb(lead="V6").signals, v6.signals)
    with pytest.raises(ValueError, match="no lead 'v7': its leads are i, ii, iii, avr"):
        load_ludb(lead="v7")
