"""One cycle (paper, II-B): pairs of beats to interpolate between, of records and controlled ones.

Controlled beats are alike but for the place and width of the T wave.
"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from ecglib.data.records import FS, WAVE, Records
from ecglib.data.synthetic import controlled_beats
from ecglib.data.windows import WINDOW, Windows, beat_windows, remove_baseline, resample
from ecglib.experiments.paths import common_landmarks, crossfade, landmark_warp, latent_path
from ecglib.experiments.suited import need_beats, split
from ecglib.wave_course import follow_wave

BINS = (0.0, 0.2, 0.4, 0.6, np.inf)  # displacement over width
BIN_NAMES = ("below 0.2", "0.2 to 0.4", "0.4 to 0.6", "above 0.6")
FARTHEST = BIN_NAMES[-1]

# The controlled set, ms: widths of the T wave, its displacements and their grid.
WIDTHS_MS = (80.0, 120.0, 160.0)
LONGEST_MS = 300.0
TEST_STEP_MS = 20.0
TRAINING_STEP_MS = 2.5


@dataclass(frozen=True)
class BeatPairs:
    """Pairs of one-cycle signals, R peak in the middle, to interpolate between.

    first, second: (pairs, samples) float32, mV, at 500 Hz.
    window: (pairs, 2) first and last sample of the stretch that holds both T waves.
    displacement_ms: (pairs,) distance of the two T peaks.
    width_ms: (pairs,) mean duration of the two T waves, onset to offset.
    sign: (pairs,) 1 for upright T waves, -1 for inverted ones.
    patients: (pairs, 2) labels of what the intervals are resampled over.
    marks: for each pair the landmarks the two beats share, two (marks,) arrays in samples.
    """

    first: np.ndarray
    second: np.ndarray
    window: np.ndarray
    displacement_ms: np.ndarray
    width_ms: np.ndarray
    sign: np.ndarray
    patients: np.ndarray
    marks: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def ratio(self) -> np.ndarray:
        """(pairs,) displacement over width."""
        return self.displacement_ms / self.width_ms

    def nearest(self, ratio: float) -> "BeatPairs":
        """The one pair whose displacement is nearest to so many widths; none of no pairs."""
        return self.subset(np.argsort(np.abs(self.ratio - ratio), kind="stable")[:1])

    @property
    def apart(self) -> tuple[float, float]:
        """Of the first pair the displacement in ms and in widths; NaN where there is none."""
        return (self.displacement_ms[0], self.ratio[0]) if len(self) else (np.nan, np.nan)

    def subset(self, indices: np.ndarray) -> "BeatPairs":
        """The pairs at `indices` (integers, or booleans)."""
        indices = np.arange(len(self))[indices]
        arrays = {name: x[indices] for name, x in vars(self).items() if name != "marks"}
        return BeatPairs(**arrays, marks=tuple(self.marks[i] for i in indices))


def beats_of(records: Records, length: int = WINDOW) -> tuple[Windows, Windows]:
    """Training and test beats: `length` samples at 500 Hz around every R peak, by patient.

    Raises Unsuited for too few records, or too few with such a beat.
    """
    train, test = split(records)
    records = resample(remove_baseline(records), FS)
    beats = beat_windows(records, length)
    training, tested = beats.of_records(train), beats.of_records(test)
    need_beats(training, tested)
    return training, tested


def bin_of(ratio: np.ndarray) -> np.ndarray:
    """Index of the bin of displacement over width that each ratio falls in."""
    return np.digitize(ratio, BINS[1:-1])


def stratified_pairs(beats: Windows, per_bin: int) -> BeatPairs:
    """Pairs of beats of different patients, up to `per_bin` in each bin of displacement over width.

    Taken are beats with one annotated T wave that holds exactly one peak, and pairs of the same
    polarity; where a patient pair has several pairs of beats in a bin, one is drawn.
    """
    t, signs = _t_waves(beats)
    usable = np.flatnonzero(signs)
    i, j = (usable[k] for k in np.triu_indices(len(usable), 1))
    apart = (beats.record[i] != beats.record[j]) & (signs[i] == signs[j])
    i, j = i[apart], j[apart]
    width = t["offset"] - t["onset"]
    ratio = np.abs(t["peak"][i] - t["peak"][j]) / ((width[i] + width[j]) / 2)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(i))
    i, j, stratum = i[order], j[order], bin_of(ratio[order])
    one, other = np.sort(beats.record[[i, j]], axis=0)
    _, one_each = np.unique(np.stack([stratum, one, other]), axis=1, return_index=True)
    one_each = rng.permutation(one_each)
    chosen = np.concatenate(
        [one_each[stratum[one_each] == b][:per_bin] for b in range(len(BIN_NAMES))]
    )
    return _pairs(beats, t, signs, i[chosen], j[chosen])


def beat_pair(records: Records, first: int, second: int) -> BeatPairs:
    """The pair of the first usable beats of two records (indices).

    Raises ValueError where a record has no beat with a whole annotated T wave of a single peak,
    or where one T wave is upright and the other inverted.
    """
    records = resample(remove_baseline(records.subset([first, second])), FS)
    beats = beat_windows(records, WINDOW)
    t, signs = _t_waves(beats)
    chosen = []
    for record, name in enumerate(records.ids):
        usable = np.flatnonzero((beats.record == record) & (signs != 0))
        if len(usable) == 0:
            raise ValueError(
                f"record {name} has no beat whose T wave is annotated whole and has a single "
                "peak; choose another"
            )
        chosen.append(usable[0])
    i, j = np.array(chosen)[:, None]
    if signs[i] != signs[j]:
        raise ValueError(
            f"of records {records.ids[0]} and {records.ids[1]} one has an upright T wave and the "
            "other an inverted one; choose another pair"
        )
    return _pairs(beats, t, signs, i, j)


def reference_paths(pairs: BeatPairs, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The null and the oracle of each pair, both (pairs, frames, samples), mV."""
    null = crossfade(pairs.first, pairs.second, frames)
    return null, landmark_warp(pairs.first, pairs.second, pairs.marks, frames)


def beat_paths(net: nn.Module, pair: BeatPairs, frames: int) -> dict[str, np.ndarray]:
    """The paths of "net", "null" and "oracle" of one pair, each (frames, samples), mV.

    Of no pair there are none.
    """
    if not len(pair):
        return {}
    null, oracle = reference_paths(pair, frames)
    latent = latent_path(net, pair.first, pair.second, frames)
    return {"net": latent[0], "null": null[0], "oracle": oracle[0]}


def _t_waves(beats: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Each middle beat's T wave, (beats,) WAVE, and 1 where it is upright, -1 where inverted.

    Both are 0 for a T wave that is not annotated whole or has not exactly one peak.
    """
    length = beats.signals.shape[1]
    found, signs = np.zeros(len(beats), WAVE), np.zeros(len(beats), int)
    for k, (signal, waves) in enumerate(zip(beats.signals, beats.waves, strict=True)):
        later = waves[waves["peak"] > length // 2]
        if len(later) == 0 or later[0]["kind"] != "t":
            continue
        t = later[0]
        if not 0 <= t["onset"] < t["peak"] < t["offset"] < length - 1:
            continue
        found[k], signs[k] = t, 1 if signal[t["peak"]] > np.median(signal) else -1
    whole = np.flatnonzero(signs)
    window = np.stack([found["onset"], found["offset"]], axis=1)[whole]
    still = np.repeat(beats.signals[whole, None], 2, axis=1)  # a path needs two ends
    several = whole[follow_wave(still, FS, window, signs[whole]).counts[:, 0] != 1]
    found[several], signs[several] = np.zeros((), WAVE), 0
    return found, signs


def _pairs(
    beats: Windows, t: np.ndarray, signs: np.ndarray, i: np.ndarray, j: np.ndarray
) -> BeatPairs:
    """The pairs of beats `i` and `j` (indices), of the T waves that `_t_waves` found."""
    first, second = t[i], t[j]
    onset = np.minimum(first["onset"], second["onset"])
    offset = np.maximum(first["offset"], second["offset"])
    duration = (first["offset"] - first["onset"] + second["offset"] - second["onset"]) / 2
    middle = beats.signals.shape[1] // 2
    return BeatPairs(
        first=beats.signals[i],
        second=beats.signals[j],
        window=np.stack([onset, offset], axis=1),
        displacement_ms=np.abs(first["peak"] - second["peak"]) * 1000 / beats.fs,
        width_ms=duration * 1000 / beats.fs,
        sign=signs[i],
        patients=np.stack([beats.record[i], beats.record[j]], axis=1),
        marks=tuple(
            common_landmarks(beats.waves[a], beats.waves[b], middle)
            for a, b in zip(i, j, strict=True)
        ),
    )


def controlled_training() -> np.ndarray:
    """The controlled beats a net is trained on, (signals, 512) float32, mV.

    Every displacement from 0 to 300 ms in steps of 2.5 ms at every width, but for those of the
    test pairs and the ones half-way between.
    """
    fine = np.arange(0, LONGEST_MS + 1, TRAINING_STEP_MS)
    return controlled_beats(fine[fine % (TEST_STEP_MS / 2) != 0], WIDTHS_MS).signals


def controlled_pairs() -> BeatPairs:
    """Pairs of controlled beats of one width, every two displacements on a grid of 20 ms."""
    beats = controlled_beats(np.arange(0, LONGEST_MS + 1, TEST_STEP_MS), WIDTHS_MS)
    i, j = np.triu_indices(len(beats.signals), 1)
    alike = beats.width_ms[i] == beats.width_ms[j]
    i, j = i[alike], j[alike]
    half = beats.width_ms * FS / 2000
    onset, offset = beats.t_peak - half, beats.t_peak + half
    start = np.zeros_like(half)
    marks = np.stack([start, start + WINDOW // 2, onset, beats.t_peak, offset], axis=1)
    window = np.minimum(onset[i], onset[j]), np.maximum(offset[i], offset[j])
    return BeatPairs(
        first=beats.signals[i],
        second=beats.signals[j],
        window=np.stack(window, axis=1).astype(int),
        displacement_ms=np.abs(beats.displacement_ms[i] - beats.displacement_ms[j]),
        width_ms=beats.width_ms[i],
        sign=np.ones(len(i), dtype=int),
        patients=np.stack([i, j], axis=1),
        marks=tuple(zip(marks[i], marks[j], strict=True)),
    )
