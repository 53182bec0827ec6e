"""The autoencoder against the paper's Table I and against plain PyTorch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ecglib.nets.autoencoder import ConvAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

TABLE_I = """
conv | 100x1/30 | 512x1
pool | 2 | 512x30
conv | 100x1/15 | 256x30
pool | 2 | 256x15
conv | 30x1/15 | 128x15
pool | 2 | 128x15
conv | 20x1/5 | 64x15
pool | 2 | 64x5
dense | 30 | 32x5
"""


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def signals(count: int = 6, length: int = 512) -> torch.Tensor:
    return torch.randn(count, length, generator=torch.Generator().manual_seed(0))


def test_table_is_the_papers():
    rows = [" | ".join(row.values()) for row in ConvAutoencoder().table()]
    assert rows == TABLE_I.strip().splitlines()
    assert list(ConvAutoencoder().table()[0]) == ["Type", "Parameters", "Input size"]


def test_table_follows_the_signals_through_the_net():
    net = ConvAutoencoder(length=560, pools=(2, 7, 2, 2), filters=(8, 6, 4, 3))
    seen = []
    for block in net.encoder:
        block.conv.register_forward_hook(lambda _, x, y: seen.append((x[0].shape, y.shape)))
    net.encode(signals(3, 560))
    rows = [row["Input size"] for row in net.table() if row["Type"] != "dense"]
    sizes = [f"{shape[2]}x{shape[1]}" for pair in seen for shape in pair]
    assert rows == sizes


def test_decoder_mirrors_the_encoder():
    net = ConvAutoencoder()
    convs = [block.conv for block in net.decoder]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convs]
    assert shapes == [(5, 15, 20), (15, 15, 30), (15, 30, 100), (30, 1, 100)]
    assert isinstance(net.decoder[-1].norm, nn.Identity)
    assert net.encode(signals()).shape == (6, 30)
    assert net.decode(torch.zeros(6, 30)).shape == (6, 512)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"length": 560, "pools": (2, 7, 2, 2)},
        {"filters": (4, 3), "kernels": (31, 8), "pools": (4, 4), "latent": 7},
        {"batch_norm": False},
    ],
)
def test_same_net_with_either_convolution(options):
    ours = ConvAutoencoder(**options).double()
    theirs = ConvAutoencoder(convolution=nn.Conv1d, **options).double()
    theirs.load_state_dict(ours.state_dict())
    x = signals(5, options.get("length", 512)).double()
    for net in (ours, theirs):
        F.mse_loss(net(x), x).backward()
    torch.testing.assert_close(ours(x), theirs(x))
    gradients = zip(ours.named_parameters(), theirs.parameters(), strict=True)
    for (name, a), b in gradients:
        torch.testing.assert_close(a.grad, b.grad, msg=name)


def test_dropout_acts_only_in_training():
    net = ConvAutoencoder(dropout=0.5)
    x = signals()
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: ConvAutoencoder(length=500), "500 samples cannot be pooled"),
        (lambda: ConvAutoencoder(filters=(3, 2)), "one entry for each block"),
        (lambda: ConvAutoencoder()(torch.zeros(2, 500)), r"\(batch, 512\)"),
        (lambda: ConvAutoencoder().decode(torch.zeros(2, 31)), r"\(batch, 30\)"),
    ],
)
def test_what_cannot_be_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.cuda
def test_cuda_equals_cpu():
    net = ConvAutoencoder().eval()
    x = signals()
    on_cpu = net(x)
    torch.testing.assert_close(net.cuda()(x.cuda()).cpu(), on_cpu, rtol=1e-3, atol=1e-3)
