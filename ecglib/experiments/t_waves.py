"""From T waves on the paths of section II-B to the evidence that decides C5, C6 and C7."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecglib.data.windows import Windows
from ecglib.estimates import (
    Estimate,
    Statistic,
    bootstrap,
    critical_point,
    resampled,
    weighted_mean,
    weighted_median,
)
from ecglib.experiments.one_cycle import FS, BeatPairs, bin_of
from ecglib.experiments.paths import crossfade, landmark_warp, latent_path, reconstruct
from ecglib.measures import explained_variance, follow_wave, mean_distance
from ecglib.nets.autoencoder import ConvAutoencoder


@dataclass(frozen=True)
class TScores:
    """What C5 to C7 measure on the T waves of a set of paths; arrays are (nets, pairs).

    Attributes
    ----------
    violations : share of frames whose ST-T window does not hold exactly one peak.
    retention : least height on the path over the interpolated height at the ends.
    drift_error_ms : largest distance of the peak from its straight course.
    smoothness : longest step of the peak, see `measures.WaveCourse`.
    """

    violations: np.ndarray
    retention: np.ndarray
    drift_error_ms: np.ndarray
    smoothness: np.ndarray

    @property
    def violated(self) -> np.ndarray:
        """(nets, pairs) 1 where any frame does not hold exactly one peak, else 0."""
        return (self.violations > 0).astype(float)

    def subset(self, indices: np.ndarray) -> "TScores":
        """The scores of the pairs at `indices` (integers, or booleans)."""
        return TScores(*(getattr(self, name)[:, indices] for name in self.__dataclass_fields__))


def _scores(pairs: BeatPairs, sets_of_paths: list) -> TScores:
    """`sets_of_paths`: for each net an iterable of one path (frames, samples) a pair."""
    courses = [
        [
            follow_wave(path, FS, (int(w[0]), int(w[1])), int(sign))
            for path, w, sign in zip(paths, pairs.window, pairs.sign, strict=True)
        ]
        for paths in sets_of_paths
    ]
    return TScores(
        *(
            np.array([[getattr(course, name) for course in row] for row in courses], dtype=float)
            for name in ("violations", "retention", "drift_error_ms", "smoothness")
        )
    )


def net_t_scores(nets: list[ConvAutoencoder], pairs: BeatPairs, frames: int = 33) -> TScores:
    """The T wave on each net's latent paths."""
    return _scores(pairs, [latent_path(net, pairs.first, pairs.second, frames) for net in nets])


def null_t_scores(pairs: BeatPairs, frames: int = 33) -> TScores:
    """The T wave on the cross-fades."""
    return _scores(pairs, [crossfade(pairs.first, pairs.second, frames)])


def oracle_t_scores(pairs: BeatPairs, frames: int = 33) -> TScores:
    """The T wave where the annotated landmarks move linearly in time."""
    warps = (
        landmark_warp(a, b, *marks, frames)
        for a, b, marks in zip(pairs.first, pairs.second, pairs.marks, strict=True)
    )
    return _scores(pairs, [warps])


def t_scores_by_path(
    nets: list[ConvAutoencoder], pairs: BeatPairs, frames: int = 33
) -> dict[str, TScores]:
    """The T wave on the paths of "net", "null" and "oracle"."""
    return {
        "net": net_t_scores(nets, pairs, frames),
        "null": null_t_scores(pairs, frames),
        "oracle": oracle_t_scores(pairs, frames),
    }


def critical_displacement(
    scores: TScores, pairs: BeatPairs, relative: bool = False, resamples: int = 300
) -> Estimate:
    """d*: the displacement at which half of the pairs hold a frame without exactly one peak.

    In ms, or over the wave's width. Pairs, not frames: even two waves that fade into each other
    without moving show both in only about 60 % of the frames, since a wave below a fifth of the
    height is not counted. Zero where half of the pairs are violated however near.
    """
    x = np.broadcast_to(pairs.ratio if relative else pairs.displacement_ms, scores.violations.shape)
    return resampled(
        lambda weights: critical_point(x, scores.violated, weights),
        pairs.patients,
        seeds=len(scores.violations),
        unit="widths" if relative else "ms",
        resamples=resamples,
    )


def critical_slope(scores: TScores, pairs: BeatPairs, resamples: int = 300) -> Estimate:
    """By how many ms d* grows for each ms of the wave's width (least squares over the widths)."""
    x = np.broadcast_to(pairs.displacement_ms, scores.violations.shape)
    widths = np.unique(pairs.width_ms)

    def slope(weights: np.ndarray) -> float:
        points = np.array(
            [
                critical_point(x[:, alike], scores.violated[:, alike], weights[:, alike])
                for alike in (pairs.width_ms == width for width in widths)
            ]
        )
        known = np.isfinite(points)
        return float(np.polyfit(widths[known], points[known], 1)[0]) if known.sum() > 1 else np.nan

    return resampled(
        slope,
        pairs.patients,
        seeds=len(scores.violations),
        unit="ms per ms of width",
        resamples=resamples,
    )


def far_minus_near(scores: TScores, pairs: BeatPairs) -> Estimate:
    """Share of failing frames in pairs further apart than their width, less that in nearer ones."""
    far = np.broadcast_to(pairs.ratio > 1, scores.violations.shape)
    return resampled(
        lambda weights: (
            weighted_mean(scores.violations[far], weights[far])
            - weighted_mean(scores.violations[~far], weights[~far])
        ),
        pairs.patients,
        seeds=len(scores.violations),
        unit="share of frames",
    )


BIN_NAMES = ("below 0.2", "0.2 to 0.4", "0.4 to 0.6", "above 0.6")  # of `beats.BINS`
FARTHEST = BIN_NAMES[-1]


def mean_explained(
    nets: Sequence[ConvAutoencoder], signals: np.ndarray, patients: np.ndarray
) -> Estimate:
    """Share of variance explained, mean over signals (signals, samples), mV, and over nets.

    patients: (signals,) labels that the interval is resampled over.
    """
    shares = [explained_variance(signals, reconstruct(net, signals)) for net in nets]
    return bootstrap(np.stack(shares), patients)


def by_bin(
    scores: Mapping[str, TScores],
    pairs: BeatPairs,
    measure: str,
    statistic: Statistic = weighted_mean,
) -> dict[str, dict[str, Estimate]]:
    """A field of the scores for each bin of displacement over width that holds any pair.

    scores: of paths of several kinds, by kind. Returns an estimate for each bin and kind.
    """
    bins = bin_of(pairs.ratio)
    return {
        name: {
            kind: bootstrap(getattr(s, measure)[:, bins == b], pairs.patients[bins == b], statistic)
            for kind, s in scores.items()
        }
        for b, name in enumerate(BIN_NAMES)
        if (bins == b).any()
    }


def near_waves(scores: Mapping[str, TScores], pairs: BeatPairs) -> dict[str, Estimate]:
    """C5's evidence, from pairs closer than their width; the net less the null from all pairs.

    scores: of "net", "null" and "oracle".
    """
    near, patients = pairs.ratio < 1, pairs.patients[pairs.ratio < 1]
    net, null, oracle = (scores[kind].subset(near) for kind in ("net", "null", "oracle"))
    difference = scores["net"].violations - scores["null"].violations
    return {
        "near_violations": bootstrap(net.violations, patients, unit="share of frames"),
        "near_retention": bootstrap(net.retention, patients, weighted_median, unit="ratio"),
        "near_drift_error": bootstrap(net.drift_error_ms, patients, weighted_median, unit="ms"),
        "null": bootstrap(null.violations, patients),
        "oracle": bootstrap(oracle.violations, patients),
        "net_minus_null": bootstrap(difference, pairs.patients, unit="share of frames"),
    }


def distance_to_real(
    nets: Sequence[ConvAutoencoder], pairs: BeatPairs, beats: np.ndarray, frames: int = 33
) -> dict[str, Estimate]:
    """Mean cosine distance of the frames of "net" and "null" to the nearest real beat.

    beats: (beats, samples), mV, the real ones.
    """
    paths = (latent_path(net, pairs.first, pairs.second, frames) for net in nets)
    distances = np.stack([mean_distance(path, beats) for path in paths])
    fade = crossfade(pairs.first, pairs.second, frames)
    return {
        "net": bootstrap(distances, pairs.patients),
        "null": bootstrap(mean_distance(fade, beats), pairs.patients),
    }


def far_waves(
    scores: Mapping[str, TScores], pairs: BeatPairs, records_far: Estimate | None = None
) -> dict[str, Estimate]:
    """C6's evidence, from pairs further apart than their width.

    scores: of "net", "null" and "oracle". records_far: the violations of the farthest pairs of
    records; those of the net on `pairs` where there are none.
    """
    far, patients = pairs.ratio > 1, pairs.patients[pairs.ratio > 1]
    violations = {
        kind: bootstrap(s.violations[:, far], patients, unit="share of frames")
        for kind, s in scores.items()
    }
    return {
        "far_violations": violations["net"],
        "far_minus_near": far_minus_near(scores["net"], pairs),
        "far_retention": bootstrap(scores["net"].retention[:, far], patients, weighted_median),
        "null": violations["null"],
        "oracle": violations["oracle"],
        "records_far": records_far or violations["net"],
    }


def switch(scores: Mapping[str, TScores], pairs: BeatPairs) -> dict[str, Estimate]:
    """C7's evidence: d* over the width for "net" and "null", and its slope against the width."""
    return {
        "d_over_width": critical_displacement(scores["net"], pairs, relative=True),
        "d_per_width": critical_slope(scores["net"], pairs),
        "null": critical_displacement(scores["null"], pairs, relative=True),
    }


def by_width(scores: Mapping[str, TScores], pairs: BeatPairs) -> dict[float, dict[str, Estimate]]:
    """d* in ms for each width of the T wave (ms) and each kind of path that has scores."""
    return {
        float(width): {
            kind: critical_displacement(s.subset(alike), pairs.subset(alike))
            for kind, s in scores.items()
        }
        for width, alike in ((w, pairs.width_ms == w) for w in np.unique(pairs.width_ms))
    }


def summary(
    nets: Sequence[ConvAutoencoder], beats: Windows, scores: TScores, pairs: BeatPairs
) -> dict[str, Estimate]:
    """A net in three figures: variance of `beats` explained, violations and retention on pairs."""
    return {
        "explained": mean_explained(nets, beats.signals, beats.record),
        "violations": bootstrap(scores.violations, pairs.patients),
        "retention": bootstrap(scores.retention, pairs.patients, weighted_median),
    }
