"""The ledger: what the paper claims, what decides each claim, and the rule of the verdict.

A rule reads named estimates (the evidence a chapter gathered) and was written before any
paper-scale run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecglib.estimates import Estimate

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
Evidence = Mapping[str, Estimate]


def above(estimate: Estimate, bound: float) -> bool:
    """Whether the whole interval lies above the bound."""
    return estimate.low > bound


def below(estimate: Estimate, bound: float) -> bool:
    """Whether the whole interval lies below the bound."""
    return estimate.high < bound


def within(estimate: Estimate, margin: float) -> bool:
    """Whether the whole interval lies between -margin and +margin."""
    return estimate.low > -margin and estimate.high < margin


def graded(full: bool, part: bool) -> str:
    """The verdict: it holds in full, or in part, or not."""
    return HOLDS if full else IN_PART if part else FAILS


def group(evidence: Evidence, prefix: str) -> list[Estimate]:
    """All estimates called `prefix/...`; ValueError where there is none."""
    members = [e for name, e in evidence.items() if name.startswith(prefix + "/")]
    if not members:
        raise ValueError(f'the evidence lacks any estimate called "{prefix}/..."')
    return members


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: where it stands, what decides it, and the rule of the verdict.

    `headline` names the estimate shown in the ledger; `null` and `oracle`, where there are such,
    are estimates called "null" and "oracle".
    """

    id: str
    section: str
    chapter: str
    statement: str
    headline: str
    measure: str
    rule: str
    decide: Callable[[Evidence], str]


def _c1(e: Evidence) -> str:
    peaks = [e["r_sensitivity"], e["r_ppv"]]
    t_peaks = [e["t_sensitivity"], e["t_ppv"]]
    good = e["explained_test"].value >= 0.9 and e["explained_train"].value >= 0.9
    return graded(
        good and all(above(x, 0.9) for x in peaks + t_peaks),
        e["explained_test"].value >= 0.8 and all(above(x, 0.9) for x in peaks),
    )


def _c5(e: Evidence) -> str:
    met = [
        below(e["near_violations"], 0.1),
        above(e["near_retention"], 0.8),
        below(e["near_drift_error"], 20.0),
    ]
    return graded(all(met), sum(met) == 2)


def _c8(e: Evidence) -> str:
    effects = [(x, 0.15) for x in group(e, "c3") + group(e, "c6")]
    effects += [(x, 0.25) for x in group(e, "d")]
    differs = any(x.low > m or x.high < -m for x, m in effects)
    return graded(all(within(x, m) for x, m in effects), not differs)


def _c9(e: Evidence) -> str:
    left = [above(x, 0.5) for x in group(e, "left")]
    return graded(all(left), any(left))


def _c13(e: Evidence) -> str:
    bend = e["change_point"]
    met = [above(e["drop_ratio"], 2.0), bend.low <= 1.0 <= bend.high]
    return graded(all(met), any(met))


def _c16(e: Evidence) -> str:
    met = [above(e[f"without_{condition}"], 0.0) for condition in ("repeats", "period", "moderate")]
    return graded(all(met) and below(e["all_three"], 0.5), any(met))


_ALL = (
    Claim(
        "C1",
        "II-A",
        "02-interpolation",
        "Training and test signals are reconstructed well; all significant peaks are recognisable.",
        "explained_test",
        "share of variance explained; R and T peaks of the reconstruction against the annotation "
        "(50 ms)",
        "holds: at least 0.9 of the variance on either side, and sensitivity and positive "
        "predictive value of R and T peaks above 0.9; in part: 0.8 on test patients, R peaks "
        "above 0.9",
        _c1,
    ),
    Claim(
        "C2",
        "II-A",
        "02-interpolation",
        "The model removes high-frequency noise.",
        "power_ratio",
        "power above 40 Hz, reconstruction over input",
        "holds: ratio below 0.5; in part: below 1",
        lambda e: graded(below(e["power_ratio"], 0.5), below(e["power_ratio"], 1.0)),
    ),
    Claim(
        "C3",
        "II-A",
        "02-interpolation",
        "Along a straight latent path the number of important peaks changes.",
        "violating_pairs",
        "share of test pairs with a frame whose R count leaves the range of its two ends",
        "holds: more than half of the pairs, and more than the oracle; in part: more than the "
        "oracle",
        lambda e: graded(
            above(e["violating_pairs"], 0.5) and above(e["net_minus_oracle"], 0.0),
            above(e["net_minus_oracle"], 0.0),
        ),
    ),
    Claim(
        "C4",
        "II-A",
        "02-interpolation",
        "At some moment of the path the periodic structure disappears.",
        "periodicity_ratio",
        "least periodicity along the path over the smaller of its ends, median over pairs",
        "holds: below one half, and less than the oracle's; in part: less than the oracle's",
        lambda e: graded(
            below(e["periodicity_ratio"], 0.5) and below(e["net_minus_oracle"], 0.0),
            below(e["net_minus_oracle"], 0.0),
        ),
    ),
    Claim(
        "C5",
        "II-B",
        "03-one-cycle",
        "Waves closer than their length: the wave exists at every moment and its centre drifts.",
        "near_violations",
        "T wave, displaced by less than its width: frames without exactly one peak, retention, "
        "drift error",
        "holds: violations below 0.1 of the frames, retention above 0.8 and drift error below 20 "
        "ms; in part: two of the three",
        _c5,
    ),
    Claim(
        "C6",
        "II-B",
        "03-one-cycle",
        "Waves far apart: one vanishes while the other grows.",
        "far_violations",
        "T wave, displaced by more than its width: share of frames without exactly one peak",
        "holds: more than half of the frames, and more than in near pairs; in part: more than in "
        "near pairs",
        lambda e: graded(
            above(e["far_violations"], 0.5) and above(e["far_minus_near"], 0.0),
            above(e["far_minus_near"], 0.0),
        ),
    ),
    Claim(
        "C7",
        "II-B",
        "03-one-cycle",
        "The switch comes where the displacement is about the wave's length.",
        "d_over_width",
        "critical displacement d* (half of the pairs hold a frame without exactly one peak) over "
        "the wave's width",
        "holds: d* between 0.5 and 1.5 widths; in part: d* grows with the width, but lies "
        "elsewhere",
        lambda e: graded(
            above(e["d_over_width"], 0.5) and below(e["d_over_width"], 1.5),
            above(e["d_per_width"], 0.0),
        ),
    ),
    Claim(
        "C8",
        "II-B",
        "04-variations",
        "Kernel sizes, their number and the compression ratio have no significant effect.",
        "largest_effect",
        "effect of each variation against the base net on the shares of C3 and C6 and on d* "
        "(relative)",
        "holds: every interval within 0.15 of no effect (a quarter for d*); does not hold: an "
        "interval wholly beyond it; in part otherwise",
        _c8,
    ),
    Claim(
        "C9",
        "II-A, V",
        "04-variations",
        "Batch normalisation and standard regularisation do not remove the effect.",
        "least_left",
        "violations (C3 and C6) that are left with each regulariser, over those without any",
        "holds: more than half are left with each; in part: with some",
        _c9,
    ),
    Claim(
        "C10",
        "III",
        "05-unpunished",
        "More compression raises the error inside the unpunished region, not outside.",
        "inside_p7_minus_p3",
        "inside and outside error (over the part's own variance), p = 7 less p = 3, paired over "
        "records",
        "holds: inside rises, outside within 0.02 of no change; in part: inside rises",
        lambda e: graded(
            above(e["inside_p7_minus_p3"], 0.0) and within(e["outside_p7_minus_p3"], 0.02),
            above(e["inside_p7_minus_p3"], 0.0),
        ),
    ),
    Claim(
        "C11",
        "III",
        "06-processes",
        "The bad net behaves the same on ECG and on a Gaussian process.",
        "inside/squared exponential",
        "inside error of p = 7, process less ECG, paired over records, for each kernel",
        "holds: every kernel's interval within 0.1 of no difference; in part: some kernel's",
        lambda e: graded(
            all(within(x, 0.1) for x in group(e, "inside")),
            any(within(x, 0.1) for x in group(e, "inside")),
        ),
    ),
    Claim(
        "C12",
        "III",
        "06-processes",
        "The good net's inside error is lower on ECG; outside nothing changes.",
        "inside/squared exponential",
        "inside and outside error of p = 3, process less ECG, paired over records, for each kernel",
        "holds: inside higher on every kernel, outside within 0.02; in part: inside higher on "
        "some kernel",
        lambda e: graded(
            all(above(x, 0.0) for x in group(e, "inside"))
            and all(within(x, 0.02) for x in group(e, "outside")),
            any(above(x, 0.0) for x in group(e, "inside")),
        ),
    ),
    Claim(
        "C13",
        "III",
        "07-mask-size",
        "Inside error falls sharply once one full period is observed, and little after.",
        "drop_ratio",
        "drop of the inside error across the first observed cycle over the drop after it; "
        "change-point",
        "holds: ratio above 2 and a change-point that may be one cycle; in part: one of the two",
        _c13,
    ),
    Claim(
        "C14",
        "III",
        "07-mask-size",
        "Outside error rises slightly as the unpunished region shrinks.",
        "outside_slope",
        "slope of the outside error against the region's share of the signal",
        "holds: the slope is negative and the whole change below 0.02; in part: negative",
        lambda e: graded(
            below(e["outside_slope"], 0.0) and within(e["outside_slope"], 0.02),
            below(e["outside_slope"], 0.0),
        ),
    ),
    Claim(
        "C15",
        "III",
        "07-mask-size",
        "The effect is stable: it does not depend on the particular electrocardiogram.",
        "least_share",
        "share of records in which C10, C12 and C13 have the sign that the paper gives",
        "holds: each share above 0.8; in part: each above one half",
        lambda e: graded(
            all(above(x, 0.8) for x in group(e, "share")),
            all(above(x, 0.5) for x in group(e, "share")),
        ),
    ),
    Claim(
        "C16",
        "IV",
        "07-mask-size",
        "Three conditions together: a repeating pattern, one period observed, moderate "
        "compression.",
        "all_three",
        "inside error with all three conditions, and its rise when one of them is taken away",
        "holds: below 0.5 with all three, and each one's absence raises it; in part: some absence "
        "raises it",
        _c16,
    ),
)
CLAIMS = {claim.id: claim for claim in _ALL}
