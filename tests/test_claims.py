"""Every claim's rule, on evidence made by hand: each verdict, and the bounds themselves."""

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from ecglib.claims import CLAIMS, above, below, claim, within
from ecglib.estimates import Estimate
from ecglib.ledger import read_results


@given(st.floats(-5, 5), st.floats(0, 5), st.floats(-5, 5))
def test_an_interval_is_above_below_or_astride_a_bound(low, length, bound):
    estimate = Estimate(low + length / 2, low, low + length, 40)
    astride = estimate.low <= bound <= estimate.high
    assert [above(estimate, bound), below(estimate, bound), astride].count(True) == 1
    margin = abs(bound)
    assert within(estimate, margin) == (above(estimate, -margin) and below(estimate, margin))


def test_an_interval_that_is_not_known_meets_no_bound():
    unknown = Estimate(np.nan, np.nan, np.nan, 0)
    assert not (within(unknown, 1) or above(unknown, -1) or below(unknown, 1))


HOLDS, IN_PART, FAILS = "holds", "holds in part", "does not hold"
NOT_MEASURED = "not measured"


def e(low, high=None):
    """An estimate with this interval; of one number, an interval of 0.02 around it."""
    low, high = (low - 0.01, low + 0.01) if high is None else (low, high)
    return Estimate((low + high) / 2, low, high, 40)


NOT_KNOWN = Estimate(np.nan, np.nan, np.nan, 0)
C1 = {
    "explained_train": e(0.95),
    "explained_test": e(0.93),
    "r_sensitivity": e(0.97),
    "r_ppv": e(0.97),
    "t_sensitivity": e(0.95),
    "t_ppv": e(0.95),
}
C5 = {
    "near_violations": e(0.05),
    "near_retention": e(0.9),
    "near_drift_error": e(8.0, 12.0),
}
C8 = {
    "wrong_count/a": e(0.0),
    "wrong_count/b": e(0.1),
    "far_violations/a": e(-0.1),
    "d_star/a": e(0.2),
    "largest_effect": e(0.2),
}
C11 = {"inside/squared exponential": e(0.0), "inside/periodic": e(0.05)}
C12 = {
    "inside/squared exponential": e(0.3),
    "inside/periodic": e(0.1),
    "outside/squared exponential": e(0.0),
    "outside/periodic": e(-0.005),
}
C16 = {
    "all_three": e(0.3),
    "without_repeats": e(0.2),
    "without_period": e(0.4),
    "without_moderate": e(0.1),
}
C15 = {"share/C10": e(0.9), "share/C12": e(0.95), "share/C13": e(0.85), "least_share": e(0.85)}
C9 = {"left/dropout": e(0.9), "left/noise": e(0.7), "least_left": e(0.7)}

# Claim, complete evidence, what is changed of it, the verdict.
CASES = [
    ("C1", C1, {}, HOLDS),
    ("C1", C1, {"explained_test": e(0.9, 0.9), "explained_train": e(0.9, 0.9)}, HOLDS),
    ("C1", C1, {"explained_test": e(0.899, 0.899)}, IN_PART),
    ("C1", C1, {"explained_train": e(0.85)}, IN_PART),
    ("C1", C1, {"explained_train": NOT_KNOWN}, NOT_MEASURED),
    ("C1", C1, {"t_ppv": e(0.9, 0.99)}, IN_PART),
    ("C1", C1, {"t_sensitivity": NOT_KNOWN, "t_ppv": NOT_KNOWN}, NOT_MEASURED),
    ("C1", C1, {"explained_test": e(0.79)}, FAILS),
    ("C1", C1, {"r_ppv": e(0.89, 0.99)}, FAILS),
    ("C2", {}, {"power_ratio": e(0.2, 0.49)}, HOLDS),
    ("C2", {}, {"power_ratio": e(0.2, 0.5)}, IN_PART),
    ("C2", {}, {"power_ratio": e(0.9, 1.0)}, FAILS),
    ("C2", {}, {"power_ratio": NOT_KNOWN}, NOT_MEASURED),
    ("C3", {}, {"violating_pairs": e(0.51, 0.7), "net_minus_oracle": e(0.4)}, HOLDS),
    ("C3", {}, {"violating_pairs": e(0.5, 0.7), "net_minus_oracle": e(0.4)}, IN_PART),
    ("C3", {}, {"violating_pairs": e(0.3), "net_minus_oracle": e(0.0, 0.2)}, FAILS),
    ("C3", {}, {"violating_pairs": e(0.8), "net_minus_oracle": e(-0.1, 0.1)}, FAILS),
    ("C4", {}, {"periodicity_ratio": e(0.3), "net_minus_oracle": e(-0.5)}, HOLDS),
    ("C4", {}, {"periodicity_ratio": e(0.4, 0.5), "net_minus_oracle": e(-0.5)}, IN_PART),
    ("C4", {}, {"periodicity_ratio": e(0.3), "net_minus_oracle": e(-0.5, 0.0)}, FAILS),
    ("C5", C5, {}, HOLDS),
    ("C5", C5, {"near_violations": e(0.05, 0.1)}, IN_PART),
    ("C5", C5, {"near_retention": e(0.8, 0.9)}, IN_PART),
    ("C5", C5, {"near_drift_error": e(8.0, 20.0)}, IN_PART),
    ("C5", C5, {"near_drift_error": e(30.0), "near_retention": e(0.5)}, FAILS),
    ("C5", C5, dict.fromkeys(C5, NOT_KNOWN), NOT_MEASURED),
    ("C6", {}, {"far_violations": e(0.55), "far_minus_near": e(0.4)}, HOLDS),
    ("C6", {}, {"far_violations": e(0.5, 0.6), "far_minus_near": e(0.4)}, IN_PART),
    ("C6", {}, {"far_violations": e(0.55), "far_minus_near": e(0.0, 0.1)}, FAILS),
    ("C7", {}, {"d_over_width": e(0.6, 1.4), "d_per_width": e(-1, 1)}, HOLDS),
    ("C7", {}, {"d_over_width": e(0.5, 0.7), "d_per_width": e(0.5)}, IN_PART),
    ("C7", {}, {"d_over_width": e(1.4, 1.5), "d_per_width": e(0.5)}, IN_PART),
    ("C7", {}, {"d_over_width": e(0.2), "d_per_width": e(0.0, 0.5)}, FAILS),
    ("C7", {}, {"d_over_width": e(0.9, np.inf), "d_per_width": NOT_KNOWN}, NOT_MEASURED),
    ("C8", C8, {}, HOLDS),
    ("C8", C8, {"wrong_count/b": e(0.05, 0.15)}, IN_PART),
    ("C8", C8, {"d_star/a": e(-0.25, 0.0)}, IN_PART),
    ("C8", C8, {"d_star/a": NOT_KNOWN}, NOT_MEASURED),
    ("C8", C8, {"far_violations/a": e(-0.3, -0.16)}, FAILS),
    ("C8", C8, {"wrong_count/a": e(0.16, 0.2)}, FAILS),
    ("C8", C8, {"d_star/a": e(0.16, 0.2)}, HOLDS),
    ("C8", C8, {"d_star/a": Estimate(np.inf, np.inf, np.inf, 3)}, FAILS),
    ("C9", C9, {}, HOLDS),
    ("C9", C9, {"left/noise": e(0.5, 0.6)}, IN_PART),
    ("C9", C9, {"left/noise": e(0.2), "left/dropout": e(0.4, 0.6)}, FAILS),
    ("C10", {}, {"inside_p7_minus_p3": e(0.3), "outside_p7_minus_p3": e(-0.01, 0.019)}, HOLDS),
    ("C10", {}, {"inside_p7_minus_p3": e(0.3), "outside_p7_minus_p3": e(0.0, 0.02)}, IN_PART),
    ("C10", {}, {"inside_p7_minus_p3": e(0.3), "outside_p7_minus_p3": e(-0.02, 0.0)}, IN_PART),
    ("C10", {}, {"inside_p7_minus_p3": e(0.0, 0.5), "outside_p7_minus_p3": e(0.0)}, FAILS),
    ("C11", C11, {}, HOLDS),
    ("C11", C11, {"inside/periodic": e(0.05, 0.1)}, IN_PART),
    ("C11", C11, {"inside/periodic": e(0.3), "inside/squared exponential": e(-0.1, 0.0)}, FAILS),
    ("C12", C12, {}, HOLDS),
    ("C12", C12, {"outside/periodic": e(0.0, 0.02)}, IN_PART),
    ("C12", C12, {"inside/periodic": e(0.0, 0.1)}, IN_PART),
    ("C12", C12, {"inside/periodic": e(-0.2), "inside/squared exponential": e(-0.1, 0.1)}, FAILS),
    ("C13", {}, {"drop_ratio": e(2.1, 4), "change_point": e(0.8, 1.0)}, HOLDS),
    ("C13", {}, {"drop_ratio": e(2.1, np.inf), "change_point": e(1.0, 1.2)}, HOLDS),
    ("C13", {}, {"drop_ratio": e(2.0, 4), "change_point": e(0.8, 1.2)}, IN_PART),
    ("C13", {}, {"drop_ratio": e(2.1, 4), "change_point": e(1.1, 1.2)}, IN_PART),
    ("C13", {}, {"drop_ratio": e(1.0), "change_point": e(0.5, 0.9)}, FAILS),
    ("C14", {}, {"outside_slope": e(-0.01, -0.001)}, HOLDS),
    ("C14", {}, {"outside_slope": e(-0.02, -0.001)}, IN_PART),
    ("C14", {}, {"outside_slope": e(-0.01, 0.0)}, FAILS),
    ("C15", C15, {}, HOLDS),
    ("C15", C15, {"share/C13": e(0.8, 0.9)}, IN_PART),
    ("C15", C15, {"share/C13": e(0.5, 0.9)}, FAILS),
    ("C16", C16, {}, HOLDS),
    ("C16", C16, {"all_three": e(0.4, 0.5)}, IN_PART),
    ("C16", C16, {"without_period": e(0.0, 0.1)}, IN_PART),
    ("C16", C16, {f"without_{c}": e(0.0, 1) for c in ("repeats", "period", "moderate")}, FAILS),
]


@pytest.mark.parametrize(("claim", "base", "changed", "verdict"), CASES)
def test_the_rule_gives_the_verdict(claim, base, changed, verdict):
    assert CLAIMS[claim].decide(base | changed) == verdict


def test_each_rule_is_shown_with_each_of_its_verdicts():
    shown = {(claim, verdict) for claim, *_, verdict in CASES}
    decided = {(claim, verdict) for claim, verdict in shown if verdict != NOT_MEASURED}
    assert decided == {(c, v) for c, *_ in CASES for v in (HOLDS, IN_PART, FAILS)}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("unknown", [NOT_KNOWN, Estimate(0.5, np.nan, np.nan, 1)])
def test_no_rule_decides_by_what_is_not_defined(claim, unknown):
    held = next(base | changed for c, base, changed, v in CASES if (c, v) == (claim, HOLDS))
    assert CLAIMS[claim].decide(dict.fromkeys(held, unknown)) == NOT_MEASURED
    beside = held | {"null": unknown, "oracle": unknown}
    assert CLAIMS[claim].decide(beside) == HOLDS, "what no rule reads decides nothing"


def test_the_published_verdicts_follow_from_the_published_evidence():
    entries = {
        id: entry
        for run in read_results(ROOT / "chapters" / "results").values()
        for id, entry in run["claims"].items()
    }
    assert list(entries) == list(CLAIMS)
    for id, entry in entries.items():
        evidence = {name: Estimate.from_dict(e) for name, e in entry["evidence"].items()}
        assert CLAIMS[id].decide(evidence) == entry["verdict"]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_has_its_chapter_and_says_what_makes_it_hold(claim):
    assert (ROOT / "chapters" / f"{claim.chapter}.ipynb").is_file()
    assert claim.rule.startswith("holds: ")


def test_a_second_claim_of_one_id_is_an_error_and_leaves_the_first():
    first = CLAIMS["C1"]
    with pytest.raises(ValueError, match="two claims C1"):
        claim("C1")(lambda evidence: HOLDS)
    assert CLAIMS["C1"] is first


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_headline_is_evidence_that_the_cases_have(claim):
    evidence = [base | changed for name, base, changed, _ in CASES if name == claim]
    assert all(CLAIMS[claim].headline in names for names in evidence)


@pytest.mark.parametrize("claim", CLAIMS)
def test_missing_evidence_is_an_error_not_a_verdict(claim):
    with pytest.raises((KeyError, ValueError)):
        CLAIMS[claim].decide({})


@pytest.mark.parametrize("claim", ["C8", "C9", "C11", "C12", "C15"])
def test_a_missing_family_of_estimates_is_named(claim):
    with pytest.raises(ValueError, match='lacks any estimate called "'):
        CLAIMS[claim].decide({"other": e(0)})
