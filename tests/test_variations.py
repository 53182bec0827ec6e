"""Variations: each is what it says, and all are measured alike."""

import numpy as np
import pytest
from toy_variation import scores_of

from ecglib.autoencoder import ConvAutoencoder
from ecglib.synthetic import load_synthetic
from ecglib.variations import VARIATIONS, VariationStudy

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
