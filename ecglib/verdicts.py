"""What a verdict on a claim is, and the words in which its rule is written.

Bounds are those of 95 % intervals: `above(x, 0.5)` means that the whole interval lies above 0.5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ecglib.estimates import Estimate

__all__ = [
    "FAILS",
    "HOLDS",
    "IN_PART",
    "Claim",
    "Evidence",
    "above",
    "below",
    "graded",
    "group",
    "within",
]

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
