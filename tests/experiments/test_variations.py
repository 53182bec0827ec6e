"""What decides C8 and C9: effects are what was put in."""

from dataclasses import replace

import numpy as np
import pytest
from toy_net import Identity
from toy_variation import scores_of

from ecglib.claims import CLAIMS
from ecglib.data.synthetic import load_synthetic
from ecglib.estimates import Estimate
from ecglib.experiments.variations import (
    VARIATIONS,
    VariationStudy,
    architecture,
    effect,
    healthy_and_rest,
    left,
    regularisation,
)
from ecglib.nets.autoencoder import ConvAutoencoder

TINY = {
    "steps": 2,
    "controlled_steps": 2,
    "batch": 4,
    "learning_rate": 1e-3,
    "n_pairs": 6,
    "frames": 3,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def study():
    one = VariationStudy(load_synthetic(30), **TINY)
    one.controlled = one.controlled.subset(np.arange(0, len(one.controlled), 30))
    return one


@pytest.fixture(scope="module")
def outcomes(study, tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ECGLIB_CACHE", str(tmp_path_factory.mktemp("fits")))
        environment.setenv("ECGLIB_JOBS", "1")
        return study.run([0], [0, 1], only=["short kernels"])


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_variation_is_a_net_that_differs_from_the_base_in_what_it_names(name):
    variation = VARIATIONS[name]
    ours, base = (ConvAutoencoder(**net) for net in (variation.net, {}))
    weights, table_i = (sum(p.numel() for p in n.parameters()) for n in (ours, base))
    if name in ("kernels doubled", "filters doubled", "latent 100", "less pooling"):
        assert weights > table_i
    elif name in ("base", "dropout", "weight decay", "input noise"):
        assert weights == table_i
    else:
        assert weights < table_i
    for numbers in variation.net.values():
        if isinstance(numbers, tuple):
            assert all(str(n) in variation.text for n in numbers)


def test_there_are_variations_of_every_kind_that_the_claims_name():
    claims = {name: v.claim for name, v in VARIATIONS.items()}
    assert [name for name, claim in claims.items() if not claim] == ["base"]
    changed = {key for n, c in claims.items() if c == "C8" for key in VARIATIONS[n].net}
    assert changed == {"kernels", "filters", "latent", "pools"}
    regularised = {
        k for n, c in claims.items() if c == "C9" for k in (*VARIATIONS[n].net, *VARIATIONS[n].fit)
    }
    assert regularised == {"batch_norm", "dropout", "weight_decay", "input_noise"}


def test_every_variation_is_measured_on_the_same_pairs(study, outcomes):
    assert list(outcomes) == ["base", "short kernels"]
    for name, scores in outcomes.items():
        nets = 2 if name == "base" else 1
        assert scores.wrong_count.shape == (nets, 6)
        assert scores.far_violations.shape == (nets, (study.controlled.ratio > 1).sum())
        assert scores.controlled.shape == (nets, len(study.controlled))
        for claim, patients in scores.patients.items():
            assert len(patients) == scores.of(claim).shape[1]
            assert np.array_equal(patients, outcomes["base"].patients[claim])
            observed = scores.of(claim)
            assert (observed >= 0).all() and (observed <= 1).all()
            assert claim == "C6" or np.isin(observed, [0, 1]).all()
        assert set(scores.explained) == {"four", "controlled"}
        assert all(e.value < 1 for e in scores.explained.values())


def test_an_unknown_variation_is_named(study):
    with pytest.raises(ValueError, match="no variation 'longer kernels'; there are base, kernels"):
        study.run([0], [0], only=["longer kernels"])


def test_the_critical_displacement_and_the_share_are_those_put_in():
    one = scores_of(0.5, 120)
    assert one.d_star.value == pytest.approx(120, abs=5)
    assert one.share("C3").value == pytest.approx(0.5)
    assert one.share("C6").low < 0.5 < one.share("C6").high


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
