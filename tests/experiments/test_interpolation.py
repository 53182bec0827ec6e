"""What decides C3 and C4, on windows and scores that are known."""

from types import SimpleNamespace

import numpy as np
import pytest
from toy_beats import REGULAR, beats_at, records_of
from toy_net import Identity

from ecglib.claims import CLAIMS
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import WINDOW, windows_of
from ecglib.estimates import weighted_median
from ecglib.experiments.interpolation import (
    RATE,
    evidence,
    four_seconds,
    patient_pairs,
    reference_paths,
    score_paths,
    scores_by_path,
    window_paths,
    with_middles_of,
)
from ecglib.experiments.paths import crossfade
from ecglib.experiments.scores import Scores
from ecglib.measures import r_counts, r_peaks


@pytest.fixture(scope="module")
def synthetic():
    return four_seconds(load_synthetic(20))


def test_windows_of_a_patient_are_all_for_training_or_all_for_test(synthetic):
    train_patients, test_patients = set(synthetic.train.record), set(synthetic.test.record)
    assert len(train_patients) == 16 and len(test_patients) == 4
    assert not train_patients & test_patients
    assert set(synthetic.middle.record) == test_patients and len(synthetic.middle) == 4
    assert synthetic.train.signals.shape == (16 * 25, 512) and synthetic.train.fs == 128
    assert set(synthetic.middle.start) == {384}


def test_the_middle_windows_of_any_records_are_to_be_had_too(synthetic):
    everyone = with_middles_of(synthetic, np.arange(20))
    assert everyone.middle.record.tolist() == list(range(20))
    for signal, record in zip(synthetic.middle.signals, synthetic.middle.record, strict=True):
        np.testing.assert_array_equal(everyone.middle.signals[record], signal)


def test_beats_outside_the_annotation_are_added_to_the_records_not_to_the_windows():
    r_at = np.arange(0.5, 9.6, 0.9)
    data = four_seconds(records_of([r_at] * 8, fs=500, annotated=slice(2, -3)))
    for record in range(8):
        peaks = data.records.peaks(record, "qrs")
        assert peaks / RATE == pytest.approx(r_at, abs=0.02)
    annotated = np.sum([len(w) for w in data.test.waves if len(w)])
    assert annotated > 0
    for start, waves in zip(data.test.start, data.test.waves, strict=True):
        beats = (start + waves["peak"][waves["kind"] == "qrs"]) / RATE
        assert ((beats > r_at[2] - 0.02) & (beats < r_at[-4] + 0.02)).all()


def test_pairs_are_distinct_and_of_different_patients(synthetic):
    everyone = with_middles_of(synthetic, np.arange(20)).middle
    pairs = patient_pairs(everyone, 60)
    assert pairs.shape == (60, 2) and len({*map(tuple, pairs)}) == 60
    assert (pairs[:, 0] < pairs[:, 1]).all()
    overlapping = synthetic.test.subset(np.arange(0, 50))
    pairs = patient_pairs(overlapping, 200)
    assert (overlapping.record[pairs[:, 0]] != overlapping.record[pairs[:, 1]]).all()
    assert len(patient_pairs(synthetic.middle, 100)) == 4 * 3 / 2
    assert np.array_equal(patient_pairs(everyone, 60), patient_pairs(everyone, 60))


def window(r_at):
    return beats_at(r_at)[384 : 384 + WINDOW]


def test_a_path_that_stays_where_it_is_breaks_nothing():
    scores = score_paths(np.stack([[window(r_at)] * 4 for r_at in REGULAR]))
    assert scores["violating_pairs"].tolist() == [0] * 5
    assert scores["periodicity_ratio"] == pytest.approx(np.ones(5))


def test_beats_in_step_fade_into_each_other_and_beats_out_of_step_double():
    r_at = np.arange(0.5, 9.6, 1.0)
    paths = np.stack([crossfade(window(r_at), window(other), 33) for other in (r_at, r_at + 0.5)])
    assert score_paths(paths)["violating_pairs"].tolist() == [0, 1]


def test_a_count_between_those_of_the_ends_is_no_violation():
    counts = [(4, 5, 6), (4, 6, 6), (4, 7, 6), (4, 3, 6), (6, 5, 4), (6, 3, 4)]
    paths = np.array([[window(np.linspace(3.4, 6.6, n)) for n in path] for path in counts])
    assert r_counts(paths[2], RATE).tolist() == [4, 7, 6]
    assert score_paths(paths)["violating_pairs"].tolist() == [0, 0, 1, 1, 0, 1]


def test_a_path_through_noise_loses_its_period():
    noise = np.random.default_rng(0).normal(0, 0.3, WINDOW)
    ends = window(REGULAR[1]), window(REGULAR[2])
    ratio = score_paths(np.stack([ends[0], noise, ends[1]])[None])["periodicity_ratio"]
    assert ratio[0] < 0.4


def hand_made_data():
    records = records_of(REGULAR)
    return SimpleNamespace(records=records, middle=windows_of(records, WINDOW))


PAIRS = np.array([(i, j) for i in range(5) for j in range(i)])


def test_null_and_oracle_end_in_the_windows_themselves():
    data = hand_made_data()
    for paths in reference_paths(data, PAIRS, frames=9):
        np.testing.assert_allclose(paths[:, 0], data.middle.signals[PAIRS[:, 0]], atol=1e-5)
        np.testing.assert_allclose(paths[:, -1], data.middle.signals[PAIRS[:, 1]], atol=1e-5)


def test_the_oracle_keeps_the_rhythm_that_the_null_loses():
    null, oracle = (score_paths(p) for p in reference_paths(hand_made_data(), PAIRS, frames=33))
    assert oracle["periodicity_ratio"].min() > 0.9
    assert null["periodicity_ratio"].max() < 0.9
    assert null["violating_pairs"].mean() > 0.8
    # A beat at the very border is counted or not by turns, so not every pair is kept.
    assert oracle["violating_pairs"].mean() <= 0.2


def test_the_oracles_beats_move_straight_from_one_rhythm_to_the_other():
    data = hand_made_data()
    _, oracle = reference_paths(data, np.array([[1, 3]]), frames=5)
    centre = 384 + WINDOW // 2
    peaks = [data.records.peaks(i, "qrs") for i in (1, 3)]
    zero = [int(np.argmin(np.abs(p - centre))) for p in peaks]
    for beat in (-1, 0, 1):
        start, end = (p[z + beat] - 384 for p, z in zip(peaks, zero, strict=True))
        for k, frame in enumerate(oracle[0]):
            expected = start + (end - start) * k / 4
            assert np.abs(r_peaks(frame, RATE) - expected).min() <= 1


def test_each_kind_of_path_is_scored_by_its_name_and_a_net_without_compression_is_the_null():
    data = hand_made_data()
    scores = scores_by_path([Identity(), Identity()], data, PAIRS, frames=9)
    null, oracle = (score_paths(paths) for paths in reference_paths(data, PAIRS, frames=9))
    for kind, nets, expected in (("net", 2, null), ("null", 1, null), ("oracle", 1, oracle)):
        assert scores[kind].patients.tolist() == data.middle.record[PAIRS].tolist()
        assert (
            scores[kind]["violating_pairs"].tolist()
            == [expected["violating_pairs"].tolist()] * nets
        )
        for ratio in scores[kind]["periodicity_ratio"]:
            assert ratio == pytest.approx(expected["periodicity_ratio"], abs=1e-3)
    strict = scores_by_path([Identity()], data, PAIRS, frames=9, least=0.9)
    assert strict["null"]["violating_pairs"].mean() > scores["null"]["violating_pairs"].mean()


def test_the_three_paths_of_one_pair_are_those_of_many():
    data = hand_made_data()
    paths = window_paths(Identity(), data, (1, 3), frames=9)
    null, oracle = reference_paths(data, np.array([[1, 3]]), frames=9)
    np.testing.assert_allclose(paths["net"], null[0], atol=1e-5)
    np.testing.assert_array_equal(paths["null"], null[0])
    np.testing.assert_array_equal(paths["oracle"], oracle[0])


def test_ludbs_null_and_oracle(ludb):
    data = four_seconds(ludb)
    assert (len(data.train), len(data.test), len(data.middle)) == (4000, 1000, 40)
    pairs = patient_pairs(data.middle, 100)
    null, oracle = (score_paths(paths) for paths in reference_paths(data, pairs, 33))
    assert null["violating_pairs"].mean() > 0.7 and oracle["violating_pairs"].mean() < 0.2
    assert np.median(null["periodicity_ratio"]) < 0.75
    assert np.median(oracle["periodicity_ratio"]) > 0.98


PATIENTS = np.array([(i, j) for i in range(12) for j in range(i)])


def scores(share, nets=1):
    """Scores of paths that go wrong in this share of pairs, and lose as much of their period."""
    wrong = (np.arange(len(PATIENTS)) < share * len(PATIENTS)).astype(float)
    row = {"violating_pairs": wrong, "periodicity_ratio": np.full(len(PATIENTS), 1.0 - share)}
    return Scores.of_nets([row] * nets, PATIENTS)


SCORES = {"net": scores(0.75, nets=3), "null": scores(0.5), "oracle": scores(0.1)}


def test_evidence_is_a_measure_of_each_kind_of_path_and_the_net_less_the_others():
    less = ("oracle", "null")
    found = evidence(SCORES, "violating_pairs", unit="share of pairs", less=less)
    values = {name: e.value for name, e in found.items()}
    differences = {name: values.pop(f"net_minus_{name}") for name in less}
    assert values == pytest.approx({"violating_pairs": 0.75, "null": 0.5, "oracle": 0.1}, abs=0.01)
    assert differences == pytest.approx({"oracle": 0.65, "null": 0.25}, abs=0.02)
    assert all(e.n == len(PATIENTS) and e.unit == "share of pairs" for e in found.values())
    no_better = evidence(SCORES | {"oracle": SCORES["net"]}, "violating_pairs", less=less)
    assert CLAIMS["C3"].decide(no_better) == "does not hold"


def test_evidence_may_be_that_of_the_median_pair():
    found = evidence(SCORES, "periodicity_ratio", weighted_median, less=("oracle",))
    expected = {
        "periodicity_ratio": 0.25,
        "null": 0.5,
        "oracle": 0.9,
        "net_minus_oracle": -0.65,
    }
    assert {name: e.value for name, e in found.items()} == pytest.approx(expected)
    assert CLAIMS["C4"].decide(found) == "holds"
