"""The networks' way on another device, without one: on torch's meta device nothing is computed,
and every operation between two devices, and every wait for a device's answer, is seen.
"""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ecglib.nets import training
from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.fftconv import conv1d_same
from ecglib.nets.training import AutoencoderFit
from ecglib.nets.unpunished import Ensemble, UnpunishedFit, fit_unpunished

META = torch.device("meta")
COPIES = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}


class Watch(TorchDispatchMode):
    """Raises where tensors of two devices meet, and counts in `reads` what a GPU must wait for.

    A number of no dimension on the CPU may meet any tensor, as on a GPU.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        devices = {t.device.type for t in tensors if t.dim() or t.is_meta}
        if len(devices) > 1 and func not in COPIES:
            raise AssertionError(f"{func} of tensors on {' and '.join(sorted(devices))}")
        if func is torch.ops.aten._local_scalar_dense.default and tensors[0].is_meta:
            self.reads += 1
            return tensors[0].dtype == torch.bool or 1.0
        return func(*args, **(kwargs or {}))


@pytest.fixture
def watch():
    with Watch() as mode:
        yield mode


def test_a_meeting_of_two_devices_is_seen(watch):
    with pytest.raises(AssertionError, match=r"add.* of tensors on cpu and meta"):
        _ = torch.ones(3, device=META) + torch.ones(3)
    assert (torch.ones(3, device=META) + torch.tensor(1.0)).is_meta
    assert torch.ones(3).to(META).is_meta
    assert watch.reads == 0
    bool((torch.ones(3, device=META) > 0).all())
    assert watch.reads == 1


@pytest.mark.parametrize("p", [1, 3, 7])
@pytest.mark.parametrize("arm", ["whole", "hidden", "noise"])
def test_an_ensemble_steps_on_its_device_alone_and_never_waits(watch, p, arm):
    signals = np.random.default_rng(0).standard_normal((3, 2000)).astype(np.float32)
    specs = [UnpunishedFit(s, 400, 1800, p, seed=k, arm=arm) for k, s in enumerate(signals)]
    ensemble = Ensemble(specs, META)
    for result in (ensemble.step(), ensemble.step(), ensemble.penalties()):
        assert result.is_meta and result.shape == (3,)
    assert ensemble.reconstruct().shape == (3, 2000)
    assert watch.reads == 0


NETS = [{"dropout": 0.2, "pools": (2, 4, 2, 2)}, {"batch_norm": False, "kernels": (1, 3, 30, 20)}]


@pytest.mark.parametrize("net", NETS)
def test_an_autoencoder_trains_on_its_device_alone_and_seldom_waits(watch, monkeypatch, net):
    class Generator(torch.Generator):
        """The CPU's: the meta device has none, and draws nothing."""

        def __new__(cls, device="cpu"):
            return super().__new__(cls)

    adam = torch.optim.Adam  # whose one kernel the meta device lacks, too

    def unfused(parameters, fused=None, **options):
        return adam(parameters, **options)

    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(torch.optim, "Adam", unfused)
    steps = 20
    signals = torch.empty(40, 512, device=META)
    spec = AutoencoderFit(np.empty((40, 512), np.float32), steps=steps, batch=8, net=net)
    built = ConvAutoencoder(**net).to(META)
    curves = training._train(built, spec, signals, signals)
    assert len(curves["train_loss"]) == 20 and len(curves["validation_loss"]) == 2
    # Each entry of the curves is waited for; and each norm asks its scale for its sign.
    norms = sum("Norm" in type(module).__name__ for module in built.modules())
    entries = 2 * len(curves["train_loss"]) + len(curves["validation_loss"])
    passes = steps + len(curves["validation_loss"])
    assert watch.reads <= entries + norms * passes


# What the meta device cannot show: numbers. Tolerances are TensorFloat-32's, in which cuDNN sums.


@pytest.mark.cuda
@pytest.mark.parametrize("taps", [1, 3, 100])
def test_sums_and_transforms_on_a_gpu_are_the_cpus(taps):
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(2, 3, 4, n, generator=generator) for n in (500, taps))
    on_cpu = conv1d_same(x, weight)
    on_gpu = conv1d_same(x.cuda(), weight.cuda()).cpu()
    assert (on_gpu - on_cpu).abs().max() < 5e-3 * on_cpu.abs().max()


@pytest.mark.cuda
def test_a_whole_fit_on_a_gpu_ends_near_the_cpus():
    signal = np.sin(np.arange(2000) / 30).astype(np.float32) * 500
    here, there = (
        fit_unpunished([UnpunishedFit(signal, 400, 900, steps=20, device=device)])[0]
        for device in ("cpu", "cuda")
    )
    assert there.keys() == here.keys()
    assert there["loss"] == pytest.approx(here["loss"], rel=2e-2)
    assert there["reconstruction"].shape == here["reconstruction"].shape
