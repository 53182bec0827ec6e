"""The paper's convolutional autoencoder (section II-A, Table I) and its variations."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecglib.nets.fftconv import FFTConv1d
from ecglib.nets.pooling import add_at_maxima, window_maxima


class _NormPool(torch.autograd.Function):
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
            best = window_maxima(h, pool)
        else:
            best = window_maxima(h * turned, pool) * turned + h[..., ::pool] * (turned == 0)
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
        add_at_maxima(grad_x, left, h if turned is None else h * turned, ctx.pool)
        return torch.ops.aten.threshold_backward(grad_x, h, 0), grad_scale, grad_shift, *[None] * 4


class _Norm(nn.BatchNorm1d):
    """nn.BatchNorm1d between a ReLU and a max pooling, done in one step."""

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


def _rectifier(channels: int, pool: int, norm: bool) -> nn.Module:
    """What follows a convolution: ReLU, batch norm along the channels if wanted, max pooling."""
    return _Norm(channels, pool) if norm else nn.Sequential(nn.ReLU(), nn.MaxPool1d(pool))


class _Encode(nn.Module):
    """Convolution ("same"), rectifier and dropout."""

    def __init__(self, conv: nn.Conv1d, pool: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.conv = conv
        self.rectify = _rectifier(conv.out_channels, pool, batch_norm)
        self.pool = pool
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.rectify(self.conv(x)), self.dropout, self.training)


class _Decode(nn.Module):
    """Convolution ("same") of the upsampled signal, and, but for the last, rectifier."""

    def __init__(self, conv: nn.Conv1d, pool: int, batch_norm: bool, last: bool) -> None:
        super().__init__()
        self.conv = conv
        self.rectify = None if last else _rectifier(conv.out_channels, 1, batch_norm)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.conv, FFTConv1d):
            x = self.conv(x, upsample=self.pool)
        else:
            x = self.conv(x.repeat_interleave(self.pool, dim=-1))
        return x if self.rectify is None else self.rectify(x)


class ConvAutoencoder(nn.Module):
    """The autoencoder of the paper's Table I; its arguments are the table's numbers.

    length: samples of a signal, a multiple of the pools' product. filters, kernels (taps) and
    pools: one entry for each block of the encoder. latent: numbers in the code. batch_norm:
    whether blocks normalise along the channels. dropout: probability after each encoder block.
    unit_mv: the amplitude in mV that the net sees as 1, about lead V6's standard deviation;
    signals go in and come out in mV. With `unit_mv=1` training stays at the mean for hundreds of
    steps. convolution: FFTConv1d, or nn.Conv1d for the same net with PyTorch's own convolution.
    The decoder is symmetrical: dense, then upsampling and convolution for each block, in reverse.
    Raises ValueError when the blocks do not match each other or the length.
    """

    def __init__(
        self,
        length: int = 512,
        filters: Sequence[int] = (30, 15, 15, 5),
        kernels: Sequence[int] = (100, 100, 30, 20),
        pools: Sequence[int] = (2, 2, 2, 2),
        latent: int = 30,
        batch_norm: bool = True,
        dropout: float = 0.0,
        unit_mv: float = 0.2,
        convolution: type[nn.Conv1d] = FFTConv1d,
    ):
        super().__init__()
        if not len(filters) == len(kernels) == len(pools) > 0:
            raise ValueError(
                f"filters, kernels and pools need one entry for each block, but they have "
                f"{len(filters)}, {len(kernels)} and {len(pools)}."
            )
        self.length = length
        self.latent = latent
        self.unit_mv = unit_mv
        short = length
        for pool in pools:
            if short % pool:
                raise ValueError(
                    f"A signal of {length} samples cannot be pooled by {tuple(pools)}; "
                    "use a length that their product divides."
                )
            short //= pool
        widths = [1, *filters]
        blocks = list(zip(widths[:-1], widths[1:], kernels, pools, strict=True))
        self.encoder = nn.ModuleList(
            _Encode(convolution(inner, outer, taps, padding="same"), pool, batch_norm, dropout)
            for inner, outer, taps, pool in blocks
        )
        self.bottleneck = (filters[-1], short)
        self.to_latent = nn.Linear(filters[-1] * short, latent)
        self.from_latent = nn.Linear(latent, filters[-1] * short)
        # Mirrored: each block gives back what its twin in the encoder took in, except that the
        # kernels are applied after upsampling, so the widths follow one block later.
        outward = [*reversed(filters[:-1]), 1]
        inward = list(reversed(filters))
        self.decoder = nn.ModuleList(
            _Decode(
                convolution(inner, outer, taps, padding="same"),
                pool,
                batch_norm,
                last=i == len(blocks) - 1,
            )
            for i, (inner, outer, taps, pool) in enumerate(
                zip(inward, outward, reversed(kernels), reversed(pools), strict=True)
            )
        )
        if not batch_norm:
            self._keep_variance()

    def _keep_variance(self) -> None:
        """He et al.'s initial weights: with PyTorch's own, and nothing to normalise, signals die
        out from layer to layer and the net does not learn.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.get_parameter("bias"))

    def encode(self, signals: Tensor) -> Tensor:
        """Signals (batch, length) -> codes (batch, latent)."""
        if signals.dim() != 2 or signals.shape[1] != self.length:
            raise ValueError(
                f"The net takes signals (batch, {self.length}), but got {tuple(signals.shape)}."
            )
        x = signals[:, None] / self.unit_mv
        for block in self.encoder:
            x = block(x)
        return self.to_latent(x.flatten(1))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (batch, latent) -> signals (batch, length)."""
        if codes.dim() != 2 or codes.shape[1] != self.latent:
            raise ValueError(
                f"The net takes codes (batch, {self.latent}), but got {tuple(codes.shape)}."
            )
        x = self.from_latent(codes).unflatten(1, self.bottleneck)
        for block in self.decoder:
            x = block(x)
        return x[:, 0] * self.unit_mv

    def forward(self, signals: Tensor) -> Tensor:
        """Reconstruct signals (batch, length)."""
        return self.decode(self.encode(signals))

    def table(self) -> list[dict[str, str]]:
        """The encoder as rows of the paper's Table I, read from the modules themselves."""
        rows = []
        length = self.length
        for block in self.encoder:
            assert isinstance(block, _Encode)
            conv = block.conv
            taps, inner, outer = conv.kernel_size[0], conv.in_channels, conv.out_channels
            rows.append(("conv", f"{taps}x1/{outer}", f"{length}x{inner}"))
            rows.append(("pool", f"{block.pool}", f"{length}x{outer}"))
            length //= block.pool
        rows.append(("dense", f"{self.to_latent.out_features}", f"{length}x{outer}"))
        return [dict(zip(("Type", "Parameters", "Input size"), row, strict=True)) for row in rows]
