"""How well networks reconstruct electrocardiograms (paper, II-A): what decides C1 and C2."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from ecglib.data.windows import Windows
from ecglib.estimates import Estimate, bootstrap, resampled, weighted_median
from ecglib.measures import (
    explained_variance,
    high_frequency_power,
    match_peaks,
    r_peaks,
    t_peaks,
)

TOLERANCE_S = 0.05  # a found peak is right within so much of an annotated one
BORDER_S = 0.1  # of a window, where a complex may be cut


@torch.no_grad()
def reconstruct(net: nn.Module, signals: np.ndarray) -> np.ndarray:
    """Encode and decode signals (signals, samples), mV, by a net on the CPU in evaluation mode."""
    batches = torch.as_tensor(signals, dtype=torch.float32).split(256)
    return torch.cat([net(batch) for batch in batches]).numpy()


def explained(windows: Windows, decoded: Sequence[np.ndarray]) -> Estimate:
    """Share of the variance of all windows together that each net's reconstructions explain.

    decoded: for each net (windows, samples), mV.
    """
    variance = windows.signals.var(axis=1)
    residual = np.stack([((windows.signals - r) ** 2).mean(axis=1) for r in decoded])

    def share(weights: np.ndarray) -> float:
        return float(1 - (weights * residual).sum() / (weights * variance).sum())

    return resampled(share, windows.record, (len(residual),), "share of variance")


def typical_explained(windows: Windows, decoded: Sequence[np.ndarray]) -> Estimate:
    """Share of variance explained of the median window; `decoded` as in `explained`."""
    shares = [explained_variance(windows.signals, signals) for signals in decoded]
    return bootstrap(np.stack(shares), windows.record, weighted_median)


def mean_explained(
    nets: Sequence[nn.Module], signals: np.ndarray, patients: np.ndarray, resamples: int = 1000
) -> Estimate:
    """Share of variance explained, mean over signals (signals, samples), mV, and over nets.

    patients: (signals,) labels that the interval is resampled over.
    """
    shares = [explained_variance(signals, reconstruct(net, signals)) for net in nets]
    return bootstrap(np.stack(shares), patients, resamples=resamples)


def peaks_found(windows: Windows, decoded: Sequence[np.ndarray]) -> dict[str, Estimate]:
    """`peak_scores` of R and T peaks, "r_sensitivity" and so on; `decoded` as in `explained`."""
    every_net = windows.subset(np.tile(np.arange(len(windows)), len(decoded)))
    signals = np.concatenate(decoded)
    return {
        f"{letter}_{name}": estimate
        for letter, kind in (("r", "qrs"), ("t", "t"))
        for name, estimate in peak_scores(every_net, signals, kind).items()
    }


def peak_scores(windows: Windows, signals: np.ndarray, kind: str) -> dict[str, Estimate]:
    """Sensitivity and positive predictive value of the R or T peaks found in `signals`.

    A found peak is right within 50 ms of an annotated one of its own. LUDB leaves the first and
    last cycles of a record without annotation, so only the stretch between a window's first and
    last annotated R peak is scored, less 100 ms at the window's borders, where a complex is cut.
    Both are NaN where no peak of the kind is annotated at all.

    signals: (windows, samples), mV. kind: "qrs" or "t".
    """
    hits, true, found = np.zeros((3, len(windows)))
    tolerance, border = TOLERANCE_S * windows.fs, BORDER_S * windows.fs
    for i, (waves, signal) in enumerate(zip(windows.waves, signals, strict=True)):
        beats = waves["peak"][waves["kind"] == "qrs"]
        if len(beats) < 2:
            continue
        annotated = waves["peak"][waves["kind"] == kind]
        peaks = r_peaks(signal, windows.fs)
        if kind == "t":
            peaks = t_peaks(signal, peaks, windows.fs)
        low = max(beats[0] - tolerance, border)
        high = min(beats[-1] + tolerance, len(signal) - border)
        annotated = annotated[(annotated >= low) & (annotated <= high)]
        peaks = peaks[(peaks >= low) & (peaks <= high)]
        hits[i] = match_peaks(peaks, annotated, tolerance)
        true[i], found[i] = len(annotated), len(peaks)

    def ratio(of: np.ndarray) -> Estimate:
        return resampled(
            lambda w: float(w[0] @ hits / max(w[0] @ of, 1e-9)) if w[0] @ true > 0 else np.nan,
            windows.record,
            unit="share of peaks",
        )

    return {"sensitivity": ratio(true), "ppv": ratio(found)}


def power_ratio(windows: Windows, decoded: Sequence[np.ndarray]) -> Estimate:
    """Power above 40 Hz over the record's own, median over windows; `decoded` as in `explained`."""
    recorded = high_frequency_power(windows.signals, windows.fs)
    ratios = np.full((len(decoded), len(windows)), np.nan)  # of a flat window there is none
    for row, signals in zip(ratios, decoded, strict=True):
        np.divide(high_frequency_power(signals, windows.fs), recorded, out=row, where=recorded > 0)
    return bootstrap(ratios, windows.record, weighted_median, unit="ratio of power")
