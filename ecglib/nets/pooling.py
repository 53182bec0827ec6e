"""Max pooling of long signals, alone or with normalising in the same pass.

On a CPU these layers wait for the memory, not for arithmetic. So the backward pass keeps no
indices but finds the largest samples again, and batch norm and the max pooling after it are one
step, in which only the samples that won a pool are normalised.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def max_pool1d_same(x: Tensor, pool: int) -> Tensor:
    """Max pooling with TensorFlow's 'SAME' padding: half of what is missing on either side.

    x (models, batch, channels, length) -> (models, batch, channels, ceil(length / pool)).
    """
    missing = -x.shape[-1] % pool
    x = x.transpose(1, 2)
    if missing:  # finite, so that differences stay numbers
        x = F.pad(x, (missing // 2, missing - missing // 2), value=torch.finfo(x.dtype).min)
    return (x if pool == 1 else _MaxPool.apply(x, pool)).transpose(1, 2)


class NormPool1d(nn.BatchNorm1d):
    """nn.BatchNorm1d, its parameters, buffers and state_dict, and max pooling after it."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__(channels)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Signals (batch, channels, length) -> (batch, channels, length // pool)."""
        own = self.training
        mean, variance = (None, None) if own else (self.running_mean, self.running_var)
        y, mean, variance = _NormPool.apply(
            x.transpose(0, 1), self.weight, self.bias, mean, variance, self.eps, self.pool
        )
        if own:
            with torch.no_grad():
                count = x.shape[0] * x.shape[2]
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return y.transpose(0, 1)


class _NormPool(torch.autograd.Function):
    """Normalisation of each channel and max pooling, in few passes over the memory.

    x (channels, batch, length), scale and shift (channels,) -> (channels, batch, length // pool),
    and the mean and the biased variance of x, (channels,). `mean` and `variance` given: they are
    used (evaluation); None: the batch's own (training).
    """

    @staticmethod
    def forward(ctx, x, scale, shift, mean, variance, eps, pool):
        ctx.own = mean is None
        if ctx.own:
            count = x[0].numel()
            mean = x.mean((1, 2))
            spread = torch.linalg.vector_norm(x - mean[:, None, None], dim=(1, 2))
            variance = spread.square() / count
        deviation = (variance + eps).sqrt()
        # Normalising keeps the order of the samples or turns it round, so pooling can come first.
        turned = None if bool((scale > 0).all()) else scale.sign()[:, None, None]
        if turned is None:
            best = _window_maxima(x, pool)
        else:
            best = _window_maxima(x * turned, pool) * turned + x[..., ::pool] * (turned == 0)
        gain = scale / deviation
        y = torch.addcmul((shift - mean * gain)[:, None, None], best, gain[:, None, None])
        ctx.save_for_backward(x, best, mean, deviation, gain, turned)
        ctx.pool = pool
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, *_):
        x, best, mean, deviation, gain, turned = ctx.saved_tensors
        grad_shift = grad.sum((1, 2))
        grad_scale = ((grad * best).sum((1, 2)) - mean * grad_shift) / deviation
        gain = gain[:, None, None]
        if ctx.own:
            count = x[0].numel()
            slope = -gain * (grad_scale / (deviation * count))[:, None, None]
            offset = -gain * (grad_shift / count)[:, None, None] - slope * mean[:, None, None]
            grad_x = torch.addcmul(offset, x, slope)
        else:
            grad_x = torch.zeros_like(x)
        if ctx.pool == 1:
            grad_x.addcmul_(grad, gain)
        else:
            grad_x += _at_maxima(grad * gain, x if turned is None else x * turned, ctx.pool)
        return grad_x, grad_scale, grad_shift, None, None, None, None


class _MaxPool(torch.autograd.Function):
    """Max pooling of the last axis whose backward pass finds the largest samples again."""

    @staticmethod
    def forward(ctx, x, pool):
        ctx.save_for_backward(x)
        ctx.pool = pool
        return _window_maxima(x, pool)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return _at_maxima(grad, x, ctx.pool), None


def _window_maxima(x: Tensor, pool: int) -> Tensor:
    """x (..., windows * pool) -> (..., windows); outside of autograd, where it is quicker."""
    if pool == 1:
        return x
    with torch.no_grad():
        return F.max_pool1d(x.flatten(0, -3), pool).view(*x.shape[:-1], -1)


def _at_maxima(grad: Tensor, x: Tensor, pool: int) -> Tensor:
    """grad (..., windows) where x, (..., windows * pool), is largest in its window, else zeros.

    Of equals the first takes it, as in nn.MaxPool1d.
    """
    samples = x.unflatten(-1, (-1, pool))
    maxima = [samples[..., 0]]
    for i in range(1, pool - 1):
        maxima.append(torch.maximum(maxima[-1], samples[..., i]))
    taken = []
    for i in range(pool - 1, 0, -1):
        taken.append(torch.ops.aten.threshold_backward(grad, samples[..., i] - maxima[i - 1], 0))
        grad = grad - taken[-1]
    if pool == 2:  # the quickest way to lay two lines alternately
        return torch.view_as_real(torch.complex(grad, *taken)).flatten(-2)
    total = torch.empty(samples.shape, dtype=grad.dtype, device=grad.device)
    for i, part in enumerate([grad, *reversed(taken)]):
        total[..., i] = part
    return total.flatten(-2)
