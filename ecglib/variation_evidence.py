"""From the scores of variations to the evidence that decides C8 and C9, and a homogeneous group."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ecglib.estimates import Estimate, resampled, weighted_mean
from ecglib.interpolation import patient_pairs, scores_by_path, with_middles_of
from ecglib.path_evidence import wrong_counts
from ecglib.variations import UNITS, VariationScores, VariationStudy

__all__ = ["architecture", "effect", "healthy_and_rest", "left", "regularisation"]

NONE = "no pair"
PREFIXES = {"C3": "c3", "C6": "c6", "d*": "d"}  # of the evidence of C8

Statistic = Callable[[np.ndarray, np.ndarray], float]


def effect(claim: str, varied: VariationScores, base: VariationScores) -> Estimate:
    """What a variation changes: of "C3" and "C6" the share, of "d*" relative to the base's."""
    if claim == "d*":
        return _contrast(
            *(varied, base, claim, UNITS[claim]),
            lambda w, v: _ratio(varied.critical(w), base.critical(v)) - 1,
        )
    a, b = varied.of(claim), base.of(claim)
    return _contrast(
        *(varied, base, claim, UNITS[claim]),
        lambda w, v: weighted_mean(a, w) - weighted_mean(b, v),
    )


def architecture(
    effects: Mapping[str, Mapping[str, Estimate]], names: Sequence[str]
) -> dict[str, Estimate]:
    """C8's evidence: the effects of these variations, and the largest one on a share.

    effects: by "C3", "C6" and "d*", and by the variation's name.
    """
    evidence = {
        f"{prefix}/{name}": effects[claim][name]
        for claim, prefix in PREFIXES.items()
        for name in names
    }
    shares = [e for key, e in evidence.items() if not key.startswith("d/")]
    return evidence | {"largest_effect": max(shares, key=lambda e: abs(e.value))}


def left(scores: Mapping[str, VariationScores], names: Sequence[str]) -> dict[str, Estimate]:
    """Violations with each regulariser over those of the net without any, for C3 and C6.

    The base net has batch normalisation, and so have all others but "no regulariser".
    """
    bare = scores["no regulariser"]
    regularised = {"batch normalisation": scores["base"]} | {
        f"batch normalisation and {name}": scores[name]
        for name in names
        if name != "no regulariser"
    }
    return {
        f"{name}, {claim}": _contrast(
            *(one, bare, claim, "ratio of shares"),
            _share_ratio(one.of(claim), bare.of(claim)),
        )
        for name, one in regularised.items()
        for claim in ("C3", "C6")
    }


def regularisation(shares_left: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """C9's evidence, from what `left` gives: each share, and the least one."""
    least = min(shares_left.values(), key=lambda e: e.value)
    return {f"left/{name}": e for name, e in shares_left.items()} | {"least_left": least}


def healthy_and_rest(study: VariationStudy, n_pairs: int) -> list[dict[str, object]]:
    """C3 of the base net and of the cross-fade in pairs of healthy patients, and of others.

    All patients are used, trained on or not, since few are healthy. A group too small for a pair
    has the words "no pair" for its figures: not every source tells who is healthy.
    """
    rows: list[dict[str, object]] = []
    healthy = study.records.healthy
    for group, members in (
        ("healthy", np.flatnonzero(healthy)),
        ("rest", np.flatnonzero(~healthy)),
    ):
        name = f"{group} patients ({len(members)})"
        if len(members) < 2:
            rows.append({"pairs of": name, "pairs": 0, "network": NONE, "cross-fade": NONE})
            continue
        data = with_middles_of(study.four, members)
        pairs = patient_pairs(data.middle, n_pairs)
        scores = scores_by_path(study.base_nets, data, pairs, study.frames)
        counts = wrong_counts(scores, data.middle.record[pairs])
        rows.append(
            {
                "pairs of": name,
                "pairs": len(pairs),
                "network": counts["violating_pairs"],
                "cross-fade": counts["null"],
            }
        )
    return rows


def _contrast(
    varied: VariationScores, base: VariationScores, claim: str, unit: str, statistic: Statistic
) -> Estimate:
    """A statistic of both nets' weights (nets, pairs); the same pairs are drawn for either."""
    n = len(varied.of(claim))
    return resampled(
        lambda weights: statistic(weights[:n], weights[n:]),
        base.patients[claim],
        seeds=(n, len(base.of(claim))),
        unit=unit,
        resamples=300,
    )


def _share_ratio(a: np.ndarray, b: np.ndarray) -> Statistic:
    return lambda w, v: _ratio(weighted_mean(a, w), weighted_mean(b, v))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 and np.isfinite(b) else np.nan
