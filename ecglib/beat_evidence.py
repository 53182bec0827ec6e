"""From T waves on the paths of section II-B to the evidence that decides C5, C6 and C7."""

from collections.abc import Mapping, Sequence

import numpy as np

from ecglib.autoencoder import ConvAutoencoder
from ecglib.beats import BeatPairs, bin_of
from ecglib.estimates import Estimate, Statistic, bootstrap, weighted_mean, weighted_median
from ecglib.measures import explained_variance, mean_distance
from ecglib.paths import crossfade, latent_path, reconstruct
from ecglib.t_waves import TScores, critical_displacement, critical_slope, far_minus_near
from ecglib.windows import Windows

__all__ = [
    "FARTHEST",
    "by_bin",
    "by_width",
    "distance_to_real",
    "far_waves",
    "mean_explained",
    "near_waves",
    "summary",
    "switch",
]

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
