"""What decides C1 to C4, on windows and scores that are known."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from toy_net import Identity

from ecglib.claims import CLAIMS
from ecglib.data.records import Records, as_waves
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import windows_of
from ecglib.experiments import interpolation as evidence
from ecglib.experiments.interpolation import (
    FS,
    LENGTH,
    PathScores,
    four_seconds,
    net_scores,
    patient_pairs,
    peak_scores,
    reference_paths,
    score_paths,
    scores_by_path,
    three_paths,
    with_middles_of,
)
from ecglib.experiments.paths import crossfade
from ecglib.measures import r_counts, r_peaks

SECONDS = 10
T_DELAY = 0.28


def train(r_at, fs=FS, seconds=SECONDS, t=True):
    """Beats at times r_at, s, each a QRS of 1 mV and a T wave of 0.25 mV."""
    time = np.arange(seconds * fs) / fs
    signal = sum(np.exp(-0.5 * ((time - r) / 0.012) ** 2) for r in r_at)
    if t:
        signal = signal + sum(
            0.25 * np.exp(-0.5 * ((time - r - T_DELAY) / 0.04) ** 2) for r in r_at
        )
    return signal.astype(np.float32)


def annotation(r_at, fs=FS, t=True):
    rows = [("qrs", *(round((r + d) * fs) for d in (-0.04, 0, 0.04))) for r in r_at]
    if t:
        rows += [("t", *(round((r + T_DELAY + d) * fs) for d in (-0.1, 0, 0.1))) for r in r_at]
    return as_waves(rows)


def records_of(trains, fs=FS, annotated=slice(None), t=True):
    n = len(trains)
    return Records(
        signals=np.stack([train(r_at, fs) for r_at in trains]),
        fs=float(fs),
        ids=tuple(str(i) for i in range(n)),
        lead="v6",
        source="by hand",
        waves=tuple(annotation(r_at[annotated], fs, t) for r_at in trains),
        rhythms=("",) * n,
        diagnoses=((),) * n,
        healthy=np.ones(n, bool),
    )


REGULAR = [np.arange(0.45, 9.6, rr) for rr in (0.7, 0.8, 0.9, 1.0, 1.1)]


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
    data = four_seconds(records_of([r_at] * 5, fs=500, annotated=slice(2, -3)))
    for record in range(5):
        peaks = data.records.peaks(record, "qrs")
        assert peaks / FS == pytest.approx(r_at, abs=0.02)
    annotated = np.sum([len(w) for w in data.test.waves if len(w)])
    assert annotated > 0
    for start, waves in zip(data.test.start, data.test.waves, strict=True):
        beats = (start + waves["peak"][waves["kind"] == "qrs"]) / FS
        assert ((beats > r_at[2] - 0.02) & (beats < r_at[-4] + 0.02)).all()


def windows(**how):
    return windows_of(records_of(REGULAR, **how), LENGTH)


@pytest.mark.parametrize("kind", ["qrs", "t"])
def test_the_signals_themselves_have_every_annotated_peak(kind):
    scores = peak_scores(windows(), windows().signals, kind)
    for estimate in scores.values():
        assert (estimate.value, estimate.low, estimate.high) == (1, 1, 1)


def test_a_lost_beat_lowers_the_sensitivity_alone_and_a_ghost_the_predictive_value():
    r_at = np.arange(0.5, 9.6, 1.0)
    one = records_of([r_at])
    cut = windows_of(one, LENGTH)  # from 3 to 7 s: beats at 3.5, 4.5, 5.5 and 6.5 s
    without = train(np.delete(r_at, 4))[None, 384 : 384 + LENGTH]
    scores = peak_scores(cut, without, "qrs")
    assert scores["sensitivity"].value == pytest.approx(3 / 4) and scores["ppv"].value == 1
    ghost = train(np.sort([*r_at, 5.05]), t=False)[None, 384 : 384 + LENGTH]
    scores = peak_scores(cut, ghost, "qrs")
    assert scores["sensitivity"].value == 1 and scores["ppv"].value == pytest.approx(4 / 5)


@pytest.mark.parametrize("kind", ["qrs", "t"])
@pytest.mark.parametrize(("late_ms", "right"), [(39, 1), (-39, 1), (63, 0), (-63, 0)])
def test_a_peak_is_right_within_50_ms(late_ms, right, kind):
    late = np.roll(windows().signals, round(late_ms * FS / 1000), axis=1)
    assert peak_scores(windows(), late, kind)["sensitivity"].value == pytest.approx(right, abs=0.01)


def test_a_t_wave_that_is_gone_is_missed():
    flat = np.stack([train(r_at, t=False)[384 : 384 + LENGTH] for r_at in REGULAR])
    assert peak_scores(windows(), flat, "qrs")["sensitivity"].value == 1
    assert peak_scores(windows(), flat, "t")["sensitivity"].value == 0


def test_what_is_nowhere_annotated_cannot_be_scored():
    unlabelled = windows(t=False)
    for estimate in peak_scores(unlabelled, unlabelled.signals, "t").values():
        assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert peak_scores(unlabelled, unlabelled.signals, "qrs")["ppv"].value == 1


def test_beats_beyond_the_annotation_are_not_held_against_anyone():
    some = windows(annotated=slice(4, 7))
    scores = peak_scores(some, some.signals, "qrs")
    assert scores["ppv"].value == 1 and scores["sensitivity"].value == 1


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
    assert not np.array_equal(patient_pairs(everyone, 60), patient_pairs(everyone, 60, seed=1))


def window(r_at):
    return train(r_at)[384 : 384 + LENGTH]


def test_a_path_that_stays_where_it_is_breaks_nothing():
    scores = score_paths(np.stack([[window(r_at)] * 4 for r_at in REGULAR]))
    assert scores.violated.tolist() == [0] * 5
    assert scores.periodicity_ratio == pytest.approx(np.ones(5))


def test_beats_in_step_fade_into_each_other_and_beats_out_of_step_double():
    r_at = np.arange(0.5, 9.6, 1.0)
    paths = np.stack([crossfade(window(r_at), window(other)) for other in (r_at, r_at + 0.5)])
    assert score_paths(paths).violated.tolist() == [0, 1]


def test_a_count_between_those_of_the_ends_is_no_violation():
    paths = np.stack(
        [
            [window(np.linspace(3.4, 6.6, n)) for n in counts]
            for counts in (
                (4, 5, 6),
                (4, 6, 6),
                (4, 7, 6),
                (4, 3, 6),
                (6, 5, 4),
                (6, 3, 4),
            )
        ]
    )
    assert r_counts(paths[2], FS).tolist() == [4, 7, 6]
    assert score_paths(paths).violated.tolist() == [0, 0, 1, 1, 0, 1]


def test_a_path_through_noise_loses_its_period():
    noise = np.random.default_rng(0).normal(0, 0.3, LENGTH)
    ends = window(REGULAR[1]), window(REGULAR[2])
    ratio = score_paths(np.stack([ends[0], noise, ends[1]])[None]).periodicity_ratio
    assert ratio[0] < 0.4


def hand_made_data():
    records = records_of(REGULAR)
    return SimpleNamespace(records=records, middle=windows_of(records, LENGTH))


PAIRS = np.array([(i, j) for i in range(5) for j in range(i)])


def test_null_and_oracle_end_in_the_windows_themselves():
    data = hand_made_data()
    for paths in reference_paths(data, PAIRS, frames=9):
        np.testing.assert_allclose(paths[:, 0], data.middle.signals[PAIRS[:, 0]], atol=1e-5)
        np.testing.assert_allclose(paths[:, -1], data.middle.signals[PAIRS[:, 1]], atol=1e-5)


def test_the_oracle_keeps_the_rhythm_that_the_null_loses():
    null, oracle = (score_paths(p) for p in reference_paths(hand_made_data(), PAIRS))
    assert oracle.periodicity_ratio.min() > 0.9
    assert null.periodicity_ratio.max() < 0.9
    assert null.violated.mean() > 0.8
    # A beat at the very border is counted or not by turns, so not every pair is kept.
    assert oracle.violated.mean() <= 0.2


def test_the_oracles_beats_move_straight_from_one_rhythm_to_the_other():
    data = hand_made_data()
    _, oracle = reference_paths(data, np.array([[1, 3]]), frames=5)
    centre = 384 + LENGTH // 2
    peaks = [data.records.peaks(i, "qrs") for i in (1, 3)]
    zero = [int(np.argmin(np.abs(p - centre))) for p in peaks]
    for beat in (-1, 0, 1):
        start, end = (p[z + beat] - 384 for p, z in zip(peaks, zero, strict=True))
        for k, frame in enumerate(oracle[0]):
            expected = start + (end - start) * k / 4
            assert np.abs(r_peaks(frame, FS) - expected).min() <= 1


def test_a_net_without_any_compression_is_the_null():
    data = hand_made_data()
    scores = net_scores([Identity(), Identity()], data, PAIRS)
    null = score_paths(crossfade(*(data.middle.signals[PAIRS[:, k]] for k in (0, 1))))
    assert scores.violated.shape == scores.periodicity_ratio.shape == (2, len(PAIRS))
    for row in range(2):
        assert scores.violated[row].tolist() == null.violated.tolist()
        assert scores.periodicity_ratio[row] == pytest.approx(null.periodicity_ratio, abs=1e-3)


def test_three_kinds_of_paths_are_scored_each_by_its_name():
    data = hand_made_data()
    scores = scores_by_path([Identity()], data, PAIRS, frames=9)
    null, oracle = (score_paths(paths) for paths in reference_paths(data, PAIRS, frames=9))
    assert scores["net"].violated.tolist() == [null.violated.tolist()]
    assert scores["null"].violated.tolist() == null.violated.tolist()
    assert scores["oracle"].periodicity_ratio.tolist() == oracle.periodicity_ratio.tolist()
    strict = scores_by_path([Identity()], data, PAIRS, frames=9, least=0.9)
    assert strict["null"].violated.mean() > scores["null"].violated.mean()


def test_the_three_paths_of_one_pair_are_those_of_many():
    data = hand_made_data()
    paths = three_paths(Identity(), data, (1, 3), frames=9)
    null, oracle = reference_paths(data, np.array([[1, 3]]), frames=9)
    np.testing.assert_allclose(paths["net"], null[0], atol=1e-5)
    np.testing.assert_array_equal(paths["null"], null[0])
    np.testing.assert_array_equal(paths["oracle"], oracle[0])


@pytest.mark.skipif(
    not os.environ.get("ECGLIB_LUDB"), reason="ECGLIB_LUDB names no folder that holds LUDB"
)
def test_ludbs_own_signals_null_and_oracle():
    from ecglib.data.ludb import load_ludb

    data = four_seconds(load_ludb())
    assert (len(data.train), len(data.test), len(data.middle)) == (4000, 1000, 40)
    r, t = (peak_scores(data.test, data.test.signals, kind) for kind in ("qrs", "t"))
    assert r["sensitivity"].low > 0.99 and r["ppv"].low > 0.99
    assert t["sensitivity"].low > 0.9 and t["ppv"].low > 0.9
    pairs = patient_pairs(data.middle, 100)
    null, oracle = (score_paths(paths) for paths in reference_paths(data, pairs))
    assert null.violated.mean() > 0.7 and oracle.violated.mean() < 0.2
    assert np.median(null.periodicity_ratio) < 0.75 and np.median(oracle.periodicity_ratio) > 0.98


DATA = four_seconds(load_synthetic(10))
TEST = DATA.test.signals
FLAT = np.zeros_like(TEST)
ALTERNATING = 0.05 * np.resize([1.0, -1.0], TEST.shape[1])  # mV, all of it at 64 Hz


def test_signals_that_come_back_unchanged_are_reconstructed_well():
    found = evidence.reconstruction(DATA, [DATA.train.signals] * 2, [TEST] * 2)
    assert found["explained_train"].value == found["explained_test"].value == 1
    assert found["r_sensitivity"].value > 0.99 and found["r_ppv"].value > 0.99
    assert CLAIMS["C1"].decide(found) != "does not hold"


def test_a_net_that_gives_nothing_halves_what_two_nets_find_and_explain():
    found = evidence.reconstruction(DATA, [DATA.train.signals], [TEST, FLAT + TEST.mean()])
    best = evidence.peaks_found(DATA.test, [TEST])
    for peak in ("r", "t"):
        half = best[f"{peak}_sensitivity"].value / 2
        assert found[f"{peak}_sensitivity"].value == pytest.approx(half)
        assert found[f"{peak}_ppv"].value == pytest.approx(best[f"{peak}_ppv"].value)
    assert found["explained_train"].value == 1
    assert 0.3 < found["explained_test"].value < 0.51
    assert CLAIMS["C1"].decide(found) == "does not hold"


def test_the_typical_window_is_not_moved_by_a_few_bad_ones():
    decoded = TEST.copy()
    decoded[: len(decoded) // 4] *= -1
    assert evidence.typical_explained(DATA.test, [decoded]).value == 1
    shifted = evidence.typical_explained(DATA.test, [TEST * 0.5])
    assert shifted.value < 0.76  # of the variance; less by the mean, which is halved too


def test_power_is_that_above_40_hz_over_the_records_own():
    def ratio(signals):
        return evidence.high_frequencies(DATA.test, [signals])["power_ratio"]

    assert ratio(0.5 * TEST).value == pytest.approx(0.25, rel=1e-3)
    time = np.arange(TEST.shape[1]) / DATA.test.fs
    slow = 0.2 * np.sin(2 * np.pi * 3 * time)
    assert ratio(TEST + slow).value == pytest.approx(1, rel=0.05)
    assert ratio(TEST + ALTERNATING).low > 2


PATIENTS = np.array([(i, j) for i in range(12) for j in range(i)])


def scores(share, nets=1):
    """Scores of paths that go wrong in this share of pairs, and lose as much of their period."""
    wrong = (np.arange(len(PATIENTS)) < share * len(PATIENTS)).astype(float)
    lost = np.full(len(PATIENTS), 1.0 - share)
    if nets == 1:
        return PathScores(wrong, lost)
    return PathScores(np.tile(wrong, (nets, 1)), np.tile(lost, (nets, 1)))


SCORES = {"net": scores(0.75, nets=3), "null": scores(0.5), "oracle": scores(0.1)}


def test_counts_are_shares_of_pairs_and_differences_the_nets_less_the_others():
    found = evidence.wrong_counts(SCORES, PATIENTS)
    assert found["violating_pairs"].value == pytest.approx(0.75, abs=0.01)
    assert found["null"].value == pytest.approx(0.5, abs=0.01)
    assert found["oracle"].value == pytest.approx(0.1, abs=0.01)
    assert found["net_minus_null"].value == pytest.approx(0.25, abs=0.02)
    assert found["net_minus_oracle"].value == pytest.approx(0.65, abs=0.02)
    assert all(e.n == len(PATIENTS) and e.unit == "share of pairs" for e in found.values())
    no_better = evidence.wrong_counts(SCORES | {"oracle": SCORES["net"]}, PATIENTS)
    assert CLAIMS["C3"].decide(no_better) == "does not hold"


def test_periodicity_is_the_median_pairs():
    found = evidence.least_periodicity(SCORES, PATIENTS)
    assert found["periodicity_ratio"].value == 0.25
    assert (found["null"].value, found["oracle"].value) == (0.5, 0.9)
    assert found["net_minus_oracle"].value == pytest.approx(-0.65)
    assert CLAIMS["C4"].decide(found) == "holds"
