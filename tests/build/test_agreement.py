"""How figures of two devices stand to each other, on figures made by hand."""

import json
from math import inf, nan
from pathlib import Path

import pytest

from ecglib.build.agreement import compare, distance, figures
from ecglib.estimates import Estimate
from ecglib.ledger import read_results

ROOT = Path(__file__).resolve().parents[2]


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 35, "ms")


# (what, one, other, how far they lie apart over what is allowed)
DISTANCES = [
    ("root of 3² + 4² is 5", (10, 7, 13), (15, 11, 19), 1),
    ("twice as far", (10, 7, 13), (20, 16, 24), 2),
    ("the same", (10, 7, 13), (10, 7, 13), 0),
    ("the same to rounding, without noise", (0.1, 0.1, 0.1), (0.1 + 1e-9, 0.1, 0.1), 0),
    ("without noise, not the same", (0.1, 0.1, 0.1), (0.2, 0.2, 0.2), inf),
    ("the longer side counts", (1.0, 0.2, 1.0), (0.4, 0.4, 1.0), 0.6),
    ("a side that is infinite does not", (10, 6, inf), (13, 10, inf), 0.6),
    ("both beyond the range", (inf, 30, inf), (inf, 20, inf), 0),
    ("one beyond the range", (inf, 30, inf), (30, 20, inf), inf),
    ("neither defined", (nan, nan, nan), (nan, nan, nan), 0),
    ("one not defined", (nan, nan, nan), (3, 2, 4), inf),
    ("intervals not defined, the same", (3, nan, nan), (3, nan, nan), 0),
    ("intervals not defined, not the same", (3, nan, nan), (4, nan, nan), inf),
]


@pytest.mark.parametrize(("what", "one", "other", "apart"), DISTANCES)
def test_distance_of_two_figures_is_over_what_noise_allows(what, one, other, apart):
    there_and_back = (
        distance(estimate(*one), estimate(*other)),
        distance(estimate(*other), estimate(*one)),
    )
    assert there_and_back == pytest.approx((apart, apart)), what


def result(verdict: str = "holds", null: float = 10, **more: Estimate) -> dict:
    """Results of a chapter with one claim, as a file holds them."""
    evidence = {"net": estimate(1, 0, 2), "null": estimate(null, null - 1, null + 1)}
    of_claim = {name: e.as_dict() for name, e in evidence.items()}
    claim = {"estimate": of_claim["net"], "evidence": of_claim, "verdict": verdict}
    rows = [{"lead": "I", "found": estimate(5, 4, 6).as_dict()}]
    others = {name: e.as_dict() for name, e in more.items()}
    return json.loads(json.dumps({"claims": {"C3": claim}, "detector": rows, **others}))


def test_figures_are_all_estimates_wherever_they_stand_each_once():
    found = figures(result(gap=estimate(nan, nan, inf)))
    assert list(found) == ["C3/net", "C3/null", "detector/0/found", "gap"]
    assert found["C3/null"] == estimate(10, 9, 11)


def test_what_does_not_agree_is_named_and_what_only_one_has():
    said = compare(result(null=20, new=estimate(1, 0, 2)), result("holds in part", null=10))
    assert said == {
        "figures": 4,
        "agree": 2,
        "typical": 0.0,
        "outside": {
            "C3/null": {"gpu": "20 [19, 21]", "cpu": "10 [9, 11]"},
            "new": {"gpu": "1 [0, 2]", "cpu": None},
        },
        "verdicts": {"C3": {"gpu": "holds", "cpu": "holds in part"}},
    }
    assert compare({}, {})["figures"] == 0


def test_the_book_agrees_with_itself():
    for name, of in read_results(ROOT / "chapters" / "results").items():
        said = compare(of, of)
        assert said["agree"] == said["figures"] > 0, name
        assert said["outside"] == said["verdicts"] == {}
