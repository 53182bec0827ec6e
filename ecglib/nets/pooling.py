"""Max pooling of long signals, with a backward pass that keeps no indices."""

import torch
from torch import Tensor
from torch.nn import functional as F


class _MaxPool(torch.autograd.Function):
    """Max pooling of the last axis whose backward pass finds the largest samples again."""

    @staticmethod
    def forward(ctx, x, pool):
        ctx.save_for_backward(x)
        ctx.pool = pool
        return window_maxima(x, pool)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad_x = torch.zeros_like(x)
        add_at_maxima(grad_x, grad, x, ctx.pool)
        return grad_x, None


def window_maxima(x: Tensor, pool: int) -> Tensor:
    """x (..., windows * pool) -> (..., windows); outside of autograd, where it is quicker."""
    with torch.no_grad():
        return F.max_pool1d(x.flatten(0, -3), pool).view(*x.shape[:-1], -1)


def add_at_maxima(total: Tensor, grad: Tensor, x: Tensor, pool: int) -> None:
    """Add grad (..., windows) to total where x, (..., windows * pool) as it is, is largest.

    Of equals the first takes it, as in nn.MaxPool1d.
    """
    samples, totals = x.unflatten(-1, (-1, pool)), total.unflatten(-1, (-1, pool))
    maxima = [samples[..., 0]]
    for i in range(1, pool - 1):
        maxima.append(torch.maximum(maxima[-1], samples[..., i]))
    for i in range(pool - 1, 0, -1):
        taken = torch.ops.aten.threshold_backward(grad, samples[..., i] - maxima[i - 1], 0)
        totals[..., i] += taken
        grad = grad - taken
    totals[..., 0] += grad


def max_pool1d_same(x: Tensor, pool: int) -> Tensor:
    """Max pooling with TensorFlow's 'SAME' padding.

    x (models, batch, channels, length) -> (models, batch, channels, ceil(length / pool)). What is
    missing from a whole number of windows is added half before and half after the signal.
    """
    missing = -x.shape[-1] % pool
    x = x.transpose(1, 2)
    if missing:  # finite, so that differences stay numbers
        x = F.pad(x, (missing // 2, missing - missing // 2), value=torch.finfo(x.dtype).min)
    return (x if pool == 1 else _MaxPool.apply(x, pool)).transpose(1, 2)
