"""What becomes of the T wave on paths between beats (paper, II-B), and from where it fails."""

from dataclasses import dataclass

import numpy as np

from ecglib.autoencoder import ConvAutoencoder
from ecglib.beats import FS, BeatPairs
from ecglib.estimates import Estimate, critical_point, resampled, weighted_mean
from ecglib.measures import follow_wave
from ecglib.paths import crossfade, landmark_warp, latent_path

__all__ = [
    "TScores",
    "critical_displacement",
    "critical_slope",
    "far_minus_near",
    "net_t_scores",
    "null_t_scores",
    "oracle_t_scores",
    "t_scores_by_path",
]


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
