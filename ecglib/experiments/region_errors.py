"""What the errors inside and outside an unpunished region say of the claims C10 to C16 (III).

Every estimate is a mean over records with its interval; differences are paired by record.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from scipy.stats import rankdata, wilcoxon

from ecglib.estimates import Estimate, bootstrap, change_point, resampled, weighted_mean
from ecglib.experiments.processes import ECG, SQUARED_EXPONENTIAL, Process
from ecglib.experiments.regions import Condition, RegionOutcome
from ecglib.nets.unpunished import BAD, GOOD

OVER_VARIANCE = "error over variance"


def mean_errors(outcome: RegionOutcome) -> dict[str, Estimate]:
    """Mean error of either part, by "inside" and "outside"."""
    return {part: bootstrap(errors, unit=OVER_VARIANCE) for part, errors in outcome.errors.items()}


def errors_by_setting(outcomes: Sequence[RegionOutcome]) -> dict[str, np.ndarray]:
    """Errors of outcomes that differ in one setting: "inside" and "outside" (records, settings)."""
    return {
        part: np.stack([outcome.errors[part] for outcome in outcomes], axis=1)
        for part in outcomes[0].errors
    }


def paired_difference(first: np.ndarray, second: np.ndarray, unit: str = OVER_VARIANCE) -> Estimate:
    """Mean of the second errors less the first, both (records,) in `unit`."""
    return bootstrap(second - first, unit=unit)


def differences_by_part(
    ecg: RegionOutcome, processes: Mapping[str, RegionOutcome]
) -> dict[str, dict[str, Estimate]]:
    """By "inside" and "outside": each named process's error less the ECG's."""
    return {
        part: {
            name: paired_difference(errors, process.errors[part])
            for name, process in processes.items()
        }
        for part, errors in ecg.errors.items()
    }


def comparison_row(
    ecg: np.ndarray, process: np.ndarray, unit: str = OVER_VARIANCE
) -> dict[str, object]:
    """A table's row: both means, the paired difference, its effect size and its rank test.

    ecg, process: (records,) errors in `unit`. The effect size is the matched-pairs rank
    correlation: 1 where every record's difference is positive, -1 where each is negative; the test
    is Wilcoxon's signed-rank test, two-sided.
    """
    difference = process - ecg
    ranks = rankdata(np.abs(difference))
    p = wilcoxon(difference).pvalue if np.any(difference) else 1.0
    some = len(difference) > 1  # one record has no rank
    return {
        "ECG": float(ecg.mean()),
        "process": float(process.mean()),
        "difference": paired_difference(ecg, process, unit),
        "rank correlation": float((ranks * np.sign(difference)).sum() / ranks.sum())
        if some
        else np.nan,
        "rank test p": f"{p:.1g}" if some else np.nan,
    }


def published_rows(ecg: RegionOutcome, process: RegionOutcome) -> list[dict[str, object]]:
    """`comparison_row` for each of the authors' two columns, with what it really holds."""
    unit = "microvolts squared"
    return [
        {
            "column as published": "inside",
            "what it really is": "training loss with penalty",
            **comparison_row(ecg.published_inside, process.published_inside, unit),
        },
        {
            "column as published": "outside",
            "what it really is": "error inside, over the whole length",
            **comparison_row(ecg.published_outside, process.published_outside, unit),
        },
    ]


def process_evidence(
    differences: Mapping[str, Mapping[str, Estimate]], kernels: Sequence[Process]
) -> dict[str, Estimate]:
    """C11's and C12's evidence: the Gaussian processes' "inside/squared exponential" and so on."""
    return {
        f"{part}/{kernel.name}": by_process[kernel.name]
        for part, by_process in differences.items()
        for kernel in kernels
    }


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


def switch_evidence(cycles: Sequence[float], inside: np.ndarray) -> dict[str, Estimate]:
    """C13's evidence: the ratio of drops, and where the mean curve bends, in cycles."""
    return {
        "drop_ratio": drop_ratio(cycles, inside),
        "change_point": change_point(np.asarray(cycles), inside, unit="cycles"),
    }


def outside_slope(outcomes: Sequence[RegionOutcome]) -> Estimate:
    """C14's evidence: the outside error's slope against the region's share of the signal.

    outcomes: of regions that differ in length. The unit is error over variance for the whole
    signal.
    """
    outside = errors_by_setting(outcomes)["outside"]
    samples = outcomes[0].signals.shape[1]
    lengths = [outcome.regions[:, 1] - outcome.regions[:, 0] for outcome in outcomes]
    shares = np.stack(lengths, axis=1) / samples
    x = shares - shares.mean(axis=1, keepdims=True)
    slopes = (x * outside).sum(axis=1) / (x * x).sum(axis=1)
    return bootstrap(slopes, unit=OVER_VARIANCE)


def stability_evidence(effects: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """C15's evidence: the share of records in which each claim's effect (records,) is above zero.

    "share/C10" and so on, and the least of them under "least_share".
    """
    shares = {
        f"share/{claim}": bootstrap((values > 0).astype(float), unit="share of records")
        for claim, values in effects.items()
    }
    return shares | {"least_share": min(shares.values(), key=lambda e: e.value)}


# The paper's three conditions for the effect, each met or not: the pattern repeats, a whole period
# is observed, the compression is moderate.
Cell = tuple[bool, bool, bool]
ALL_THREE: Cell = (True, True, True)


def factorial_conditions() -> dict[Cell, Condition]:
    """How the networks of the eight cells are fitted."""
    return {
        (repeats, period, moderate): Condition(
            p=GOOD if moderate else BAD,
            process=ECG if repeats else SQUARED_EXPONENTIAL,
            cycles=2.0 if period else 0.5,
        )
        for repeats, period, moderate in product((True, False), repeat=3)
    }


def cell_name(cell: Cell) -> str:
    """A cell in words."""
    repeats, period, moderate = cell
    process = "ECG" if repeats else "process"
    cycles = "2 cycles" if period else "½ cycle"
    return f"{process}, {cycles}, p = {GOOD if moderate else BAD}"


def factorial_effects(outcomes: Mapping[Cell, RegionOutcome]) -> dict[str, Estimate]:
    """C16's evidence, errors inside: what each of the three conditions is worth.

    "all_three": the error with all of them met. "without_...": its rise when that one is taken
    away. "none": the error with none met.
    """
    best = outcomes[ALL_THREE]
    return {
        "all_three": mean_errors(best)["inside"],
        "without_repeats": paired_difference(best.inside, outcomes[False, True, True].inside),
        "without_period": paired_difference(best.inside, outcomes[True, False, True].inside),
        "without_moderate": paired_difference(best.inside, outcomes[True, True, False].inside),
        "none": mean_errors(outcomes[False, False, False])["inside"],
    }
