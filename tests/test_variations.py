"""Variations: each is what it says, and effects are what was put in."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib.autoencoder import ConvAutoencoder
from ecglib.synthetic import load_synthetic
from ecglib.variations import VARIATIONS, Outcome, Study

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
    one = Study(load_synthetic(30), **TINY)
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
    for name, outcome in outcomes.items():
        nets = 2 if name == "base" else 1
        assert outcome.wrong_count.shape == (nets, 6)
        assert outcome.far_violations.shape == (nets, (study.controlled.ratio > 1).sum())
        assert outcome.controlled.shape == (nets, len(study.controlled))
        for claim, patients in outcome.patients.items():
            assert len(patients) == outcome.of(claim).shape[1]
            assert np.array_equal(patients, outcomes["base"].patients[claim])
            observed = outcome.of(claim)
            assert (observed >= 0).all() and (observed <= 1).all()
            assert claim == "C6" or np.isin(observed, [0, 1]).all()
        assert set(outcome.explained) == {"four", "controlled"}
        assert all(e.value < 1 for e in outcome.explained.values())


def test_an_unknown_variation_is_named(study):
    with pytest.raises(ValueError, match="no variation 'longer kernels'; there are base, kernels"):
        study.run([0], [0], only=["longer kernels"])


PATIENTS = np.array([(i, j) for i in range(20) for j in range(i)])
DISPLACEMENT = np.random.default_rng(1).permutation(np.linspace(0, 300, len(PATIENTS)))


def outcome(share, threshold, nets=3):
    """Networks that violate in this share of pairs, and whose T waves switch at a threshold, ms."""
    violated = np.zeros(len(PATIENTS))
    violated[
        np.random.default_rng(0).permutation(len(PATIENTS))[: round(share * len(PATIENTS))]
    ] = 1
    violated = np.tile(violated, (nets, 1))
    return Outcome(
        explained={},
        wrong_count=violated,
        far_violations=violated,
        controlled=np.tile((threshold < DISPLACEMENT).astype(float), (nets, 1)),
        patients=dict.fromkeys(("C3", "C6", "d*"), PATIENTS),
        displacement_ms=DISPLACEMENT,
    )


def test_the_critical_displacement_and_the_share_are_those_put_in():
    one = outcome(0.5, 120)
    assert one.d_star.value == pytest.approx(120, abs=5)
    assert one.share("C3").value == pytest.approx(0.5)
    assert one.share("C6").low < 0.5 < one.share("C6").high


@pytest.mark.parametrize("claim", ["C3", "C6", "d*"])
def test_a_variation_that_changes_nothing_has_no_effect(study, claim):
    effect = study.effect(claim, outcome(0.5, 120), outcome(0.5, 120, nets=5))
    # The same pairs are drawn for both, so what they share cancels; d* is known to a few ms.
    tolerance = 0.02 if claim == "d*" else 1e-9
    assert (effect.value, effect.low, effect.high) == pytest.approx((0, 0, 0), abs=tolerance)


def test_effects_are_differences_of_shares_and_relative_changes_of_d_star(study):
    varied, base = outcome(0.8, 180, nets=2), outcome(0.5, 120)
    for claim in ("C3", "C6"):
        effect = study.effect(claim, varied, base)
        assert effect.value == pytest.approx(0.3, abs=0.01)
        assert 0.0 < effect.low < effect.high < 0.6
    effect = study.effect("d*", varied, base)
    assert effect.value == pytest.approx(0.5, abs=0.06)
    assert 0.3 < effect.low <= effect.high < 0.7


def test_a_base_net_whose_d_star_lies_beyond_the_range_has_no_relative_effect(study):
    assert np.isnan(study.effect("d*", outcome(0.5, 120), outcome(0.5, 400)).value)
    assert study.effect("d*", outcome(0.5, 400), outcome(0.5, 120)).value == np.inf


def test_what_is_left_is_measured_against_the_net_without_any_regulariser(study):
    outcomes = {
        "base": outcome(0.3, 100),
        "no regulariser": outcome(0.6, 100),
        "dropout": outcome(0.6, 100, 2),
    }
    left = study.left(outcomes, ["no regulariser", "dropout"])
    assert {name: round(e.value, 1) for name, e in left.items()} == {
        "batch normalisation, C3": 0.5,
        "batch normalisation, C6": 0.5,
        "batch normalisation and dropout, C3": 1.0,
        "batch normalisation and dropout, C6": 1.0,
    }


def test_pairs_of_healthy_patients_are_told_from_all_others(study, outcomes):
    rows = study.healthy_and_rest(n_pairs=5)
    healthy = int(study.records.healthy.sum())
    assert healthy >= 5  # so that there are enough pairs
    assert [row["pairs of"] for row in rows] == [
        f"healthy patients ({healthy})",
        f"rest patients ({30 - healthy})",
    ]
    for row in rows:
        assert row["pairs"] == row["network"].n == row["cross-fade"].n == 5
        assert 0 <= row["network"].value <= 1
    whole = study.records
    study.records = replace(whole, healthy=np.zeros(30, bool))
    assert len(study.healthy_and_rest(n_pairs=3)) == 1
    study.records = whole
