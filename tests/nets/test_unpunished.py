"""The unpunished nets: as an ensemble, as their fits are scored, and as published on LUDB."""

import os

import numpy as np
import pytest
import torch

from ecglib.bench.plain_unpunished import PlainUnpunished
from ecglib.data.ludb import LEADS, read_digital
from ecglib.nets.unpunished import (
    Ensemble,
    UnpunishedFit,
    code_size,
    deep_stretch,
    fit_unpunished,
    forward,
    initial_parameters,
    reach,
    shared_settings,
    upsample_leaky,
)

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


def wave(samples: int = 400, seed: int = 0) -> np.ndarray:
    time = np.arange(samples)
    noise = np.random.default_rng(seed).standard_normal(samples)
    return 100 * np.sin(2 * np.pi * time / 70) ** 3 + 10 * noise


def spec(samples: int = 400, seed: int = 0, **changes) -> UnpunishedFit:
    values = {"start": 100, "end": 300, "p": 3, "steps": 20, "seed": seed, "device": "cpu"}
    return UnpunishedFit(wave(samples, seed), **(values | changes))


def single_nets(ensemble: Ensemble) -> list[PlainUnpunished]:
    spec, dtype = ensemble.spec, ensemble.values.dtype
    return [
        PlainUnpunished(spec.p, len(spec.signal))
        .to(dtype)
        .load([v[m] for v in ensemble.parameters])
        for m in range(len(ensemble.signal))
    ]


def single_loss(net: PlainUnpunished, ensemble: Ensemble, m: int) -> torch.Tensor:
    return net.loss(ensemble.fed[m], ensemble.signal[m], ensemble.mask[m])


@pytest.mark.parametrize("p", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("samples", [400, 411])
def test_an_ensemble_equals_single_nets_of_plain_layers(p, samples):
    specs = [spec(samples, seed, p=p, arm=arm) for seed, arm in enumerate(("whole", "noise"))]
    ensemble = Ensemble(specs, CPU)
    nets = single_nets(ensemble)
    outputs = forward(ensemble.parameters, ensemble.fed, p)
    errors = ensemble.gradients()
    for m, net in enumerate(nets):
        output = net(ensemble.fed[m])
        assert output.shape == (samples,)
        assert torch.allclose(outputs[m], output, rtol=1e-4, atol=1e-3 * output.std().item())
        loss = single_loss(net, ensemble, m)
        assert errors[m] + ensemble.penalties()[m] == pytest.approx(loss.item(), rel=1e-5)
        loss.backward()
        for ours, theirs in zip(ensemble.parameters, net.in_order(), strict=True):
            scale = theirs.grad.abs().max().item()
            assert torch.allclose(ours.grad[m], theirs.grad, atol=1e-4 * scale)


@pytest.mark.parametrize("p", [1, 3, 7, 10])
@pytest.mark.parametrize(("start", "end"), [(150, 4803), (0, 4603), (150, 5003)])
def test_what_lies_deep_in_the_region_need_not_be_computed(p, start, end):
    fit = spec(5003, p=p, start=start, end=end)
    assert len(fit.needed) < 3500
    ensemble = Ensemble([fit], CPU, torch.float64)
    whole = single_nets(ensemble)[0]
    loss = single_loss(whole, ensemble, 0)
    error = ensemble.gradients() + ensemble.penalties()
    assert error.item() == pytest.approx(loss.item(), rel=1e-9)
    loss.backward()
    for ours, theirs in zip(ensemble.parameters, whole.in_order(), strict=True):
        assert torch.allclose(ours.grad[0], theirs.grad, atol=1e-9 * theirs.grad.abs().max().item())


def test_twenty_steps_equal_twenty_of_torch_adagrad():
    # In single precision Adagrad's first steps turn the noise of a gradient near zero into full
    # steps: two right implementations drift apart.
    ensemble = Ensemble([spec(seed=0), spec(seed=1)], CPU, torch.float64)
    nets = single_nets(ensemble)
    for _ in range(20):
        ensemble.step()
    for m, net in enumerate(nets):
        optimiser = net.adagrad()
        for _ in range(20):
            optimiser.zero_grad()
            single_loss(net, ensemble, m).backward()
            optimiser.step()
        output = net(ensemble.fed[m]).detach()
        assert torch.allclose(ensemble.reconstruct()[m], output, atol=1e-6 * output.std().item())


def test_a_fit_does_not_depend_on_its_company():
    specs = [spec(seed=seed) for seed in range(3)]
    together, alone = fit_unpunished(specs), [fit_unpunished([s])[0] for s in specs]
    for one, other in zip(together, alone, strict=True):
        for name in one:
            assert np.allclose(one[name], other[name], rtol=1e-3, atol=1e-2), name
    assert not np.allclose(together[0]["loss"], together[1]["loss"])


def test_the_region_contributes_no_gradient_and_the_hidden_arm_does_not_see_it():
    plain, other = wave(), wave()
    other[100:300] += 50 * np.random.default_rng(5).standard_normal(200)
    options = {"start": 100, "end": 300, "steps": 5, "arm": "hidden", "device": "cpu"}
    ensemble = Ensemble([UnpunishedFit(s, **options) for s in (plain, other)], CPU)
    assert ensemble.gradients().unique().numel() == 1
    for grad in (parameter.grad for parameter in ensemble.parameters):
        assert torch.equal(grad[0], grad[1])
    first, second = fit_unpunished([UnpunishedFit(s, **options) for s in (plain, other)])
    assert np.array_equal(first["reconstruction"], second["reconstruction"])
    assert first["outside_error"] == second["outside_error"]
    assert first["inside_error"] != second["inside_error"]


def test_errors_are_over_the_parts_own_length_and_variance():
    fit = spec(steps=3)
    result, inside = fit_unpunished([fit])[0], fit.inside
    squares = (fit.signal - result["reconstruction"]) ** 2
    own = squares[inside].mean() / fit.signal[inside].var()
    assert result["inside_error"] == pytest.approx(own)
    assert result["published_outside"] == pytest.approx(squares[inside].sum() / 400)
    assert result["published_inside"] > squares[~inside].sum() / 400 + 50  # the weight penalty
    assert len(result["loss"]) == len(result["loss_steps"]) == 3


def test_transposed_convolution_aligned_as_tensorflow():
    # The gradient of a strided 'SAME' convolution. One sample of 1 and taps 1, 2, 3, 4, stride 3:
    # to 3 samples, 1 pad in all, none before; to 2 samples, 2 pads, one before.
    x, taps = torch.ones(1, 1, 1, 1), torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    assert torch.allclose(upsample_leaky(x, taps, 3, 3), torch.tensor([1.0, 2.0, 3.0]), atol=1e-5)
    assert torch.allclose(upsample_leaky(x, taps, 3, 2), torch.tensor([2.0, 3.0]), atol=1e-5)


@pytest.mark.parametrize(("p", "numbers"), [(3, 2085), (7, 895)])
def test_the_published_codes(p, numbers):
    assert code_size(5000, p) == numbers


@pytest.mark.parametrize("p", [1, 3, 10])
def test_the_net_reaches_no_farther_than_it_says(p):
    samples, at = 3007, 1411
    parameters = [value[None].double().abs() for value in initial_parameters(seed=0)]
    farthest = 0
    for seed in range(5):  # a pool passes on one sample of its window: not the same in every signal
        x = torch.rand(1, samples, generator=torch.Generator().manual_seed(seed)).double()
        forward(parameters, x.requires_grad_(), p)[0, at].backward()
        assert x.grad is not None
        inputs = (x.grad[0].abs() > 1e-9 * x.grad.max()).nonzero()[:, 0]
        farthest = max(farthest, at - int(inputs.min()), int(inputs.max()) - at)
    assert 0.85 * reach(p) < farthest <= reach(p)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # reach(3) is 596, and the total stride 12
        (1000, 4900, (1596, 1596 + 2496)),
        (1000, 5000, (1596, 1596 + 3240)),
        (0, 4900, (0, 4248)),
        (1500, 2600, (2600, 2600)),  # nothing lies deep enough
    ],
)
def test_depth_of_a_region(start, end, expected):
    assert deep_stretch(5000, 3, start, end) == expected


def test_parameters_are_the_published_ones():
    parameters = list(initial_parameters(seed=0))
    counted = [parameter.numel() for parameter in parameters]
    assert counted == [1000, 10, 8000, 10, 2500, 5, 2500, 5, 8000, 10, 1000, 10]
    values = torch.cat([parameter.flatten() for parameter in parameters])
    assert values.abs().max() <= 0.2
    # The variance of a normal cut at two standard deviations is 0.774 of the whole one's.
    assert values.std().item() == pytest.approx(0.1 * 0.774**0.5, rel=0.02)


def test_specs_that_differ_in_what_an_ensemble_shares_are_told_apart():
    assert shared_settings(spec(seed=1)) == shared_settings(spec(seed=2))
    for change in ({"p": 7}, {"steps": 21}, {"samples": 401}):
        assert shared_settings(spec(**change)) != shared_settings(spec())
    long = {"samples": 5000, "end": 4900}
    assert shared_settings(spec(**long, start=500)) == shared_settings(spec(**long, start=510))
    assert shared_settings(spec(**long, start=500)) != shared_settings(spec(**long, start=1500))
    with pytest.raises(ValueError, match="must share p, steps, length"):
        Ensemble([spec(), spec(p=7)], CPU)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"start": 50, "end": 50}, "record 12: the unpunished region 50 to 50 is empty"),
        ({"start": 300, "end": 100}, "region 300 to 100 is reversed"),
        ({"start": -1}, "reaches outside the signal of 400 samples"),
        ({"end": 401}, "reaches outside the signal of 400 samples"),
        ({"start": 0, "end": 400}, "covers everything"),
        ({"p": 0}, "p is 0: give a middle pool from 1 to 10"),
        ({"p": 11}, "p is 11: give a middle pool from 1 to 10"),
        ({"samples": 20, "start": 5, "end": 9, "p": 7}, "p = 7 leaves no code of 20 samples"),
        ({"arm": "blind"}, "unknown arm 'blind': choose whole, hidden, noise"),
        ({"steps": 0}, "take one step at least"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        spec(record="12", **change)


def test_signals_that_cannot_be_scored_are_refused():
    flat = wave()
    flat[100:300] = 1.0
    with pytest.raises(ValueError, match="flat in or outside"):
        UnpunishedFit(flat, 100, 300)
    flat[0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        UnpunishedFit(flat, 100, 300)


def test_a_loss_that_is_no_longer_finite_names_record_seed_and_step():
    huge = UnpunishedFit(1e25 * wave(), 100, 300, steps=20, seed=4, record="7", device="cpu")
    with pytest.raises(FloatingPointError, match=r"record 7: .*seed 4, step \d+ of 20"):
        fit_unpunished([huge])


@pytest.mark.cuda
def test_a_gpu_finds_the_same_gradients():
    specs = [spec(seed=seed) for seed in range(2)]
    here, there = Ensemble(specs, CPU), Ensemble(specs, torch.device("cuda"))
    assert torch.allclose(here.gradients(), there.gradients().cpu(), rtol=1e-3)
    for ours, theirs in zip(here.parameters, there.parameters, strict=True):
        assert torch.allclose(
            ours.grad, theirs.grad.cpu(), atol=1e-2 * ours.grad.abs().max().item()
        )


@pytest.mark.skipif("ECGLIB_LUDB" not in os.environ, reason="LUDB is not at hand: set ECGLIB_LUDB")
def test_the_published_setting_on_a_record_of_ludb():
    signal = read_digital("1")[:, LEADS.index("v6")]
    specs = [UnpunishedFit(signal, 1000, 4900, p, steps=30, record="1") for p in (3, 7)]
    for result in (fit_unpunished([s])[0] for s in specs):
        assert np.isfinite(result["reconstruction"]).all()
        assert result["loss"][-1] < result["loss"][0] / 4
        assert 0 < result["outside_error"] < 1 < result["inside_error"] * 10
