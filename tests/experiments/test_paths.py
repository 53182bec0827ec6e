"""Paths whose every frame can be said beforehand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from toy_net import Identity

from ecglib.bench import plain_measures
from ecglib.data.records import as_waves
from ecglib.experiments.paths import (
    common_landmarks,
    crossfade,
    landmark_warp,
    latent_path,
)
from ecglib.experiments.reconstruction import reconstruct
from ecglib.nets.autoencoder import ConvAutoencoder

TIME = np.arange(400)


def bump(centre, sigma=12.0):
    return np.exp(-0.5 * ((TIME - centre) / sigma) ** 2)


class Shift(nn.Module):
    """An exact autoencoder of bumps: the code is the centre of mass."""

    def encode(self, signals):
        time = torch.arange(signals.shape[1], dtype=torch.float32)
        return (signals @ time / signals.sum(dim=1))[:, None]

    def decode(self, code):
        return torch.exp(-0.5 * ((torch.arange(400.0) - code) / 12) ** 2)


def test_a_latent_path_goes_straight_through_the_code():
    first, second = np.stack([bump(100), bump(150)]), np.stack([bump(200), bump(130)])
    paths = latent_path(Shift(), first, second, frames=11)
    assert paths.shape == (2, 11, 400) and paths.dtype == np.float32
    assert paths.argmax(axis=2).tolist() == [list(range(100, 201, 10)), list(range(150, 129, -2))]


def test_a_latent_path_ends_at_the_reconstructions_of_its_ends():
    torch.manual_seed(0)
    net = ConvAutoencoder(length=64, filters=(4, 3), kernels=(9, 5), pools=(2, 2), latent=6).eval()
    first, second = np.random.default_rng(0).normal(size=(2, 3, 64))
    paths = latent_path(net, first, second, frames=7)
    np.testing.assert_allclose(paths[:, 0], reconstruct(net, first), atol=1e-5)
    np.testing.assert_allclose(paths[:, -1], reconstruct(net, second), atol=1e-5)
    assert np.abs(paths[:, 3] - crossfade(paths[:, 0], paths[:, -1], 7)[:, 3]).max() > 1e-4


def test_a_code_may_have_any_shape():
    class Folded(Identity):
        def encode(self, signals):
            return signals.unflatten(1, (4, -1))

        def decode(self, code):
            return code.flatten(1)

    first, second = np.random.default_rng(0).normal(size=(2, 3, 20))
    path = latent_path(Folded(), first, second, frames=5)
    np.testing.assert_allclose(path, crossfade(first, second, 5), atol=1e-5)


@given(st.integers(2, 20), st.integers(0, 2**20))
def test_a_crossfade_is_the_straight_line_between_its_ends(frames, seed):
    first, second = np.random.default_rng(seed).normal(size=(2, 3, 10))
    path = crossfade(first, second, frames)
    assert path.shape == (3, frames, 10)
    np.testing.assert_allclose(path[:, 0], first)
    np.testing.assert_allclose(path[:, -1], second)
    np.testing.assert_allclose(
        np.diff(path, axis=1),
        ((second - first) / (frames - 1))[:, None].repeat(frames - 1, 1),
        atol=1e-12,
    )
    np.testing.assert_allclose(path, crossfade(second, first, frames)[:, ::-1], atol=1e-12)


def warp(first, second, first_marks, second_marks, frames):
    return landmark_warp(first[None], second[None], [(first_marks, second_marks)], frames)[0]


def test_a_warp_moves_its_landmarks_linearly_and_keeps_their_height():
    first, second = bump(120) + bump(220, 5), bump(150) + bump(320, 5)
    path = warp(first, second, np.array([120, 220]), np.array([150, 320]), frames=11)
    for k, frame in enumerate(path):
        for start, end in ((120, 150), (220, 320)):
            place = start + (end - start) * k / 10
            around = slice(round(place) - 8, round(place) + 9)
            assert frame[around].max() == pytest.approx(1, abs=1e-3)
            assert np.argmax(frame[around]) == 8


@given(st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True), st.integers(0, 2**20))
def test_a_warp_gives_its_ends_back(marks, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 100))
    other = np.sort(rng.choice(np.arange(1, 99), len(marks), replace=False))
    path = warp(first, second, np.sort(marks), other, frames=5)
    np.testing.assert_allclose(path[0], first, atol=1e-5)
    np.testing.assert_allclose(path[-1], second, atol=1e-5)


def test_beyond_its_outermost_landmarks_a_signal_moves_along_unstretched():
    ramp = TIME.astype(float)
    path = warp(ramp, ramp, np.array([150, 200]), np.array([170, 260]), frames=3)
    # The middle frame: landmarks at 160 and 230; before them the two are 10 late and early.
    middle = path[1]
    np.testing.assert_allclose(np.diff(middle)[20:150], 1, atol=1e-4)
    np.testing.assert_allclose(np.diff(middle)[240:360], 1, atol=1e-4)
    assert middle[160] == pytest.approx((150 + 170) / 2)
    assert middle[230] == pytest.approx((200 + 260) / 2)
    assert middle[195] == pytest.approx((175 + 215) / 2)


def test_a_warp_of_one_landmark_is_a_shift():
    path = warp(bump(150), bump(190), np.array([150]), np.array([190]), frames=5)
    shifts = [bump(centre) for centre in (150, 160, 170, 180, 190)]
    np.testing.assert_allclose(path, shifts, atol=1e-5)


def test_pairs_are_warped_together_as_one_by_one_and_cut_out():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 20, 400))
    marks = [
        tuple(np.sort(rng.choice(400, (2, count), replace=False), axis=1).astype(float))
        for count in rng.integers(1, 9, 20)
    ]
    starts = rng.integers(0, 300, 20)
    together = landmark_warp(first, second, marks, 5, starts, 100)
    assert together.shape == (20, 5, 100)
    for k, start in enumerate(starts):
        alone = plain_measures.landmark_warp(first[k], second[k], *marks[k], 5)
        np.testing.assert_array_equal(together[k], alone[:, start : start + 100])


@pytest.mark.parametrize("marks", [([], []), ([1, 2], [1])])
def test_a_warp_without_common_landmarks_is_refused(marks):
    with pytest.raises(ValueError, match=f"there are {len(marks[0])} and {len(marks[1])}"):
        warp(bump(100), bump(150), *map(np.array, marks), frames=5)


def train_of_beats(r_peaks, kinds=("p", "qrs", "t")):
    shape = {"p": (-50, -40, -30), "qrs": (-8, 0, 9), "t": (60, 80, 100)}
    return as_waves([(k, *(r + d for d in shape[k])) for r in r_peaks for k in kinds])


def test_landmarks_are_matched_by_beat_outward_from_the_centre():
    first, second = train_of_beats([100, 300, 500]), train_of_beats([40, 210, 380, 550])
    marks = common_landmarks(first, second, centre=310)
    # 300 is nearest in the first, 380 in the second; the second has one more beat before them.
    pairs = dict(zip(*(m.tolist() for m in marks), strict=True))
    assert [pairs[r] for r in (100, 300, 500)] == [210, 380, 550]
    assert pairs[380] == 460 and pairs[260] == 340  # T and P of the middle beat
    assert len(pairs) == 3 * 9


def test_a_p_wave_belongs_to_the_beat_after_it_and_a_t_wave_to_the_one_before():
    # P of beat 0 lies nearer to R of beat -1 here; beat -1's own T is missing in the first.
    first = as_waves([("qrs", -1, 100, -1), ("p", -1, 160, -1), ("qrs", -1, 300, -1)])
    second = as_waves(
        [("qrs", -1, 90, -1), ("t", -1, 150, -1), ("p", -1, 250, -1), ("qrs", -1, 300, -1)]
    )
    marks = common_landmarks(first, second, centre=300)
    assert [m.tolist() for m in marks] == [[100, 160, 300], [90, 250, 300]]


def test_waves_that_only_one_annotation_has_are_left_out():
    first, second = train_of_beats([200], ("qrs", "t")), train_of_beats([230], ("p", "qrs"))
    marks = common_landmarks(first, second, centre=200)
    assert [m.tolist() for m in marks] == [[192, 200, 209], [222, 230, 239]]


def test_of_two_landmarks_at_one_sample_the_pair_that_is_first_in_both_is_kept():
    def beat(t_offset, p_onset, r):
        return as_waves([("qrs", -1, r, -1), ("t", -1, -1, t_offset), ("p", p_onset, -1, -1)])

    first, second = beat(200, 200, 150), beat(214, 207, 160)
    marks = common_landmarks(first, second, centre=150)
    assert [m.tolist() for m in marks] == [[150, 200], [160, 207]]


def test_without_r_peaks_there_are_no_landmarks():
    empty = common_landmarks(as_waves([]), train_of_beats([100]), 100)
    assert [m.shape for m in empty] == [(0,), (0,)]


BEATS = st.sets(st.integers(0, 2000), min_size=1, max_size=8).map(train_of_beats)


@given(BEATS, BEATS, st.integers(0, 2000))
def test_landmarks_rise_strictly_in_both_whatever_the_annotations(first, second, centre):
    marks = common_landmarks(first, second, centre)
    for side in marks:
        assert (np.diff(side) > 0).all()
    assert len(marks[0]) == len(marks[1]) >= 1
