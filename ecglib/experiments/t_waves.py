"""T waves on the paths of section II-B, and what decides C5, C6 and C7 on them."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import nn

from ecglib.data.records import FS
from ecglib.data.windows import Windows
from ecglib.estimates import (
    Estimate,
    Statistic,
    bootstrap,
    critical_point,
    weighted_mean,
    weighted_median,
)
from ecglib.experiments.one_cycle import BIN_NAMES, BeatPairs, bin_of, reference_paths
from ecglib.experiments.paths import crossfade, latent_path
from ecglib.experiments.reconstruction import mean_explained
from ecglib.experiments.scores import Scores
from ecglib.measures import mean_distance
from ecglib.wave_course import follow_wave

COURSE = ("violations", "retention", "drift_error_ms", "smoothness")  # see `wave_course.WaveCourse`


def score_t_waves(paths: np.ndarray, pairs: BeatPairs) -> dict[str, np.ndarray]:
    """What C5 to C7 measure on paths (pairs, frames, samples), mV, one a pair; (pairs,) each.

    COURSE, and "failing_frame": 1 where any frame does not hold exactly one peak, else 0.
    """
    course = follow_wave(paths, FS, pairs.window, pairs.sign)
    scores = {name: getattr(course, name) for name in COURSE}
    return scores | {"failing_frame": (scores["violations"] > 0).astype(float)}


def net_t_scores(nets: Sequence[nn.Module], pairs: BeatPairs, frames: int) -> Scores:
    """The T wave, as `score_t_waves` measures it, on each net's latent paths."""
    rows = [
        score_t_waves(latent_path(net, pairs.first, pairs.second, frames), pairs) for net in nets
    ]
    return Scores.of_nets(rows, pairs.patients)


def t_scores_by_path(nets: Sequence[nn.Module], pairs: BeatPairs, frames: int) -> dict[str, Scores]:
    """The same on the paths of "net", "null" and "oracle"."""
    null, oracle = reference_paths(pairs, frames)
    return {
        "net": net_t_scores(nets, pairs, frames),
        "null": Scores.of_nets([score_t_waves(null, pairs)], pairs.patients),
        "oracle": Scores.of_nets([score_t_waves(oracle, pairs)], pairs.patients),
    }


def distance_to_real(
    nets: Sequence[nn.Module], pairs: BeatPairs, beats: np.ndarray, frames: int
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


def by_bin(
    scores: Mapping[str, Scores],
    pairs: BeatPairs,
    measure: str,
    statistic: Statistic = weighted_mean,
) -> dict[str, dict[str, Estimate]]:
    """A measure by bin of displacement over width, where it holds any pair, and kind of path."""
    bins = bin_of(pairs.ratio)
    return {
        name: {kind: s.where(bins == b).estimate(measure, statistic) for kind, s in scores.items()}
        for b, name in enumerate(BIN_NAMES)
        if (bins == b).any()
    }


def near_waves(scores: Mapping[str, Scores], pairs: BeatPairs) -> dict[str, Estimate]:
    """C5's evidence, from pairs closer than their width; the net less the null from all pairs."""
    net, null, oracle = (scores[path].where(pairs.ratio < 1) for path in ("net", "null", "oracle"))
    difference = scores["net"].less(scores["null"])
    return {
        "near_violations": net.estimate("violations", unit="share of frames"),
        "near_retention": net.estimate("retention", weighted_median, "ratio"),
        "near_drift_error": net.estimate("drift_error_ms", weighted_median, "ms"),
        "null": null.estimate("violations"),
        "oracle": oracle.estimate("violations"),
        "net_minus_null": difference.estimate("violations", unit="share of frames"),
    }


def far_waves(
    scores: Mapping[str, Scores], pairs: BeatPairs, records_far: Estimate | None = None
) -> dict[str, Estimate]:
    """C6's evidence, from pairs further apart than their width.

    records_far: the violations of the farthest pairs of records, to stand beside, if there are.
    """
    net, null, oracle = (scores[path].where(pairs.ratio > 1) for path in ("net", "null", "oracle"))
    violations = net.estimate("violations", unit="share of frames")
    return {
        "far_violations": violations,
        "far_minus_near": far_minus_near(scores["net"], pairs),
        "far_retention": net.estimate("retention", weighted_median),
        "null": null.estimate("violations", unit="share of frames"),
        "oracle": oracle.estimate("violations", unit="share of frames"),
        **({} if records_far is None else {"records_far": records_far}),
    }


def far_minus_near(scores: Scores, pairs: BeatPairs) -> Estimate:
    """Violations in pairs further apart than their width, less those in nearer ones."""
    far = pairs.ratio > 1

    def difference(violations: np.ndarray, weights: np.ndarray) -> float:
        beyond, within = (weighted_mean(violations[:, s], weights[:, s]) for s in (far, ~far))
        return beyond - within

    return scores.estimate("violations", difference, "share of frames")


def critical(x: np.ndarray) -> Statistic:
    """The statistic d*: the x, (pairs,), at which half of the pairs have a failing frame."""
    return lambda failing, weights: critical_point(
        np.broadcast_to(x, failing.shape), failing, weights
    )


def critical_displacement(scores: Scores, pairs: BeatPairs, relative: bool = False) -> Estimate:
    """d*: the displacement, in ms or over the wave's width, at which half of the pairs fail.

    Pairs, not frames: even two waves that fade into each other without moving show both in only
    about 60 % of the frames, since a wave below a fifth of the height is not counted.
    """
    x, unit = (pairs.ratio, "widths") if relative else (pairs.displacement_ms, "ms")
    return scores.estimate("failing_frame", critical(x), unit, resamples=300)


def critical_slope(scores: Scores, pairs: BeatPairs) -> Estimate:
    """By how many ms d* grows for each ms of the wave's width (least squares over the widths)."""
    widths = np.unique(pairs.width_ms)

    def slope(failing: np.ndarray, weights: np.ndarray) -> float:
        points = np.zeros(len(widths))
        for k, width in enumerate(widths):
            alike = pairs.width_ms == width
            d_star = critical(pairs.displacement_ms[alike])
            points[k] = d_star(failing[:, alike], weights[:, alike])
        known = np.isfinite(points)
        return float(np.polyfit(widths[known], points[known], 1)[0]) if known.sum() > 1 else np.nan

    return scores.estimate("failing_frame", slope, "ms per ms of width", resamples=300)


def switch(scores: Mapping[str, Scores], pairs: BeatPairs) -> dict[str, Estimate]:
    """C7's evidence: d* over the width for "net" and "null", and its slope against the width."""
    return {
        "d_over_width": critical_displacement(scores["net"], pairs, relative=True),
        "d_per_width": critical_slope(scores["net"], pairs),
        "null": critical_displacement(scores["null"], pairs, relative=True),
    }


def by_width(scores: Mapping[str, Scores], pairs: BeatPairs) -> dict[float, dict[str, Estimate]]:
    """d* in ms for each width of the T wave (ms) and each kind of path that has scores."""
    rows = {}
    for width in np.unique(pairs.width_ms):
        alike = pairs.width_ms == width
        rows[float(width)] = {
            kind: critical_displacement(s.where(alike), pairs.subset(alike))
            for kind, s in scores.items()
        }
    return rows


def summary(nets: Sequence[nn.Module], beats: Windows, scores: Scores) -> dict[str, Estimate]:
    """A net in three figures: variance of `beats` explained, violations and retention on pairs."""
    return {
        "explained": mean_explained(nets, beats.signals, beats.record),
        "violations": scores.estimate("violations"),
        "retention": scores.estimate("retention", weighted_median),
    }
