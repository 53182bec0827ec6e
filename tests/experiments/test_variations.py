"""What decides C8 and C9: effects are what was put in, and variations what a notebook says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_net import Identity

import ecglib
from ecglib.claims import CLAIMS
from ecglib.data.synthetic import load_synthetic
from ecglib.estimates import Estimate
from ecglib.experiments.scores import Scores
from ecglib.experiments.t_waves import critical
from ecglib.experiments.variations import (
    Measured,
    Outcome,
    Variation,
    VariationStudy,
    all_but,
    architecture,
    effects,
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
VARIATIONS = {
    "base": Variation("Table I", ""),
    "short kernels": Variation("9 taps", "C8", {"kernels": (9, 9, 9, 9)}),
    "no regulariser": Variation("no batch normalisation", "C9", {"batch_norm": False}),
    "weight decay": Variation("weight decay", "C9", fit={"weight_decay": 1e-4}),
}
NOTEBOOK = Path(ecglib.__file__).parents[1] / "chapters" / "04-variations.ipynb"


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
        return study.run(all_but(VARIATIONS, ["weight decay"]), [0], [0, 1])


def test_every_variation_is_measured_on_the_same_pairs(study, outcomes):
    assert list(outcomes) == ["base", "short kernels", "no regulariser"]
    far = (study.controlled.ratio > 1).sum()
    pairs = {"wrong_count": 6, "far_violations": far, "d_star": len(study.controlled)}
    for name, outcome in outcomes.items():
        for measure, measured in outcome.measures.items():
            observed = measured.scores[measured.name]
            assert observed.shape == (2 if name == "base" else 1, pairs[measure])
            assert (observed >= 0).all() and (observed <= 1).all()
            same = outcomes["base"].measures[measure].scores.patients
            assert np.array_equal(measured.scores.patients, same)
        assert set(outcome.explained) == {"four", "controlled"}
        assert all(e.value < 1 for e in outcome.explained.values())
    assert len(study.base_nets) == 2 and isinstance(study.base_nets[0], ConvAutoencoder)


def test_variations_are_left_out_by_name():
    assert list(all_but(VARIATIONS, ["weight decay"])) == [*VARIATIONS][:3]
    assert all_but(VARIATIONS, []) == VARIATIONS


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("longer kernels", "no variation 'longer kernels'; there are base, short kernels, no reg"),
        ("base", "'base' cannot be left out"),
        ("no regulariser", "'no regulariser' cannot be left out"),
        ("short kernels", "every variation of the architecture"),
    ],
)
def test_what_cannot_be_left_out_is_said(left_out, message):
    with pytest.raises(ValueError, match=message):
        all_but(VARIATIONS, [left_out])


def test_a_variation_for_no_claim_is_refused():
    with pytest.raises(ValueError, match="'9 taps' is said to be evidence for 'c8'"):
        Variation("9 taps", "c8")


@pytest.fixture(scope="module")
def published():
    """The variations of the book, as its notebook defines them."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    (source,) = ("".join(c["source"]) for c in cells if "networks = {" in "".join(c["source"]))
    start = source.index("networks = {")
    space = {"Variation": Variation}
    exec(source[start : source.index("\n}\n", start) + 3], space)
    return space["networks"]


def test_a_variation_of_the_book_differs_from_the_base_in_what_its_words_name(published):
    weights = {
        name: sum(p.numel() for p in ConvAutoencoder(**variation.net).parameters())
        for name, variation in published.items()
    }
    for name, variation in published.items():
        if name in ("kernels doubled", "filters doubled", "latent 100", "less pooling"):
            assert weights[name] > weights["base"]
        elif name in ("base", "dropout", "weight decay", "input noise"):
            assert weights[name] == weights["base"]
        else:
            assert weights[name] < weights["base"]
        for numbers in variation.net.values():
            if isinstance(numbers, tuple):
                assert all(str(n) in variation.text for n in numbers)


def test_the_book_has_variations_of_every_kind_that_the_claims_name(published):
    def changed(claim):
        some = [v for v in published.values() if v.claim == claim]
        return {key for v in some for key in (*v.net, *v.fit)}

    assert [name for name, v in published.items() if not v.claim] == ["base"]
    assert changed("C8") == {"kernels", "filters", "latent", "pools"}
    assert changed("C9") == {"batch_norm", "dropout", "weight_decay", "input_noise"}


PATIENTS = np.array([(i, j) for i in range(20) for j in range(i)])
DISPLACEMENT = np.random.default_rng(1).permutation(np.linspace(0, 300, len(PATIENTS)))


def outcome_of(share, threshold, nets=3):
    """Networks that violate in this share of pairs, and whose T waves switch at a threshold, ms."""
    order = np.random.default_rng(0).permutation(len(PATIENTS))
    row = {
        "violated": (order < round(share * len(PATIENTS))).astype(float),
        "failing_frame": (threshold < DISPLACEMENT).astype(float),
    }
    scores = Scores.of_nets([row] * nets, PATIENTS)
    return Outcome(
        explained={},
        measures={
            "wrong_count": Measured(scores, "violated", "share of pairs"),
            "far_violations": Measured(scores, "violated", "share of frames"),
            "d_star": Measured(scores, "failing_frame", "ms", critical(DISPLACEMENT), 300),
        },
    )


def effect_of(varied, base):
    """The effects of one variation, by measure."""
    found = effects({"base": base, "varied": varied})
    assert list(found) == ["wrong_count", "far_violations", "d_star"]
    return {measure: row["varied"] for measure, row in found.items()}


def test_the_critical_displacement_and_the_share_are_those_put_in():
    measures = outcome_of(0.5, 120).measures
    d_star, share = measures["d_star"].estimate, measures["far_violations"].estimate
    assert d_star.value == pytest.approx(120, abs=5) and d_star.unit == "ms"
    assert measures["wrong_count"].estimate.value == pytest.approx(0.5)
    assert share.low < 0.5 < share.high


def test_a_variation_that_changes_nothing_has_no_effect():
    for measure, found in effect_of(outcome_of(0.5, 120), outcome_of(0.5, 120, nets=5)).items():
        # The same pairs are drawn for both, so what they share cancels; d* is known to a few ms.
        tolerance = 0.02 if measure == "d_star" else 1e-9
        assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0), abs=tolerance)


def test_effects_are_differences_of_shares_and_relative_changes_of_d_star():
    found = effect_of(outcome_of(0.8, 180, nets=2), outcome_of(0.5, 120))
    for measure, unit in (("wrong_count", "share of pairs"), ("far_violations", "share of frames")):
        share = found[measure]
        assert share.value == pytest.approx(0.3, abs=0.01) and share.unit == unit
        assert 0.0 < share.low < share.high < 0.6
    d_star = found["d_star"]
    assert d_star.value == pytest.approx(0.5, abs=0.06) and d_star.unit == "relative"
    assert 0.3 < d_star.low <= d_star.high < 0.7


def test_a_base_net_whose_d_star_lies_beyond_the_range_has_no_relative_effect():
    within, beyond = outcome_of(0.5, 120), outcome_of(0.5, 400)
    assert np.isnan(effect_of(within, beyond)["d_star"].value)
    assert effect_of(beyond, within)["d_star"].value == np.inf


def test_what_is_left_is_measured_against_the_net_without_any_regulariser():
    outcomes = {
        "base": outcome_of(0.3, 100),
        "no regulariser": outcome_of(0.6, 100),
        "dropout": outcome_of(0.6, 100, 2),
    }
    shares = left(outcomes, ["no regulariser", "dropout"])
    assert list(shares) == ["wrong_count", "far_violations"]
    expected = {"batch normalisation": 0.5, "batch normalisation and dropout": 1.0}
    for row in shares.values():
        assert {name: round(e.value, 1) for name, e in row.items()} == expected
    evidence = regularisation(shares)
    assert evidence["least_left"].value == pytest.approx(0.5, abs=0.01)
    assert evidence["left/far_violations/batch normalisation and dropout"].value == pytest.approx(1)
    assert len(evidence) == 5
    assert CLAIMS["C9"].decide(evidence) == "holds in part"


def test_the_largest_effect_is_that_on_a_share_in_either_direction():
    def estimate(value):
        return Estimate(value, value - 0.01, value + 0.01, 9)

    evidence = architecture(
        {
            "wrong_count": {"short": estimate(0.1), "long": estimate(0.0)},
            "far_violations": {"short": estimate(0.05), "long": estimate(-0.12)},
            "d_star": {"short": estimate(0.2), "long": estimate(0.22)},
        }
    )
    assert evidence["largest_effect"] is evidence["far_violations/long"]
    measures = ("wrong_count", "far_violations", "d_star")
    names = {f"{measure}/{name}" for measure in measures for name in ("short", "long")}
    assert set(evidence) == names | {"largest_effect"}
    assert CLAIMS["C8"].decide(evidence) == "holds"


def test_pairs_of_healthy_patients_are_told_from_all_others():
    records = load_synthetic(30)
    study = VariationStudy(records, **TINY)
    study.base_nets = [Identity()]
    rows = healthy_and_rest(study, n_pairs=5)
    healthy = int(records.healthy.sum())
    assert healthy >= 5  # so that there are enough pairs
    groups = [f"healthy patients ({healthy})", f"rest patients ({30 - healthy})"]
    assert [row["pairs of"] for row in rows] == groups
    for row in rows:
        assert row["pairs"] == row["network"].n == row["cross-fade"].n == 5
        assert row["network"].value == row["cross-fade"].value  # the net's paths are cross-fades
    study.records = replace(records, rhythms=("not known",) * 30)
    none, rest = healthy_and_rest(study, n_pairs=3)
    assert (none["pairs of"], none["pairs"]) == ("healthy patients (0)", 0)
    assert none["network"] == none["cross-fade"] == "no pair"
    assert rest["pairs"] == 3
