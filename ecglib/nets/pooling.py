"""Max pooling of long signals, alone or with rectifying and normalising in the same pass.

On a CPU these layers wait for the memory, not for arithmetic. So the backward pass keeps no
indices but finds the largest samples again, and what follows a convolution (ReLU, batch norm, max
pooling) is one step, in which only the samples that won a pool are normalised.
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


def rectifier(channels: int, pool: int, norm: bool) -> nn.Module:
    """What follows a convolution: ReLU, batch norm along the channels if wanted, max pooling.

    Signals (batch, channels, length) -> (batch, channels, length // pool).
    """
    return ReluNormPool1d(channels, pool) if norm else nn.Sequential(nn.ReLU(), nn.MaxPool1d(pool))


class ReluNormPool1d(nn.BatchNorm1d):
    """nn.BatchNorm1d between a ReLU and a max pooling: its parameters, buffers and state_dict."""

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
        y, mean, variance = _ReluNormPool.apply(
            x.transpose(0, 1), self.weight, self.bias, mean, variance, self.eps, self.pool
        )
        if own:
            with torch.no_grad():
                count = x.shape[0] * x.shape[2]
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return y.transpose(0, 1)


class _ReluNormPool(torch.autograd.Function):
    """ReLU, normalisation of each channel and max pooling, in few passes over the memory.

    x (channels, batch, length), scale and shift (channels,) -> (channels, batch, length // pool),
    and the mean and the biased variance of the rectified x, (channels,). `mean` and `variance`
    given: they are used (evaluation); None: the batch's own (training).
    """

    @staticmethod
    def forward(ctx, x, scale, shift, mean, variance, eps, pool):
        h = x.relu()
        ctx.own = mean is None
        if ctx.own:
            count = h[0].numel()
            mean = h.mean((1, 2))
            spread = torch.linalg.vector_norm(h - mean[:, None, None], dim=(1, 2))
            variance = spread.square() / count
        deviation = (variance + eps).sqrt()
        # Normalising keeps the order of the samples or turns it round, so pooling can come first.
        turned = None if bool((scale > 0).all()) else scale.sign()[:, None, None]
        if turned is None:
            best = _window_maxima(h, pool)
        else:
            best = _window_maxima(h * turned, pool) * turned + h[..., ::pool] * (turned == 0)
        gain = scale / deviation
        y = best * gain[:, None, None] + (shift - mean * gain)[:, None, None]
        ctx.save_for_backward(h, best, mean, deviation, gain, turned)
        ctx.pool = pool
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, *_):
        h, best, mean, deviation, gain, turned = ctx.saved_tensors
        grad_shift = grad.sum((1, 2))
        grad_scale = ((grad * best).sum((1, 2)) - mean * grad_shift) / deviation
        if ctx.own:
            count = h[0].numel()
            slope = -gain * grad_scale / (deviation * count)
            offset = -gain * grad_shift / count - slope * mean
            grad_x = (h * slope[:, None, None]).add_(offset[:, None, None])
        else:
            grad_x = torch.zeros_like(h)
        left = grad * gain[:, None, None]
        _add_at_maxima(grad_x, left, h if turned is None else h * turned, ctx.pool)
        grad_x = torch.ops.aten.threshold_backward(grad_x, h, 0)
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
        grad_x = torch.zeros_like(x)
        _add_at_maxima(grad_x, grad, x, ctx.pool)
        return grad_x, None


def _window_maxima(x: Tensor, pool: int) -> Tensor:
    """x (..., windows * pool) -> (..., windows); outside of autograd, where it is quicker."""
    with torch.no_grad():
        return F.max_pool1d(x.flatten(0, -3), pool).view(*x.shape[:-1], -1)


def _add_at_maxima(total: Tensor, grad: Tensor, x: Tensor, pool: int) -> None:
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
