"""Pooling against TensorFlow's 'SAME' padding, and against PyTorch's layers and gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ecglib.nets.pooling import NormPool1d, max_pool1d_same


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("pool", [1, 2, 3, 7])
def test_equals_pytorchs_of_the_padded_signal(pool):
    x = torch.randn(2, 3, 4, 25, requires_grad=True)
    missing = -25 % pool
    padded = F.pad(x, (missing // 2, missing - missing // 2), value=-torch.inf)
    theirs = F.max_pool1d(padded.flatten(0, 1), pool).unflatten(0, (2, 3))
    ours = max_pool1d_same(x, pool)
    assert torch.equal(ours, theirs)
    direction = torch.randn_like(ours)
    gradients = [torch.autograd.grad(y, x, direction)[0] for y in (ours, theirs)]
    assert torch.equal(*gradients)


def test_padding_is_split_as_by_tensorflow():
    # Five samples by threes lack one, which stands after them: windows (123)(45·).
    y = torch.tensor([-3.0, -1.0, -5.0, -2.0, -4.0]).view(1, 1, 1, 5)
    assert torch.equal(max_pool1d_same(y, 3).flatten(), torch.tensor([-1.0, -2.0]))
    # Seven lack two, one on either side: (·12)(345)(67·).
    y = torch.tensor([-1.0, -2.0, 7.0, 1.0, 1.0, -3.0, -2.0]).view(1, 1, 1, 7)
    assert torch.equal(max_pool1d_same(y, 3).flatten(), torch.tensor([-1.0, 7.0, -2.0]))


def test_the_first_of_equals_takes_the_gradient():
    x = torch.zeros(1, 1, 1, 6, requires_grad=True)
    (grad,) = torch.autograd.grad(max_pool1d_same(x, 3).sum(), x)
    assert grad.flatten().tolist() == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pool", [1, 2, 3, 7])
@pytest.mark.parametrize("weights", [(1.0, 2.0, 0.5), (1.0, -1.5, 0.0)])
def test_norm_is_batch_norm_and_max_pooling(weights, pool, training):
    ours, theirs = NormPool1d(3, pool).double(), nn.BatchNorm1d(3).double()
    with torch.no_grad():
        ours.weight.copy_(torch.tensor(weights))
        ours.bias.copy_(torch.tensor([0.3, -0.2, 0.1]))
        ours.running_mean.fill_(0.4)
        ours.running_var.fill_(1.7)
    theirs.load_state_dict(ours.state_dict())
    ours.train(training)
    theirs.train(training)
    x = torch.randn(4, 3, 42, dtype=torch.double).mul(4).round().requires_grad_()  # with ties
    pairs = [(ours(x), ours), (F.max_pool1d(theirs(x), pool), theirs)]
    direction = torch.randn_like(pairs[0][0])
    values = [
        (y, *torch.autograd.grad(y, [x, *norm.parameters()], direction), *norm.buffers())
        for y, norm in pairs
    ]
    for a, b in zip(*values, strict=True):
        torch.testing.assert_close(a, b)
