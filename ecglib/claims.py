"""The claims of the paper, what is measured for each, and the rule of its verdict.

A rule reads named estimates (the evidence a chapter gathers) and was written before any
paper-scale run. To add a claim, add a block like those below; its chapter gathers the evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecglib.estimates import Estimate

HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
NOT_MEASURED = "not measured"  # what the rule asks for is not defined on these records

# How small an effect must be to count as none.
SHARE_MARGIN = 0.15  # of a share of frames or pairs
D_STAR_MARGIN = 0.25  # of the critical displacement, relative
OUTSIDE_MARGIN = 0.02  # of the error outside the unpunished region
PROCESS_MARGIN = 0.1  # of the error inside it, between an ECG and a random process

Evidence = Mapping[str, Estimate]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper: where it stands, what decides it, and the rule of the verdict.

    id, section: its number here, and where the paper makes it.
    chapter: the notebook that gathers its evidence.
    statement: what the paper says.
    headline: name of the estimate that the ledger shows; beside it stand those called "null" and
        "oracle", where there are such.
    measure, rule: in words, what is measured and what makes it hold.
    judge: the rule, from evidence that is defined to the verdict.
    """

    id: str
    section: str
    chapter: str
    statement: str
    headline: str
    measure: str
    rule: str
    judge: Callable[[Evidence], str]

    def decide(self, evidence: Evidence) -> str:
        """The verdict; "not measured" where an estimate that the rule reads is not defined.

        Raises KeyError, or ValueError for a whole family, where evidence is lacking.
        """
        try:
            return self.judge(Defined(evidence))
        except NotDefined:
            return NOT_MEASURED


class NotDefined(Exception):
    """A rule has read an estimate that is NaN, or has no interval."""


class Defined(dict[str, Estimate]):
    """Evidence that lets no rule compare with NaN: reading such an estimate raises NotDefined."""

    def __getitem__(self, name: str) -> Estimate:
        estimate = super().__getitem__(name)
        if not estimate.known:
            raise NotDefined(name)
        return estimate


CLAIMS: dict[str, Claim] = {}


def claim(id: str, **fields: str) -> Callable[[Callable[[Evidence], str]], None]:
    """Enter a claim, whose rule is the function below; ValueError where two have one id."""

    def enter(judge: Callable[[Evidence], str]) -> None:
        if id in CLAIMS:
            raise ValueError(f"there are two claims {id}: give one another id.")
        CLAIMS[id] = Claim(id, **fields, judge=judge)

    return enter


def above(estimate: Estimate, bound: float) -> bool:
    """Whether the whole interval lies above the bound."""
    return estimate.low > bound


def below(estimate: Estimate, bound: float) -> bool:
    """Whether the whole interval lies below the bound."""
    return estimate.high < bound


def within(estimate: Estimate, margin: float) -> bool:
    """Whether the whole interval lies between -margin and +margin."""
    return estimate.low > -margin and estimate.high < margin


def beyond(estimate: Estimate, margin: float) -> bool:
    """Whether the whole interval lies outside of -margin to +margin, on one side."""
    return estimate.low > margin or estimate.high < -margin


def family(evidence: Evidence, name: str) -> list[Estimate]:
    """All estimates called `name/...`; ValueError where there is none."""
    members = [evidence[key] for key in evidence if key.startswith(name + "/")]
    if not members:
        raise ValueError(f'the evidence lacks any estimate called "{name}/..."')
    return members


def graded(*, holds: bool, in_part: bool) -> str:
    """The verdict: it holds, or in part, or not."""
    return HOLDS if holds else IN_PART if in_part else FAILS


@claim(
    id="C1",
    section="II-A",
    chapter="02-interpolation",
    statement="Training and test signals are reconstructed well; all significant peaks are "
    "recognisable.",
    headline="explained_test",
    measure="share of variance explained; R and T peaks of the reconstruction against the "
    "annotation (50 ms)",
    rule="holds: at least 0.9 of the variance on either side, and sensitivity and positive "
    "predictive value of R and T peaks above 0.9; in part: 0.8 on test patients, R peaks above 0.9",
)
def _(e: Evidence) -> str:
    explained = e["explained_test"].value >= 0.9 and e["explained_train"].value >= 0.9
    r_found = above(e["r_sensitivity"], 0.9) and above(e["r_ppv"], 0.9)
    t_found = above(e["t_sensitivity"], 0.9) and above(e["t_ppv"], 0.9)
    return graded(
        holds=explained and r_found and t_found,
        in_part=e["explained_test"].value >= 0.8 and r_found,
    )


@claim(
    id="C2",
    section="II-A",
    chapter="02-interpolation",
    statement="The model removes high-frequency noise.",
    headline="power_ratio",
    measure="power above 40 Hz, reconstruction over input",
    rule="holds: ratio below 0.5; in part: below 1",
)
def _(e: Evidence) -> str:
    return graded(holds=below(e["power_ratio"], 0.5), in_part=below(e["power_ratio"], 1.0))


@claim(
    id="C3",
    section="II-A",
    chapter="02-interpolation",
    statement="Along a straight latent path the number of important peaks changes.",
    headline="violating_pairs",
    measure="share of test pairs with a frame whose R count leaves the range of its two ends",
    rule="holds: more than half of the pairs, and more than the oracle; in part: more than the "
    "oracle",
)
def _(e: Evidence) -> str:
    more = above(e["net_minus_oracle"], 0.0)
    return graded(holds=more and above(e["violating_pairs"], 0.5), in_part=more)


@claim(
    id="C4",
    section="II-A",
    chapter="02-interpolation",
    statement="At some moment of the path the periodic structure disappears.",
    headline="periodicity_ratio",
    measure="least periodicity along the path over the smaller of its ends, median over pairs",
    rule="holds: below one half, and less than the oracle's; in part: less than the oracle's",
)
def _(e: Evidence) -> str:
    less = below(e["net_minus_oracle"], 0.0)
    return graded(holds=less and below(e["periodicity_ratio"], 0.5), in_part=less)


@claim(
    id="C5",
    section="II-B",
    chapter="03-one-cycle",
    statement="Waves closer than their length: the wave exists at every moment and its centre "
    "drifts.",
    headline="near_violations",
    measure="T wave, displaced by less than its width: frames without exactly one peak, "
    "retention, drift error",
    rule="holds: violations below 0.1 of the frames, retention above 0.8 and drift error below 20 "
    "ms; in part: two of the three",
)
def _(e: Evidence) -> str:
    met = [
        below(e["near_violations"], 0.1),
        above(e["near_retention"], 0.8),
        below(e["near_drift_error"], 20.0),
    ]
    return graded(holds=all(met), in_part=sum(met) == 2)


@claim(
    id="C6",
    section="II-B",
    chapter="03-one-cycle",
    statement="Waves far apart: one vanishes while the other grows.",
    headline="far_violations",
    measure="T wave, displaced by more than its width: share of frames without exactly one peak",
    rule="holds: more than half of the frames, and more than in near pairs; in part: more than in "
    "near pairs",
)
def _(e: Evidence) -> str:
    more = above(e["far_minus_near"], 0.0)
    return graded(holds=more and above(e["far_violations"], 0.5), in_part=more)


@claim(
    id="C7",
    section="II-B",
    chapter="03-one-cycle",
    statement="The switch comes where the displacement is about the wave's length.",
    headline="d_over_width",
    measure="critical displacement d* (half of the pairs hold a frame without exactly one peak) "
    "over the wave's width",
    rule="holds: d* between 0.5 and 1.5 widths; in part: d* grows with the width, but lies "
    "elsewhere",
)
def _(e: Evidence) -> str:
    return graded(
        holds=above(e["d_over_width"], 0.5) and below(e["d_over_width"], 1.5),
        in_part=above(e["d_per_width"], 0.0),
    )


@claim(
    id="C8",
    section="II-B",
    chapter="04-variations",
    statement="Kernel sizes, their number and the compression ratio have no significant effect.",
    headline="largest_effect",
    measure="effect of each variation against the base net on the share of pairs with a wrong R "
    "count, on that of far frames without one T peak, and on d* (relative)",
    rule=f"holds: every interval within {SHARE_MARGIN} of no effect ({D_STAR_MARGIN} for d*); "
    "does not hold: an interval wholly beyond it; in part otherwise",
)
def _(e: Evidence) -> str:
    effects = [(x, SHARE_MARGIN) for x in family(e, "wrong_count") + family(e, "far_violations")]
    effects += [(x, D_STAR_MARGIN) for x in family(e, "d_star")]
    return graded(
        holds=all(within(x, margin) for x, margin in effects),
        in_part=not any(beyond(x, margin) for x, margin in effects),
    )


@claim(
    id="C9",
    section="II-A, V",
    chapter="04-variations",
    statement="Batch normalisation and standard regularisation do not remove the effect.",
    headline="least_left",
    measure="wrong R counts, and far frames without one T peak, left with each regulariser, over "
    "those without any",
    rule="holds: more than half are left with each; in part: with some",
)
def _(e: Evidence) -> str:
    met = [above(x, 0.5) for x in family(e, "left")]
    return graded(holds=all(met), in_part=any(met))


@claim(
    id="C10",
    section="III",
    chapter="05-unpunished",
    statement="More compression raises the error inside the unpunished region, not outside.",
    headline="inside_p7_minus_p3",
    measure="inside and outside error (over the part's own variance), p = 7 less p = 3, paired "
    "over records",
    rule=f"holds: inside rises, outside within {OUTSIDE_MARGIN} of no change; in part: inside "
    "rises",
)
def _(e: Evidence) -> str:
    rises = above(e["inside_p7_minus_p3"], 0.0)
    return graded(
        holds=rises and within(e["outside_p7_minus_p3"], OUTSIDE_MARGIN),
        in_part=rises,
    )


@claim(
    id="C11",
    section="III",
    chapter="06-processes",
    statement="The bad net behaves the same on ECG and on a Gaussian process.",
    headline="inside/squared exponential",
    measure="inside error of p = 7, process less ECG, paired over records, for each kernel",
    rule=f"holds: every kernel's interval within {PROCESS_MARGIN} of no difference; in part: some "
    "kernel's",
)
def _(e: Evidence) -> str:
    met = [within(x, PROCESS_MARGIN) for x in family(e, "inside")]
    return graded(holds=all(met), in_part=any(met))


@claim(
    id="C12",
    section="III",
    chapter="06-processes",
    statement="The good net's inside error is lower on ECG; outside nothing changes.",
    headline="inside/squared exponential",
    measure="inside and outside error of p = 3, process less ECG, paired over records, for each "
    "kernel",
    rule=f"holds: inside higher on every kernel, outside within {OUTSIDE_MARGIN}; in part: inside "
    "higher on some kernel",
)
def _(e: Evidence) -> str:
    higher = [above(x, 0.0) for x in family(e, "inside")]
    unchanged = [within(x, OUTSIDE_MARGIN) for x in family(e, "outside")]
    return graded(holds=all(higher) and all(unchanged), in_part=any(higher))


@claim(
    id="C13",
    section="III",
    chapter="07-mask-size",
    statement="Inside error falls sharply once one full period is observed, and little after.",
    headline="drop_ratio",
    measure="drop of the inside error across the first observed cycle over the drop after it; "
    "change-point",
    rule="holds: ratio above 2 and a change-point that may be one cycle; in part: one of the two",
)
def _(e: Evidence) -> str:
    bend = e["change_point"]
    met = [above(e["drop_ratio"], 2.0), bend.low <= 1.0 <= bend.high]
    return graded(holds=all(met), in_part=any(met))


@claim(
    id="C14",
    section="III",
    chapter="07-mask-size",
    statement="Outside error rises slightly as the unpunished region shrinks.",
    headline="outside_slope",
    measure="slope of the outside error against the region's share of the signal",
    rule=f"holds: the slope is negative and the whole change below {OUTSIDE_MARGIN}; in part: "
    "negative",
)
def _(e: Evidence) -> str:
    rises = below(e["outside_slope"], 0.0)
    return graded(holds=rises and within(e["outside_slope"], OUTSIDE_MARGIN), in_part=rises)


@claim(
    id="C15",
    section="III",
    chapter="07-mask-size",
    statement="The effect is stable: it does not depend on the particular electrocardiogram.",
    headline="least_share",
    measure="share of records in which C10, C12 and C13 have the sign that the paper gives",
    rule="holds: each share above 0.8; in part: each above one half",
)
def _(e: Evidence) -> str:
    shares = family(e, "share")
    return graded(
        holds=all(above(x, 0.8) for x in shares), in_part=all(above(x, 0.5) for x in shares)
    )


@claim(
    id="C16",
    section="IV",
    chapter="07-mask-size",
    statement="Three conditions together: a repeating pattern, one period observed, moderate "
    "compression.",
    headline="all_three",
    measure="inside error with all three conditions, and its rise when one of them is taken away",
    rule="holds: below 0.5 with all three, and each one's absence raises it; in part: some "
    "absence raises it",
)
def _(e: Evidence) -> str:
    met = [above(e[f"without_{condition}"], 0.0) for condition in ("repeats", "period", "moderate")]
    return graded(holds=all(met) and below(e["all_three"], 0.5), in_part=any(met))
