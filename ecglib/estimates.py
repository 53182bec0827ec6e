"""Estimates with intervals: bootstrap over patients, psychometric curves, change-points.

The bootstrap is by hand, since a library's does not resample patients (of a pair, two) and networks
together.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

Statistic = Callable[[np.ndarray, np.ndarray], float]  # of values and weights of one shape


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, the number of observations behind it, and its unit."""

    value: float
    low: float
    high: float
    n: int
    unit: str = ""

    @property
    def known(self) -> bool:
        """Whether the figure and its interval are defined (they may be infinite)."""
        return not any(np.isnan(x) for x in (self.value, self.low, self.high))

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def as_dict(self) -> dict:
        """Plain values for JSON, where what is not finite is written "nan" or "inf"."""
        return {
            key: str(value) if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Estimate":
        """The inverse of `as_dict`."""
        numbers = {key: float(values[key]) for key in ("value", "low", "high")}
        return cls(**numbers, n=values["n"], unit=values["unit"])


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """Mean of the finite `values` under `weights` (same shape); NaN where nothing weighs."""
    finite = np.isfinite(values)
    total = weights[finite].sum()
    return float((values[finite] * weights[finite]).sum() / total) if total > 0 else np.nan


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Median of the finite `values` under `weights` (same shape); NaN where nothing weighs.

    It is one of the values: of two middle ones the lower.
    """
    keep = np.isfinite(values) & (weights > 0)
    if not keep.any():
        return np.nan
    return float(np.quantile(values[keep], 0.5, weights=weights[keep], method="inverted_cdf"))


def resampled(
    statistic: Callable[[np.ndarray], float],
    patients: np.ndarray,
    seeds: Sequence[int] = (1,),
    unit: str = "",
    resamples: int = 1000,
) -> Estimate:
    """The statistic with a percentile interval, resampled over patients and over seeds.

    Patients are drawn with replacement, and an observation weighs as often as its patient was
    drawn; an observation made of two patients (a pair) weighs the product of the two. Fitted
    networks (seeds) are drawn the same way, independently (a two-way bootstrap). The same
    arguments give the same interval. One patient, or one pair of them, says nothing of others: then
    the interval is NaN.

    statistic: takes weights (seeds, observations) and returns a number.
    patients: (observations,) or (observations, 2) labels of the patients behind each one.
    seeds: how many fitted networks there are in each group; groups are resampled each within
        itself, their rows of weights below each other.
    """
    patients = np.asarray(patients)
    labels, codes = np.unique(patients, return_inverse=True)
    codes = codes.reshape(patients.shape if patients.ndim == 2 else (-1, 1))
    alone = len(np.unique(np.sort(codes, axis=1), axis=0)) < 2
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(0 if alone else resamples):
        drawn = np.bincount(rng.integers(len(labels), size=len(labels)), minlength=len(labels))
        fits = np.concatenate([np.bincount(rng.integers(n, size=n), minlength=n) for n in seeds])
        draws.append(statistic(fits[:, None] * drawn[codes].prod(axis=1)[None, :]))
    value = statistic(np.ones((sum(seeds), len(patients))))
    known = np.array(draws, float)
    known = known[~np.isnan(known)]
    low, high = np.nan, np.nan
    if len(known):  # the nearest draw, not a mean of two: a draw may be infinite
        low, high = np.percentile(known, [2.5, 97.5], method="nearest")
    return Estimate(float(value), float(low), float(high), len(patients), unit)


def bootstrap(
    values: np.ndarray,
    patients: np.ndarray | None = None,
    statistic: Statistic = weighted_mean,
    unit: str = "",
    resamples: int = 1000,
) -> Estimate:
    """A statistic of `values` with its 95 % bootstrap interval over patients (and seeds).

    values: (observations,) or (seeds, observations); NaN counts as not observed.
    patients: as in `resampled`; by default each observation is a patient of its own.

    Raises ValueError where there are not as many labels as observations.
    """
    values = np.atleast_2d(np.asarray(values, dtype=float))
    if patients is None:
        patients = np.arange(values.shape[1])
    if len(patients) != values.shape[1]:
        raise ValueError(
            f"there are {values.shape[1]} observations but labels of {len(patients)} patients"
        )
    return resampled(lambda w: statistic(values, w), patients, (len(values),), unit, resamples)


def critical_point(x: np.ndarray, hits: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Where a fitted logistic psychometric curve of the share of hits passes one half.

    x: (observations,) stimulus, in any unit, not negative.
    hits: (observations,) zeros and ones, or shares.
    weights: (observations,) how often each counts; by default once.
    Returns the point in the unit of `x`: 0 where the curve is above one half from there on,
    infinity where it does not pass one half up to the largest `x`, NaN where nothing weighs.
    """
    from scipy.special import expit  # half a second that readers of results need not wait

    x, hits = np.asarray(x, float).ravel(), np.asarray(hits, float).ravel()
    weights = np.ones_like(x) if weights is None else np.asarray(weights, float).ravel()
    levels, code = np.unique(x, return_inverse=True)
    total = np.bincount(code, weights)
    yes = np.bincount(code, weights * hits)
    if not total.any():
        return np.nan
    scale = max(levels[-1], np.finfo(float).tiny)
    # For each slope the likeliest midpoint is where the expected hits are the observed ones: they
    # fall as it rises, so it is found by halving. Of the slopes, the likeliest: no optimiser that
    # could stop early, and fast enough for a bootstrap.
    slopes = np.geomspace(0.5, 200.0, 80)[:, None]
    low, high = np.full(80, -2.0), np.full(80, 3.0)
    for _ in range(40):
        midpoint = (low + high) / 2
        z = slopes * (levels / scale - midpoint[:, None])
        too_many = expit(z) @ total > yes.sum()
        low, high = np.where(too_many, midpoint, low), np.where(too_many, high, midpoint)
    loss = np.logaddexp(0, z) @ total - z @ yes
    point = scale * midpoint[np.argmin(loss)]
    return float(max(point, 0.0)) if point <= levels[-1] else np.inf


def change_point(x: np.ndarray, values: np.ndarray, unit: str = "") -> Estimate:
    """Where a curve bends: the knot of the best continuous two-piece line, over records.

    x: (points,) rising, in units of `unit`.
    values: (records, points); the mean over records is what bends, records are resampled.
    """
    x, values = np.asarray(x, float), np.asarray(values, float)
    knots = np.linspace(x[1], x[-2], 60)
    designs = [np.stack([np.ones_like(x), x, np.maximum(x - k, 0)], axis=1) for k in knots]
    residual_makers = np.stack([np.eye(len(x)) - d @ np.linalg.pinv(d) for d in designs])

    def knot(weights: np.ndarray) -> float:
        mean = np.average(values, axis=0, weights=weights[0])
        return float(knots[np.argmin(np.linalg.norm(residual_makers @ mean, axis=1))])

    return resampled(knot, np.arange(len(values)), unit=unit)
