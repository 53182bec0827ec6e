"""From reconstructions and paths of section II-A to the evidence that decides C1 to C4."""

from collections.abc import Mapping, Sequence

import numpy as np

from ecglib.estimates import Estimate, bootstrap, weighted_median
from ecglib.interpolation import FourSeconds, PathScores, explained, peak_scores
from ecglib.measures import explained_variance, high_frequency_power
from ecglib.windows import Windows

__all__ = [
    "high_frequencies",
    "least_periodicity",
    "peaks_found",
    "reconstruction",
    "typical_explained",
    "wrong_counts",
]


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
