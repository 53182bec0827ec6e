"""What decides C8 and C9: effects are what was put in."""

from dataclasses import replace

import numpy as np
import pytest
from toy_net import Identity
from toy_variation import scores_of

from ecglib.claims import CLAIMS
from ecglib.estimates import Estimate
from ecglib.synthetic import load_synthetic
from ecglib.variation_evidence import architecture, effect, healthy_and_rest, left, regularisation
from ecglib.variations import VariationStudy


@pytest.mark.parametrize("claim", ["C3", "C6", "d*"])
def test_a_variation_that_changes_nothing_has_no_effect(claim):
    found = effect(claim, scores_of(0.5, 120), scores_of(0.5, 120, nets=5))
    # The same pairs are drawn for both, so what they share cancels; d* is known to a few ms.
    tolerance = 0.02 if claim == "d*" else 1e-9
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0), abs=tolerance)


def test_effects_are_differences_of_shares_and_relative_changes_of_d_star():
    varied, base = scores_of(0.8, 180, nets=2), scores_of(0.5, 120)
    for claim in ("C3", "C6"):
        found = effect(claim, varied, base)
        assert found.value == pytest.approx(0.3, abs=0.01)
        assert 0.0 < found.low < found.high < 0.6
    found = effect("d*", varied, base)
    assert found.value == pytest.approx(0.5, abs=0.06)
    assert 0.3 < found.low <= found.high < 0.7


def test_a_base_net_whose_d_star_lies_beyond_the_range_has_no_relative_effect():
    assert np.isnan(effect("d*", scores_of(0.5, 120), scores_of(0.5, 400)).value)
    assert effect("d*", scores_of(0.5, 400), scores_of(0.5, 120)).value == np.inf


def test_what_is_left_is_measured_against_the_net_without_any_regulariser():
    scores = {
        "base": scores_of(0.3, 100),
        "no regulariser": scores_of(0.6, 100),
        "dropout": scores_of(0.6, 100, 2),
    }
    shares = left(scores, ["no regulariser", "dropout"])
    assert {name: round(e.value, 1) for name, e in shares.items()} == {
        "batch normalisation, C3": 0.5,
        "batch normalisation, C6": 0.5,
        "batch normalisation and dropout, C3": 1.0,
        "batch normalisation and dropout, C6": 1.0,
    }
    evidence = regularisation(shares)
    assert evidence["least_left"].value == pytest.approx(0.5, abs=0.01)
    assert evidence["left/batch normalisation and dropout, C6"].value == pytest.approx(1)
    assert len(evidence) == 5


def test_the_largest_effect_is_that_on_a_share_in_either_direction():
    def estimate(value):
        return Estimate(value, value - 0.01, value + 0.01, 9)

    effects = {
        "C3": {"short": estimate(0.1), "long": estimate(0.0), "dropout": estimate(0.9)},
        "C6": {"short": estimate(0.05), "long": estimate(-0.12), "dropout": estimate(0.9)},
        "d*": {"short": estimate(0.2), "long": estimate(0.22), "dropout": estimate(0.9)},
    }
    evidence = architecture(effects, ["short", "long"])
    assert evidence["largest_effect"] is evidence["c6/long"]
    assert set(evidence) == {
        *(f"{key}/{name}" for key in ("c3", "c6", "d") for name in ("short", "long")),
        "largest_effect",
    }
    assert CLAIMS["C8"].decide(evidence) == "holds"


def test_pairs_of_healthy_patients_are_told_from_all_others():
    records = load_synthetic(30)
    study = VariationStudy(
        records, steps=1, controlled_steps=1, batch=4, learning_rate=1e-3, n_pairs=6, frames=3
    )
    study.base_nets = [Identity()]
    rows = healthy_and_rest(study, n_pairs=5)
    healthy = int(records.healthy.sum())
    assert healthy >= 5  # so that there are enough pairs
    assert [row["pairs of"] for row in rows] == [
        f"healthy patients ({healthy})",
        f"rest patients ({30 - healthy})",
    ]
    for row in rows:
        assert row["pairs"] == row["network"].n == row["cross-fade"].n == 5
        assert row["network"].value == row["cross-fade"].value  # the net's paths are cross-fades
    study.records = replace(records, healthy=np.zeros(30, bool))
    none, rest = healthy_and_rest(study, n_pairs=3)
    assert (none["pairs of"], none["pairs"]) == ("healthy patients (0)", 0)
    assert none["network"] == none["cross-fade"] == "no pair"
    assert rest["pairs"] == 3
