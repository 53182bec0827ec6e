"""From outcomes of section III to the evidence that decides its claims (C10 to C16)."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata, wilcoxon

from ecglib.estimates import Estimate, bootstrap, change_point, resampled, weighted_mean
from ecglib.processes import GAUSSIAN
from ecglib.regions import RegionOutcome

__all__ = [
    "curve",
    "drop_ratio",
    "drops",
    "mean_errors",
    "outside_slope",
    "paired",
    "paired_by_part",
    "paired_row",
    "process_evidence",
    "stability",
    "switch_evidence",
]

OVER_VARIANCE = "error over variance"
PARTS = ("inside", "outside")


def mean_errors(outcome: RegionOutcome) -> dict[str, Estimate]:
    """Mean error over records of either part, over its variance, by "inside" and "outside"."""
    return {part: bootstrap(getattr(outcome, part), unit=OVER_VARIANCE) for part in PARTS}


def paired(first: RegionOutcome, second: RegionOutcome, part: str) -> Estimate:
    """Mean over records of the second outcome's error less the first's; part: a field's name."""
    unit = OVER_VARIANCE if part in PARTS else "microvolts squared"
    return bootstrap(getattr(second, part) - getattr(first, part), unit=unit)


def paired_by_part(
    first: RegionOutcome, others: Mapping[str, RegionOutcome]
) -> dict[str, dict[str, Estimate]]:
    """Of either part, by "inside" and "outside", each named outcome's error less the first's."""
    return {
        part: {name: paired(first, other, part) for name, other in others.items()} for part in PARTS
    }


def paired_row(ecg: RegionOutcome, process: RegionOutcome, part: str) -> dict[str, object]:
    """A table's row: mean of either, the paired difference, its effect size and its rank test.

    The effect size is the matched-pairs rank correlation: 1 where every record's difference is
    positive, -1 where each is negative; the test is Wilcoxon's signed-rank test, two-sided.
    """
    errors = getattr(ecg, part), getattr(process, part)
    difference = errors[1] - errors[0]
    ranks = rankdata(np.abs(difference))
    p = wilcoxon(difference).pvalue if np.any(difference) else 1.0
    return {
        "ECG": float(errors[0].mean()),
        "process": float(errors[1].mean()),
        "difference": paired(ecg, process, part),
        "rank correlation": float((ranks * np.sign(difference)).sum() / ranks.sum()),
        "rank test p": f"{p:.1g}",
    }


def process_evidence(differences: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """C11's and C12's evidence from `paired_by_part` of processes with their ECGs.

    Only the Gaussian processes count, under "inside/squared exponential" and so on.
    """
    return {f"{part}/{name}": differences[part][name] for part in PARTS for name in GAUSSIAN}


def stability(effects: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """C15's evidence: the share of records in which each claim's effect (records,) is above zero.

    "share/C10" and so on, and the least of them under "least_share".
    """
    shares = {
        f"share/{claim}": bootstrap((values > 0).astype(float), unit="share of records")
        for claim, values in effects.items()
    }
    return shares | {"least_share": min(shares.values(), key=lambda e: e.value)}


def curve(outcomes: Sequence[RegionOutcome], part: str = "inside") -> np.ndarray:
    """Errors of outcomes that differ in one setting, (records, settings)."""
    return np.stack([getattr(outcome, part) for outcome in outcomes], axis=1)


def drops(cycles: Sequence[float], inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each record's drop of the error from the fewest cycles observed to one, and from there on.

    cycles: (settings,) rising, 1 among them. inside: (records, settings). Returns two (records,).
    Raises ValueError where not both sides of one cycle were tried.
    """
    cycles = list(cycles)
    if 1.0 not in cycles[1:-1] or cycles != sorted(cycles):
        raise ValueError(f"cycles must rise and pass 1, which {cycles} do not; add 1 to them.")
    one = cycles.index(1.0)
    return inside[:, 0] - inside[:, one], inside[:, one] - inside[:, -1]


def drop_ratio(cycles: Sequence[float], inside: np.ndarray) -> Estimate:
    """Mean drop across the first cycle over the mean drop after it; infinite where none is left."""
    first, after = drops(cycles, inside)

    def ratio(weights: np.ndarray) -> float:
        before, rest = (weighted_mean(x, weights[0].astype(float)) for x in (first, after))
        if rest <= 0:
            return np.inf if before > 0 else np.nan
        return before / rest

    return resampled(ratio, np.arange(len(inside)), unit="ratio of drops")


def outside_slope(shares: np.ndarray, outside: np.ndarray) -> Estimate:
    """Slope of the outside error against the unpunished share of the signal, mean over records.

    shares, outside: (records, settings). The slope's unit is error over variance for the whole
    signal.
    """
    x = shares - shares.mean(axis=1, keepdims=True)
    slopes = (x * outside).sum(axis=1) / (x * x).sum(axis=1)
    return bootstrap(slopes, unit=OVER_VARIANCE)


def switch_evidence(cycles: Sequence[float], inside: np.ndarray) -> dict[str, Estimate]:
    """C13's evidence: the ratio of drops, and where the mean curve bends, in cycles."""
    return {
        "drop_ratio": drop_ratio(cycles, inside),
        "change_point": change_point(np.asarray(cycles), inside, unit="cycles"),
    }
