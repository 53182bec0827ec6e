"""From reconstructions and paths of section II-A to the evidence that decides C1 to C4."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecglib.data.records import WAVE, Records
from ecglib.data.windows import Windows, remove_baseline, resample, split_patients, windows_of
from ecglib.estimates import Estimate, bootstrap, resampled, weighted_median
from ecglib.experiments.paths import common_landmarks, crossfade, landmark_warp, latent_path
from ecglib.measures import (
    R_LEVEL,
    explained_variance,
    high_frequency_power,
    match_peaks,
    periodicity,
    r_counts,
    r_peaks,
    t_peaks,
)
from ecglib.nets.autoencoder import ConvAutoencoder

FS = 128  # Hz: 4 s are the 512 samples of Table I
LENGTH = 512
TOLERANCE_S = 0.05
BORDER_S = 0.1


@dataclass(frozen=True)
class FourSeconds:
    """Records at 128 Hz and the four-second windows cut out of them, split by patient.

    Attributes
    ----------
    records : baseline removed, 128 Hz, mV; R peaks outside the annotated stretch are detected.
    train, test : overlapping windows of the patients of either side.
    middle : the middle window of every test patient, the ends of the paths.
    """

    records: Records
    train: Windows
    test: Windows
    middle: Windows


def four_seconds(records: Records, step_s: float = 0.25, seed: int = 0) -> FourSeconds:
    """Prepare records for the experiment: one window every `step_s` seconds, a fifth for test."""
    records = resample(remove_baseline(records), FS)
    train, test = split_patients(records, seed=seed)
    windows = windows_of(records, LENGTH, step=round(step_s * FS))
    return FourSeconds(
        records=replace(
            records, waves=tuple(_with_outer_beats(records, i) for i in range(len(records)))
        ),
        train=windows.of_records(train),
        test=windows.of_records(test),
        middle=windows_of(records, LENGTH).of_records(test),
    )


def with_middles_of(data: FourSeconds, records: np.ndarray | None = None) -> FourSeconds:
    """The same data with the middle windows of the given records (indices; None: all)."""
    middle = windows_of(data.records, LENGTH)
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


def peak_scores(windows: Windows, signals: np.ndarray, kind: str) -> dict[str, Estimate]:
    """Sensitivity and positive predictive value of the R or T peaks found in `signals`.

    A found peak is right within 50 ms of an annotated one of its own. LUDB leaves the first and
    last cycles of a record without annotation, so only the stretch between a window's first and
    last annotated R peak is scored, less 100 ms at the window's borders, where a complex is cut.
    Intervals are over patients; both are NaN where no peak of the kind is annotated at all.

    Parameters
    ----------
    windows : the annotated windows.
    signals : (windows, samples), mV: what the peaks are looked for in.
    kind : "qrs" or "t".
    """
    hits, true, found = np.zeros((3, len(windows)))
    tolerance = TOLERANCE_S * windows.fs
    for i, (waves, signal) in enumerate(zip(windows.waves, signals, strict=True)):
        beats = waves["peak"][waves["kind"] == "qrs"]
        if len(beats) < 2:
            continue
        annotated = waves["peak"][waves["kind"] == kind]
        peaks = r_peaks(signal, windows.fs)
        if kind == "t":
            peaks = t_peaks(signal, peaks, windows.fs)
        border = BORDER_S * windows.fs
        low = max(beats[0] - tolerance, border)
        high = min(beats[-1] + tolerance, len(signal) - border)
        annotated = annotated[(annotated >= low) & (annotated <= high)]
        peaks = peaks[(peaks >= low) & (peaks <= high)]
        hits[i] = match_peaks(peaks, annotated, tolerance)
        true[i], found[i] = len(annotated), len(peaks)

    def ratio(of: np.ndarray) -> Estimate:
        return resampled(
            lambda w: float(w[0] @ hits / max(w[0] @ of, 1e-9)) if true.any() else np.nan,
            windows.record,
            unit="share of peaks",
        )

    return {"sensitivity": ratio(true), "ppv": ratio(found)}


def explained(windows: Windows, reconstructions: list[np.ndarray]) -> Estimate:
    """Share of the variance of all windows together that each net's reconstructions explain.

    Every reconstruction is (windows, samples), mV.
    """
    variance = windows.signals.var(axis=1)
    residual = np.stack([((windows.signals - r) ** 2).mean(axis=1) for r in reconstructions])

    def share(weights: np.ndarray) -> float:
        return float(1 - (weights * residual).sum() / (weights * variance).sum())

    return resampled(share, windows.record, seeds=len(residual), unit="share of variance")


def patient_pairs(windows: Windows, n_pairs: int, seed: int = 0) -> np.ndarray:
    """Up to `n_pairs` distinct pairs of windows of different patients, indices (pairs, 2)."""
    first, second = np.triu_indices(len(windows), 1)
    apart = windows.record[first] != windows.record[second]
    pairs = np.stack([first[apart], second[apart]], axis=1)
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:n_pairs]
    return pairs[np.sort(chosen)]


@dataclass(frozen=True)
class PathScores:
    """What C3 and C4 measure on a set of paths, one figure a pair.

    Attributes
    ----------
    violated : (pairs,) 1 where a frame's R count leaves the range of the two ends, else 0.
    periodicity_ratio : (pairs,) least periodicity on the path over the smaller of its ends.
    """

    violated: np.ndarray
    periodicity_ratio: np.ndarray


def score_paths(paths: np.ndarray, least: float = R_LEVEL) -> PathScores:
    """Score paths (pairs, frames, samples), mV, at 128 Hz; `least` as in `measures.r_counts`."""
    counts = np.array([r_counts(path, FS, least) for path in paths])
    ends = counts[:, [0, -1]]
    violated = (counts.min(axis=1) < ends.min(axis=1)) | (counts.max(axis=1) > ends.max(axis=1))
    rhythm = periodicity(paths, FS)
    least_end = np.maximum(rhythm[:, [0, -1]].min(axis=1), 1e-6)
    return PathScores(violated.astype(float), rhythm.min(axis=1) / least_end)


def reference_paths(
    data: FourSeconds, pairs: np.ndarray, frames: int = 33
) -> tuple[np.ndarray, np.ndarray]:
    """The null and the oracle of each pair of middle windows, both (pairs, frames, samples), mV.

    The oracle warps the whole records and then cuts the window, so that beats enter and leave at
    its borders; beats are matched in order, outwards from the one nearest to the middle.
    """
    windows, records = data.middle, data.records
    null = crossfade(windows.signals[pairs[:, 0]], windows.signals[pairs[:, 1]], frames)
    oracle = np.empty_like(null)
    for k, (a, b) in enumerate(windows.record[pairs]):
        start = windows.start[pairs[k, 0]]
        marks = common_landmarks(records.waves[a], records.waves[b], start + LENGTH // 2)
        path = landmark_warp(records.signals[a], records.signals[b], *marks, frames)
        oracle[k] = path[:, start : start + LENGTH]
    return null, oracle


def net_scores(
    nets: list[ConvAutoencoder],
    data: FourSeconds,
    pairs: np.ndarray,
    frames: int = 33,
    least: float = R_LEVEL,
) -> PathScores:
    """Score each net's latent paths between the pairs; arrays are (nets, pairs)."""
    first, second = (data.middle.signals[pairs[:, k]] for k in (0, 1))
    scores = [score_paths(latent_path(net, first, second, frames), least) for net in nets]
    return PathScores(
        np.stack([s.violated for s in scores]), np.stack([s.periodicity_ratio for s in scores])
    )


def scores_by_path(
    nets: list[ConvAutoencoder],
    data: FourSeconds,
    pairs: np.ndarray,
    frames: int = 33,
    least: float = R_LEVEL,
) -> dict[str, PathScores]:
    """The scores of the paths of "net", "null" and "oracle" between the pairs (pairs, 2)."""
    null, oracle = reference_paths(data, pairs, frames)
    return {
        "net": net_scores(nets, data, pairs, frames, least),
        "null": score_paths(null, least),
        "oracle": score_paths(oracle, least),
    }


def three_paths(
    net: ConvAutoencoder, data: FourSeconds, pair: tuple[int, int], frames: int = 33
) -> dict[str, np.ndarray]:
    """The net's path, the null and the oracle of one pair of middle windows, (frames, samples)."""
    first, second = data.middle.signals[[pair[0]]], data.middle.signals[[pair[1]]]
    null, oracle = reference_paths(data, np.array([pair]), frames)
    return {"net": latent_path(net, first, second, frames)[0], "null": null[0], "oracle": oracle[0]}


def reconstruction(
    data: FourSeconds, train_decoded: list[np.ndarray], test_decoded: list[np.ndarray]
) -> dict[str, Estimate]:
    """C1's evidence: the variance explained on either side, and the peaks found on test windows.

    Each net's reconstructions are (windows, samples), mV.
    """
    return {
        "explained_train": explained(data.train, train_decoded),
        "explained_test": explained(data.test, test_decoded),
        **peaks_found(data.test, test_decoded),
    }


def peaks_found(windows: Windows, decoded: Sequence[np.ndarray]) -> dict[str, Estimate]:
    """Sensitivity and predictive value of the R and T peaks in `decoded`, as `peak_scores` gives.

    decoded: for each net (windows, samples), mV; the windows themselves for the best there can be.
    """
    every_net = windows.subset(np.tile(np.arange(len(windows)), len(decoded)))
    signals = np.concatenate(decoded)
    return {
        f"{letter}_{name}": estimate
        for letter, kind in (("r", "qrs"), ("t", "t"))
        for name, estimate in peak_scores(every_net, signals, kind).items()
    }


def typical_explained(windows: Windows, decoded: Sequence[np.ndarray]) -> Estimate:
    """Share of variance explained of the median window; `decoded` as in `peaks_found`."""
    shares = [explained_variance(windows.signals, signals) for signals in decoded]
    return bootstrap(np.stack(shares), windows.record, weighted_median)


def high_frequencies(windows: Windows, decoded: Sequence[np.ndarray]) -> dict[str, Estimate]:
    """C2's evidence: power above 40 Hz over the record's own; `decoded` as in `peaks_found`."""
    recorded = high_frequency_power(windows.signals, windows.fs)
    ratios = [high_frequency_power(signals, windows.fs) / recorded for signals in decoded]
    return {
        "power_ratio": bootstrap(
            np.stack(ratios), windows.record, weighted_median, unit="ratio of power"
        )
    }


def wrong_counts(scores: Mapping[str, PathScores], patients: np.ndarray) -> dict[str, Estimate]:
    """C3's evidence: the share of pairs whose R count leaves the range of its ends.

    scores: of "net", "null" and "oracle". patients: (pairs, 2) labels.
    """
    net, null, oracle = (scores[kind].violated for kind in ("net", "null", "oracle"))
    observed = {
        "violating_pairs": net,
        "null": null,
        "oracle": oracle,
        "net_minus_oracle": net - oracle,
        "net_minus_null": net - null,
    }
    return {name: bootstrap(x, patients, unit="share of pairs") for name, x in observed.items()}


def least_periodicity(
    scores: Mapping[str, PathScores], patients: np.ndarray
) -> dict[str, Estimate]:
    """C4's evidence: the median pair's least periodicity over its ends'; as `wrong_counts`."""
    net, null, oracle = (scores[kind].periodicity_ratio for kind in ("net", "null", "oracle"))
    observed = {
        "periodicity_ratio": net,
        "null": null,
        "oracle": oracle,
        "net_minus_oracle": net - oracle,
    }
    return {
        name: bootstrap(x, patients, weighted_median, unit="ratio") for name, x in observed.items()
    }
