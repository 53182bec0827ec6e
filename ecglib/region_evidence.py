"""From outcomes of section III to the evidence that decides its claims (C10 to C16)."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import rankdata, wilcoxon

from ecglib.estimates import Estimate, bootstrap, change_point, resampled, weighted_mean
from ecglib.regions import RegionOutcome

__all__ = [
    "curve",
    "drop_ratio",
    "drops",
    "factorial_effects",
    "outside_slope",
    "paired",
    "paired_row",
    "share_positive",
    "switch_evidence",
]

OVER_VARIANCE = "error over variance"


def paired(first: RegionOutcome, second: RegionOutcome, part: str) -> Estimate:
    """Mean over records of the second outcome's error less the first's; part: a field's name."""
    unit = OVER_VARIANCE if part in ("inside", "outside") else "microvolts squared"
    return bootstrap(_difference(first, second, part), unit=unit)


def paired_row(first: RegionOutcome, second: RegionOutcome, part: str) -> dict[str, object]:
    """A table's row: mean of either, the paired difference, its rank test and effect size.

    The test is Wilcoxon's signed-rank test, two-sided; the effect size is the matched-pairs rank
    correlation: 1 where every record's difference is positive, -1 where each is negative.
    """
    difference = _difference(first, second, part)
    ranks = rankdata(np.abs(difference))
    return {
        "first": float(getattr(first, part)[: len(difference)].mean()),
        "second": float(getattr(second, part)[: len(difference)].mean()),
        "difference": paired(first, second, part),
        "rank correlation": float((ranks * np.sign(difference)).sum() / ranks.sum()),
        "p": float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0,
    }


def share_positive(values: np.ndarray) -> Estimate:
    """Share of records (records,) whose value is above zero."""
    return bootstrap((values > 0).astype(float), unit="share of records")


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


def factorial_effects(
    cells: Mapping[tuple[bool, bool, bool], RegionOutcome],
) -> dict[str, Estimate]:
    """C16's evidence from the eight cells, keyed (repeats, a period observed, moderate).

    "all_three" is the inside error with all conditions met; "without_..." its rise when that one
    is taken away; "none" the error with none met.
    """
    best = cells[True, True, True]
    return {
        "all_three": bootstrap(best.inside, unit=OVER_VARIANCE),
        "without_repeats": paired(best, cells[False, True, True], "inside"),
        "without_period": paired(best, cells[True, False, True], "inside"),
        "without_moderate": paired(best, cells[True, True, False], "inside"),
        "none": bootstrap(cells[False, False, False].inside, unit=OVER_VARIANCE),
    }


def _difference(first: RegionOutcome, second: RegionOutcome, part: str) -> np.ndarray:
    """Record by record; where one has fewer records, of those."""
    a, b = getattr(first, part), getattr(second, part)
    n = min(len(a), len(b))
    return b[:n] - a[:n]
