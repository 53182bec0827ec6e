"""The controlled set: what nets are trained on, and what they are tested on."""

import numpy as np
import pytest
from toy_net import Identity
from toy_records import records_by_hand

from ecglib.data.records import FS
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import beat_windows
from ecglib.experiments.one_cycle import (
    BeatPairs,
    beat_pair,
    beat_paths,
    beats_of,
    bin_of,
    controlled_pairs,
    controlled_training,
    stratified_pairs,
)

TIME = np.arange(512)
HALF = 60  # of a hand-made T wave, samples
FIRST_T = 110  # samples after R


def beat(displacement, sign=1, second=None):
    """A beat with the T peak `displacement` samples late, and perhaps a second peak elsewhere."""
    signal = np.exp(-0.5 * ((TIME - 256) / 5) ** 2)
    for peak in (displacement, second):
        if peak is not None:
            at, sigma = 256 + FIRST_T + peak, 20 if second is None else 8
            signal = signal + 0.3 * sign * np.exp(-0.5 * ((TIME - at) / sigma) ** 2)
    return signal


def records_of(signals, displacements, r=256):
    """Records of one beat each, its R peak at sample `r`, its T peak `displacement` late."""
    waves = [
        [("qrs", r - 16, r, r + 14), ("t", peak - HALF, peak, peak + HALF)]
        for peak in (r + FIRST_T + d for d in displacements)
    ]
    return records_by_hand(signals, waves, FS)


DISPLACEMENTS = (0, 20, 40, 60, 80, 0, 30)
SIGNS = (1, 1, 1, 1, 1, -1, -1)
BY_HAND = records_of([beat(d, s) for d, s in zip(DISPLACEMENTS, SIGNS, strict=True)], DISPLACEMENTS)


def test_beats_of_a_patient_are_all_for_training_or_all_for_test():
    records = load_synthetic(10)
    train, test = beats_of(records)
    assert len(set(train.record)) == 8 and len(set(test.record)) == 2
    assert not set(train.record) & set(test.record)
    assert train.signals.shape[1] == 512 and train.fs == 500
    peaks = np.concatenate([records.peaks(record, "qrs") for record in range(10)])
    assert len(train) + len(test) == ((peaks >= 256) & (peaks <= 5000 - 256)).sum()
    for waves in test.waves:
        assert 256 in waves["peak"][waves["kind"] == "qrs"]


def test_bins_of_displacement_hold_their_lower_bound():
    assert bin_of(np.array([0, 0.199, 0.2, 0.39, 0.4, 0.6, 5])).tolist() == [0, 0, 1, 1, 2, 3, 3]


def test_pairs_have_the_displacement_and_width_that_the_waves_have():
    pairs = stratified_pairs(beat_windows(BY_HAND), per_bin=100)
    assert len(pairs) == 10 + 1  # of five upright and of two inverted T waves
    for k, (i, j) in enumerate(pairs.patients):
        assert i != j and SIGNS[i] == SIGNS[j] == pairs.sign[k]
        way = abs(DISPLACEMENTS[i] - DISPLACEMENTS[j])
        assert pairs.displacement_ms[k] == pytest.approx(2 * way)
        assert pairs.width_ms[k] == pytest.approx(2 * 2 * HALF)
        assert pairs.ratio[k] == pytest.approx(way / (2 * HALF))
        late = sorted((DISPLACEMENTS[i], DISPLACEMENTS[j]))
        window = [256 + FIRST_T + late[0] - HALF, 256 + FIRST_T + late[1] + HALF]
        assert pairs.window[k].tolist() == window
        np.testing.assert_allclose(pairs.first[k], beat(DISPLACEMENTS[i], SIGNS[i]), atol=1e-6)
        np.testing.assert_allclose(pairs.second[k], beat(DISPLACEMENTS[j], SIGNS[j]), atol=1e-6)
        marks = pairs.marks[k]
        assert marks[1][-2] - marks[0][-2] == DISPLACEMENTS[j] - DISPLACEMENTS[i]


def test_no_more_pairs_than_asked_for_in_a_bin_and_one_a_pair_of_patients():
    _, test = beats_of(load_synthetic(60))
    pairs = stratified_pairs(test, per_bin=7)
    stratum = bin_of(pairs.ratio)
    assert np.bincount(stratum, minlength=4).max() == 7
    several = [(*sorted(p), b) for p, b in zip(pairs.patients, stratum, strict=True)]
    assert len(set(several)) == len(several)
    assert np.array_equal(stratified_pairs(test, 7).patients, pairs.patients)


def test_t_waves_of_two_peaks_or_without_an_end_are_not_taken():
    two_peaks = records_of([beat(0), beat(20), beat(-30, second=30)], (0, 20, 0))
    assert {*stratified_pairs(beat_windows(two_peaks), 10).patients.ravel()} == {0, 1}
    cut = records_of([beat(0), beat(20), beat(100)], (0, 20, 100))  # ends 16 ms past the window
    assert {*stratified_pairs(beat_windows(cut), 10).patients.ravel()} == {0, 1}


def test_pairs_are_picked_by_number_or_by_truth():
    pairs = stratified_pairs(beat_windows(BY_HAND), per_bin=100)
    far = pairs.ratio > 0.3
    by_truth, by_number = pairs.subset(far), pairs.subset(np.flatnonzero(far))
    assert isinstance(by_truth, BeatPairs) and len(pairs) > len(by_truth) == far.sum() > 0
    assert (by_truth.ratio > 0.3).all() and np.array_equal(by_truth.first, by_number.first)
    assert by_truth.marks[0][0].tolist() == pairs.marks[np.argmax(far)][0].tolist()


def test_the_nearest_pair_is_that_of_the_nearest_ratio():
    pairs = stratified_pairs(beat_windows(BY_HAND), per_bin=100)
    for k in (0, 5, 10):
        assert pairs.nearest(pairs.ratio[k] + 0.01).ratio == [pairs.ratio[k]]
    assert pairs.nearest(9.0).ratio == [pairs.ratio.max()]


def test_the_three_paths_of_a_pair_share_their_ends():
    pairs = stratified_pairs(beat_windows(BY_HAND), per_bin=100)
    pair = pairs.nearest(0.6)
    paths = beat_paths(Identity(), pair, frames=5)
    assert list(paths) == ["net", "null", "oracle"]
    for path in paths.values():
        assert path.shape == (5, 512)
        np.testing.assert_allclose(path[[0, -1]], [pair.first[0], pair.second[0]], atol=1e-5)
    np.testing.assert_allclose(paths["net"], paths["null"], atol=1e-5)
    t_peaks = [frame[290:].argmax() + 290 for frame in paths["oracle"]]
    assert len(set(np.diff(t_peaks))) == 1  # a steady drift


def test_a_pair_of_chosen_records_is_that_of_their_first_beats():
    pair = beat_pair(load_synthetic(20), 0, 2)
    assert len(pair) == 1
    onset, offset = pair.window[0]
    assert 256 < onset < offset < 511 and pair.width_ms[0] > 50
    assert len(pair.marks[0][0]) >= 4


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (beat(0, -1), "records 0 and 1 one has an upright T wave and the other an inverted"),
        (beat(-30, second=30), "record 1 has no beat whose T wave"),
    ],
)
def test_records_that_make_no_pair_are_named(other, message):
    signals = np.zeros((2, 2000))
    signals[:, 700 : 700 + 512] = [beat(0), other]
    with pytest.raises(ValueError, match=message):
        beat_pair(records_of(signals, (0, 0), r=700 + 256), 0, 1)


def test_controlled_pairs_are_none_that_the_net_was_trained_on():
    pairs = controlled_pairs()
    training = controlled_training()
    assert training.shape == (90 * 3, 512) and training.dtype == np.float32
    assert len(np.unique(training, axis=0)) == len(training)
    test = np.unique(np.concatenate([pairs.first, pairs.second]), axis=0)
    assert len(test) == 16 * 3
    nearest = np.abs(test[:, None] - training[None]).max(axis=2).min(axis=1)
    assert nearest.min() > 1e-3 and nearest.max() < 0.05  # not the same, but 2.5 ms away


def test_controlled_pairs_know_their_t_waves():
    pairs = controlled_pairs()
    assert len(pairs) == 3 * 16 * 15 / 2
    assert set(pairs.width_ms) == {80, 120, 160}
    assert (pairs.displacement_ms.min(), pairs.displacement_ms.max()) == (20, 300)
    for k in range(0, len(pairs), 17):
        peaks = [s[280:].argmax() + 280 for s in (pairs.first[k], pairs.second[k])]
        assert abs(peaks[1] - peaks[0]) * 2 == pytest.approx(pairs.displacement_ms[k], abs=2)
        assert all(pairs.window[k][0] < p < pairs.window[k][1] for p in peaks)
        assert [m[3] for m in pairs.marks[k]] == pytest.approx(peaks, abs=1)
        assert all((np.diff(m) > 0).all() for m in pairs.marks[k])
