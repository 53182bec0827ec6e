"""Training of the autoencoder, on small nets and signals whose structure is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.fits import FitError, run, tally
from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.training import AutoencoderFit, fit_autoencoders, load_autoencoder, train

SMALL = {"filters": (6, 4), "kernels": (15, 9), "pools": (2, 2), "latent": 4}


def sines(count, seed):
    """Sines of one frequency, any phase and amplitude, mV: two numbers describe each."""
    rng = np.random.default_rng(seed)
    phase, amplitude = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.1, 0.4, count)
    time = np.arange(64) / 64
    wave = np.sin(2 * np.pi * 3 * time[None] + phase[:, None])
    return (amplitude[:, None] * wave).astype(np.float32)


def spec(**changes):
    return replace(
        AutoencoderFit(sines(200, 0), sines(50, 1), net=SMALL, steps=12, batch=16, device="cpu"),
        **changes,
    )


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], strict=True)


def fit(one):
    return fit_autoencoders([one])[0]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As `run` does: sums split among threads differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def plain():
    return fit(spec())


def test_a_net_with_room_for_the_signals_learns_to_restore_unseen_ones():
    one = spec(steps=200)
    result = fit(one)
    explained = 1 - result["validation_loss"][-1] / one.validation.var()
    assert explained > 0.9
    assert result["validation_steps"].tolist() == [20 * n for n in range(1, 11)]
    assert result["train_steps"].tolist() == [2 * n for n in range(1, 101)]
    assert result["train_loss"][:5].mean() > 5 * result["train_loss"][-5:].mean()


def test_loaded_net_is_the_trained_one_ready_for_use(plain):
    net = load_autoencoder(plain, spec())
    assert not net.training
    signals = torch.tensor(spec().validation)
    loss = nn.functional.mse_loss(net(signals), signals).item()
    assert loss == pytest.approx(plain["validation_loss"][-1], rel=1e-5)
    assert net.encode(signals).shape == (50, 4)
    assert "state/encoder.0.norm.running_mean" in plain


class Linear(nn.Module):
    """Principal components by gradient descent."""

    def __init__(self, length: int, latent: int):
        super().__init__()
        self.encode, self.decode = nn.Linear(length, latent), nn.Linear(latent, length)

    def forward(self, signals):
        return self.decode(self.encode(signals))


def test_any_network_is_trained_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path))
    specs = [spec(network=Linear, net={"latent": 2}, steps=400, learning_rate=0.03), spec()]
    before = tally.copy()
    nets, results = train(specs)
    assert [type(net) for net in nets] == [Linear, ConvAutoencoder]
    assert not any(net.training for net in nets)
    explained = 1 - results[0]["validation_loss"][-1] / specs[0].validation.var()
    assert explained > 0.99  # two numbers describe each signal
    again, same = train(specs[::-1])
    assert tally - before == {"fitted": 2, "kept": 2}
    assert_equal(same[1], results[0])
    assert torch.equal(again[1].decode.weight, nets[0].decode.weight)


def test_a_seed_gives_the_same_numbers_twice_and_in_any_number_of_processes(tmp_path):
    specs = [spec(seed=seed, net=SMALL | {"dropout": 0.1}, input_noise=0.02) for seed in (0, 1)]
    first = fit_autoencoders(specs)
    for again in (
        fit_autoencoders(specs[::-1])[::-1],
        run(fit_autoencoders, specs, jobs=1, cache=tmp_path / "one"),
        run(fit_autoencoders, specs, jobs=2, cache=tmp_path / "two"),
    ):
        for ours, theirs in zip(again, first, strict=True):
            assert_equal(ours, theirs)
    assert not np.array_equal(first[0]["train_loss"], first[1]["train_loss"])


def test_training_leaves_torchs_random_state_alone_and_does_not_depend_on_it():
    torch.manual_seed(5)
    one = spec(net=SMALL | {"dropout": 0.1}, steps=3)
    before = torch.get_rng_state()
    first = fit(one)
    load_autoencoder(first, one)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert_equal(fit(one), first)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 1e-3},
        {"weight_decay": 0.1},
        {"input_noise": 0.1},
        {"batch": 8},
        {"steps": 11},
        {"net": SMALL | {"latent": 5}},
        {"signals": sines(199, 0)},
    ],
)
def test_every_setting_changes_the_result(change, plain):
    assert fit(spec(**change))["train_loss"][-1] != plain["train_loss"][-1]


def test_validation_windows_do_not_touch_the_net(plain):
    without = fit(spec(validation=None))
    none = {name: np.empty(0) for name in ("validation_steps", "validation_loss")}
    assert all(without[name].shape == (0,) for name in none)
    assert_equal(plain | none, without | none)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_few_steps_and_batches_larger_than_the_windows(steps):
    result = fit(spec(signals=sines(5, 0), steps=steps))
    assert result["train_steps"].tolist() == list(range(1, steps + 1))
    assert np.isfinite(result["train_loss"]).all()


def test_a_loss_that_becomes_nan_names_seed_and_step(tmp_path):
    huge = spec(signals=sines(200, 0) * np.float32(1e25), seed=3)
    with pytest.raises(FloatingPointError, match=r"no longer finite \(seed 3, step 1 of 12\)"):
        fit(huge)
    with pytest.raises(FloatingPointError, match=r"seed 0, step 2 of 12\).*now 1e\+36"):
        fit(spec(learning_rate=1e36))
    with pytest.raises(FitError, match=r"chapter: AutoencoderFit\(steps=12.*seed 3, step 1 of 12"):
        run(fit_autoencoders, [huge], jobs=1, cache=tmp_path, label="chapter")


@pytest.mark.parametrize(
    "change, says",
    [
        ({"signals": sines(0, 0)}, r"training windows must be .*not one of shape \(0, 64\)"),
        ({"validation": sines(1, 0)[0]}, r"validation windows must be .*shape \(64,\)"),
        ({"signals": sines(5, 0) * np.nan}, "training windows hold NaN or infinite samples"),
        ({"steps": 0}, "steps and batch must be at least 1, not 0 and 16"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(change, says):
    with pytest.raises(ValueError, match=says):
        fit(spec(**change))


@pytest.mark.cuda
def test_the_same_training_on_a_gpu_ends_near_the_cpus():
    gpu, cpu = fit(spec(device="cuda", steps=400)), fit(spec(steps=400))
    assert gpu["validation_loss"][-1] == pytest.approx(cpu["validation_loss"][-1], rel=0.5)
    assert gpu["train_loss"][0] == pytest.approx(cpu["train_loss"][0], rel=1e-2)
