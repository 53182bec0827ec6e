"""How a chapter's figures on one device stand to those on another."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ecglib.estimates import Estimate

RULE = (
    "A figure agrees where its two values differ by no more than the root of the sum of the squares"
    " of their intervals' half widths: so near would 19 of 20 pairs of runs lie that draw patients "
    "and seeds anew, and since these two share both, what lies outside is more than noise."
)
EQUAL = 1e-6  # relative: so near, two values are the same to rounding


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The results of one chapter on a GPU beside those on the CPU, as JSON has it.

    ours, theirs: as `ledger.read_result` gives them, from the GPU and from the CPU.
    Returns "figures", how many there are; "agree", how many of them do, by `RULE`; "typical", the
    median of their distances, of which 1 is the most that agrees; "outside", by name, those that
    do not agree, or that one side lacks; and "verdicts", by claim, where the two differ.
    """
    gpu, cpu = figures(ours), figures(theirs)
    names = sorted(gpu.keys() | cpu.keys())
    apart = {name: distance(gpu[name], cpu[name]) for name in names if name in gpu and name in cpu}
    outside = [name for name in names if not apart.get(name, math.inf) <= 1]
    finite = [far for far in apart.values() if math.isfinite(far)]
    verdicts = [
        {claim: entry["verdict"] for claim, entry in result.get("claims", {}).items()}
        for result in (ours, theirs)
    ]
    claims = sorted(verdicts[0].keys() | verdicts[1].keys())
    both = {
        claim: {"gpu": verdicts[0].get(claim), "cpu": verdicts[1].get(claim)} for claim in claims
    }
    return {
        "figures": len(names),
        "agree": len(names) - len(outside),
        "typical": round(float(np.median(finite)), 3) if finite else None,
        "outside": {name: {"gpu": _said(gpu, name), "cpu": _said(cpu, name)} for name in outside},
        "verdicts": {claim: pair for claim, pair in both.items() if pair["gpu"] != pair["cpu"]},
    }


def figures(result: Mapping[str, Any]) -> dict[str, Estimate]:
    """Every estimate of a chapter's results, by its path in them, such as "C3/null"."""
    evidence = {claim: entry["evidence"] for claim, entry in result.get("claims", {}).items()}
    return dict(_found("", {**result, "claims": evidence}))


def _found(path: str, value: Any) -> Iterator[tuple[str, Estimate]]:
    if isinstance(value, dict) and value.keys() == Estimate.__annotations__.keys():
        yield path.removeprefix("claims/"), Estimate.from_dict(value)
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _found(f"{path}/{key}" if path else str(key), inner)


def distance(one: Estimate, other: Estimate) -> float:
    """How far two figures lie apart, over what `RULE` allows: 0 where both are the same."""
    same = one.value == other.value or (math.isnan(one.value) and math.isnan(other.value))
    if same or math.isclose(one.value, other.value, rel_tol=EQUAL):
        return 0.0
    allowed = math.hypot(_half_width(one), _half_width(other))
    apart = abs(one.value - other.value)
    return apart / allowed if math.isfinite(apart) and allowed > 0 else math.inf


def _half_width(estimate: Estimate) -> float:
    """The longer of the interval's sides that are finite; 0 where it has none."""
    sides = (estimate.value - estimate.low, estimate.high - estimate.value)
    return max((side for side in sides if math.isfinite(side)), default=0.0)


def _said(estimates: Mapping[str, Estimate], name: str) -> str | None:
    return str(estimates[name]) if name in estimates else None
