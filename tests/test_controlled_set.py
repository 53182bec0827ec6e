"""The controlled set: what nets are trained on, and what they are tested on."""

import numpy as np
import pytest

from ecglib.controlled_set import controlled_pairs, controlled_training


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
