"""Paths between four-second electrocardiograms (paper, II-A), and what decides C3 and C4."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from ecglib.data.records import WAVE, Records, Unsuited
from ecglib.data.windows import WINDOW, Windows, remove_baseline, resample, windows_of
from ecglib.estimates import Estimate, Statistic, weighted_mean
from ecglib.experiments.paths import common_landmarks, crossfade, landmark_warp, latent_path
from ecglib.experiments.scores import Scores
from ecglib.experiments.suited import split
from ecglib.measures import R_LEVEL, periodicity, r_counts, r_peaks

RATE = 128  # Hz: at this rate four seconds are a window of Table I
STEP_S = 0.25  # between the windows that a net is trained and tested on


@dataclass(frozen=True)
class FourSeconds:
    """Records at 128 Hz and the four-second windows cut out of them, split by patient.

    records: without baseline; R peaks outside the annotated stretch are detected.
    train, test: overlapping windows, a fifth of the patients' for test.
    middle: the middle window of every test patient, the ends of the paths.
    """

    records: Records
    train: Windows
    test: Windows
    middle: Windows


def four_seconds(records: Records) -> FourSeconds:
    """Prepare records for the experiment.

    Raises Unsuited for too few records, for records shorter than a window, and for one in which
    there is no R peak, annotated or found.
    """
    train, test = split(records)
    records = resample(remove_baseline(records), RATE)
    if records.signals.shape[1] < WINDOW:
        raise Unsuited(
            f"records of at least {WINDOW / RATE:g} s are needed, and these have "
            f"{records.signals.shape[1] / RATE:.3g} s."
        )
    windows = windows_of(records, WINDOW, step=round(STEP_S * RATE))
    waves = tuple(_with_outer_beats(records, i) for i in range(len(records)))
    records = replace(records, waves=waves)
    silent = [name for i, name in enumerate(records.ids) if not len(records.peaks(i, "qrs"))]
    if silent:
        raise Unsuited(
            "every record needs an R peak, by which paths are matched; of "
            f"{len(records)} records {len(silent)} have none, the first is {silent[0]}."
        )
    return FourSeconds(
        records=records,
        train=windows.of_records(train),
        test=windows.of_records(test),
        middle=windows_of(records, WINDOW).of_records(test),
    )


def with_middles_of(data: FourSeconds, records: np.ndarray | None = None) -> FourSeconds:
    """The same data with the middle windows of the given records (indices; None: all)."""
    middle = windows_of(data.records, WINDOW)
    return replace(data, middle=middle if records is None else middle.of_records(records))


def _with_outer_beats(records: Records, record: int) -> np.ndarray:
    """The annotation, and the R peaks found before its first and after its last beat."""
    waves, annotated = records.waves[record], records.peaks(record, "qrs")
    found = r_peaks(records.signals[record], records.fs)
    if len(annotated):
        margin = 0.25 * records.fs
        found = found[(found < annotated[0] - margin) | (found > annotated[-1] + margin)]
    outer = np.array([("qrs", -1, peak, -1) for peak in found], dtype=WAVE)
    return np.sort(np.concatenate([waves, outer]), order="peak")


def patient_pairs(windows: Windows, n_pairs: int) -> np.ndarray:
    """Up to `n_pairs` distinct pairs of windows of different patients, indices (pairs, 2)."""
    first, second = np.triu_indices(len(windows), 1)
    apart = windows.record[first] != windows.record[second]
    pairs = np.stack([first[apart], second[apart]], axis=1)
    chosen = np.random.default_rng(0).permutation(len(pairs))[:n_pairs]
    return pairs[np.sort(chosen)]


def reference_paths(
    data: FourSeconds, pairs: np.ndarray, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """The null and the oracle of each pair of middle windows, both (pairs, frames, samples), mV.

    The oracle warps the whole records and then cuts the window, so that beats enter and leave at
    its borders; beats are matched in order, outwards from the one nearest to the middle.
    """
    windows, records = data.middle, data.records
    null = crossfade(windows.signals[pairs[:, 0]], windows.signals[pairs[:, 1]], frames)
    first, second = windows.record[pairs].T
    starts = windows.start[pairs[:, 0]]
    marks = [
        common_landmarks(records.waves[a], records.waves[b], start + WINDOW // 2)
        for a, b, start in zip(first, second, starts, strict=True)
    ]
    signals = records.signals
    oracle = landmark_warp(signals[first], signals[second], marks, frames, starts, WINDOW)
    return null, oracle.astype(null.dtype)


def window_paths(
    net: nn.Module, data: FourSeconds, pair: tuple[int, int], frames: int
) -> dict[str, np.ndarray]:
    """The paths of "net", "null" and "oracle" between two middle windows, (frames, samples), mV."""
    first, second = data.middle.signals[[pair[0]]], data.middle.signals[[pair[1]]]
    null, oracle = reference_paths(data, np.array([pair]), frames)
    return {"net": latent_path(net, first, second, frames)[0], "null": null[0], "oracle": oracle[0]}


def score_paths(paths: np.ndarray, least: float = R_LEVEL) -> dict[str, np.ndarray]:
    """What C3 and C4 measure on paths (pairs, frames, samples), mV, at 128 Hz; (pairs,) each.

    "violating_pairs": 1 where a frame's R count leaves the range of the two ends, else 0.
    "periodicity_ratio": least periodicity on the path over the smaller of its ends.
    least: from which level a beat counts, as in `measures.r_counts`.
    """
    counts = r_counts(paths, RATE, least)
    ends = counts[:, [0, -1]]
    violating = (counts.min(axis=1) < ends.min(axis=1)) | (counts.max(axis=1) > ends.max(axis=1))
    rhythm = periodicity(paths, RATE)
    least_end = np.maximum(rhythm[:, [0, -1]].min(axis=1), 1e-6)
    return {
        "violating_pairs": violating.astype(float),
        "periodicity_ratio": rhythm.min(axis=1) / least_end,
    }


def net_scores(
    nets: Sequence[nn.Module],
    data: FourSeconds,
    pairs: np.ndarray,
    frames: int,
    least: float = R_LEVEL,
) -> Scores:
    """Each net's latent paths between the pairs (pairs, 2), measured as `score_paths` does."""
    first, second = (data.middle.signals[pairs[:, k]] for k in (0, 1))
    rows = [score_paths(latent_path(net, first, second, frames), least) for net in nets]
    return Scores.of_nets(rows, data.middle.record[pairs])


def scores_by_path(
    nets: Sequence[nn.Module],
    data: FourSeconds,
    pairs: np.ndarray,
    frames: int,
    least: float = R_LEVEL,
) -> dict[str, Scores]:
    """The scores of the paths of "net", "null" and "oracle" between the pairs (pairs, 2)."""
    null, oracle = reference_paths(data, pairs, frames)
    patients = data.middle.record[pairs]
    return {
        "net": net_scores(nets, data, pairs, frames, least),
        "null": Scores.of_nets([score_paths(null, least)], patients),
        "oracle": Scores.of_nets([score_paths(oracle, least)], patients),
    }


def evidence(
    scores: Mapping[str, Scores],
    measure: str,
    statistic: Statistic = weighted_mean,
    unit: str = "",
    less: Sequence[str] = (),
) -> dict[str, Estimate]:
    """A measure of each kind of path, the net's under the measure's own name (C3 and C4).

    scores: of "net", "null" and "oracle".
    less: the kinds that the net is also compared with, under "net_minus_null" and so on.
    """
    net = scores["net"]
    observed = {measure: net, "null": scores["null"], "oracle": scores["oracle"]}
    observed |= {f"net_minus_{kind}": net.less(scores[kind]) for kind in less}
    return {name: of.estimate(measure, statistic, unit) for name, of in observed.items()}
