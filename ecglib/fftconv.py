"""'Same' convolution of long signals with long kernels, by FFT, with its own backward pass.

Signals are kept time-major in memory, (length, models, batch, channels): a transform along the
first axis then leaves the frequencies in front, which is what the batched matrix products need, so
nothing is ever transposed. Results are returned as views in PyTorch's order, and accepted in any.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Plan(NamedTuple):
    """How a signal is cut: `blocks` of `hop` outputs, each by an FFT of `size`."""

    size: int
    hop: int
    blocks: int


@cache
def _good_size(least: int) -> int:
    """Smallest even 2^a 3^b 5^c that is not below `least`: the sizes that FFTs are fast at."""
    size = least + least % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2


@cache
def plan(length: int, taps: int, left: int) -> Plan:
    """Choose between one circular block and overlap-save blocks.

    One block needs no room for the whole kernel: the ends of the circle may overlap where both
    are zero, so length + max(left, right) is enough.
    """
    if length <= 8 * taps or length <= 256:
        return Plan(_good_size(length + max(left, taps - 1 - left)), length, 1)
    size = _good_size(2 * taps)
    hop = size - taps + 1
    return Plan(size, hop, -(-length // hop))


def _crop(weight: Tensor, length: int, left: int) -> tuple[Tensor, int]:
    """Drop the taps that only ever meet the zeros beyond the signal's ends."""
    first = max(0, left - (length - 1))
    last = min(weight.shape[-1], left + length)
    return weight[..., first:last], left - first


def _cut(x: Tensor, p: Plan, left: int) -> Tensor:
    """(length, models, batch, channels) -> overlapping (size, models, batch * blocks, channels)."""
    length, models, batch, channels = x.shape
    if p.blocks == 1:
        return x
    padded = x.new_zeros((p.blocks - 1) * p.hop + p.size, models, batch, channels)
    padded[left : left + length] = x
    cut = padded.unfold(0, p.size, p.hop).permute(4, 1, 2, 0, 3)
    return cut.reshape(p.size, models, batch * p.blocks, channels)


def _split(y: Tensor, p: Plan) -> Tensor:
    """(length, models, batch, channels) -> disjoint (hop, models, batch * blocks, channels)."""
    length, models, batch, channels = y.shape
    if p.blocks == 1:
        return y
    padded = F.pad(y, (0, 0, 0, 0, 0, 0, 0, p.blocks * p.hop - length))
    split = padded.view(p.blocks, p.hop, models, batch, channels).permute(1, 2, 3, 0, 4)
    return split.reshape(p.hop, models, batch * p.blocks, channels)


def _join(y: Tensor, p: Plan, length: int, batch: int) -> Tensor:
    """Undo `_split`: the first `hop` samples of every block, one after the other."""
    if p.blocks == 1:
        return y[:length]
    _, models, _, channels = y.shape
    y = y[: p.hop].view(p.hop, models, batch, p.blocks, channels).permute(3, 0, 1, 2, 4)
    return y.reshape(p.blocks * p.hop, models, batch, channels)[:length]


def _overlap_add(x: Tensor, p: Plan, left: int, length: int, batch: int) -> Tensor:
    """The transpose of `_cut`: blocks of `size` samples summed where they overlap."""
    if p.blocks == 1:
        return x[:length]
    _, models, _, channels = x.shape
    x = x.view(p.size, models, batch, p.blocks, channels).permute(3, 0, 1, 2, 4)
    total = x.new_zeros((p.blocks + 1) * p.hop, models, batch, channels)
    total[: p.blocks * p.hop].view(p.blocks, p.hop, *total.shape[1:]).copy_(x[:, : p.hop])
    tail = p.size - p.hop
    total[p.hop :].view(p.blocks, p.hop, *total.shape[1:])[:, :tail] += x[:, p.hop :]
    return total[left : left + length]


class _Correlate(torch.autograd.Function):
    """y[t] = sum_k weight[k] x[t + k - left], time-major; taps outside the signal meet zeros."""

    @staticmethod
    def forward(ctx, x, weight, left):
        # x (length, models, batch, in); weight (taps, models, in, out)
        length, _, batch, _ = x.shape
        taps = weight.shape[0]
        p = plan(length, taps, left)
        spectrum = torch.fft.rfft(_cut(x, p, left), n=p.size, dim=0)
        if p.blocks == 1:  # the block starts at the signal, not `left` samples before it
            rolled = weight.new_zeros(p.size, *weight.shape[1:])
            rolled[: taps - left] = weight[left:]
            if left:
                rolled[-left:] = weight[:left]
            weight = rolled
        kernel = torch.fft.rfft(weight, n=p.size, dim=0)
        product = spectrum @ kernel.conj().resolve_conj()
        y = _join(torch.fft.irfft(product, n=p.size, dim=0), p, length, batch)
        ctx.save_for_backward(spectrum, kernel)
        ctx.sizes = p, length, batch, taps, left
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        spectrum, kernel = ctx.saved_tensors
        p, length, batch, taps, left = ctx.sizes
        grad = torch.fft.rfft(_split(grad, p), n=p.size, dim=0)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            blocks = torch.fft.irfft(grad @ kernel.mT, n=p.size, dim=0)
            grad_x = _overlap_add(blocks, p, left, length, batch)
        if ctx.needs_input_grad[1]:
            product = spectrum.mT @ grad.conj().resolve_conj()
            full = torch.fft.irfft(product, n=p.size, dim=0)
            if p.blocks == 1:
                full = torch.cat((full[p.size - left :], full[: taps - left]))
            grad_weight = full[:taps]
        return grad_x, grad_weight, None


def _correlate(x: Tensor, weight: Tensor, left: int) -> Tensor:
    """conv1d_same, with `left` zeros before the signal in place of half a kernel's."""
    weight, left = _crop(weight, x.shape[-1], left)
    y = _Correlate.apply(x.permute(3, 0, 1, 2), weight.permute(3, 0, 2, 1), left)
    return y.permute(1, 2, 3, 0)


def _check(x: Tensor, weight: Tensor, channels: int) -> None:
    if x.dim() != 4 or weight.dim() != 4:
        raise ValueError(
            "x must be (models, batch, channels, length) and weight four-dimensional too, "
            f"but they are {tuple(x.shape)} and {tuple(weight.shape)}."
        )
    if x.shape[0] != weight.shape[0] or x.shape[2] != channels:
        raise ValueError(
            f"x {tuple(x.shape)} and weight {tuple(weight.shape)} disagree about the number of "
            "models or of input channels."
        )


def conv1d_same(x: Tensor, weight: Tensor, bias: Tensor | None = None, upsample: int = 1) -> Tensor:
    """Convolve each model's signals with its own kernels, as nn.Conv1d(padding="same") does.

    x (models, batch, in, length), weight (models, out, in, taps), bias (models, out) ->
    (models, batch, out, length * upsample). `upsample` repeats every sample that many times first
    (nearest neighbour); the repeats are never formed: each phase of the output is a convolution
    of the short signal with the sums of the taps that fall on the same sample.
    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[2])
    taps = weight.shape[3]
    left = (taps - 1) // 2
    if upsample == 1:
        y = _correlate(x, weight, left)
    else:
        first = -left // upsample
        width = (upsample - 1 - left + taps - 1) // upsample - first + 1
        # phase r, tap k falls on sample (r + k - left) // upsample, whose bin is that minus `first`
        phases = []
        for r in range(upsample):
            lead = (r - left) - first * upsample
            padded = F.pad(weight, (lead, width * upsample - taps - lead))
            phases.append(padded.unflatten(-1, (width, upsample)).sum(-1))
        y = _interleave(_correlate(x, torch.cat(phases, 1), -first), upsample)
    if bias is not None:
        y = y + bias[:, None, :, None]
    return y


def _interleave(y: Tensor, phases: int) -> Tensor:
    """(models, batch, phases * out, length) -> (models, batch, out, length * phases)."""
    models, batch, channels, length = y.shape
    y = y.permute(3, 0, 1, 2).reshape(length, models, batch, phases, channels // phases)
    y = y.permute(0, 3, 1, 2, 4).reshape(length * phases, models, batch, channels // phases)
    return y.permute(1, 2, 3, 0)


def conv_transpose1d_same(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Transposed convolution with TensorFlow's 'SAME' padding: the gradient of a strided one.

    x (models, batch, in, length), weight (models, in, out, taps) ->
    (models, batch, out, length * stride). Each of the `stride` phases of the output is an ordinary
    convolution with every stride-th tap, at the input's rate.
    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[1])
    models, inner, out, taps = weight.shape
    crop = max(taps - stride, 0) // 2
    # y[m * stride + r] = sum_d x[m - d] weight[d * stride + r + crop], d from `first` on
    first = -((stride - 1 + crop) // stride)
    lead = -first * stride - crop
    width = -(-(lead + taps) // stride)
    padded = F.pad(weight, (lead, width * stride - taps - lead))
    phases = padded.unflatten(-1, (width, stride)).permute(0, 4, 2, 1, 3).flip(-1)
    kernel = phases.reshape(models, stride * out, inner, width)
    return _interleave(_correlate(x, kernel, width - 1 + first), stride)


class FFTConv1d(nn.Conv1d):
    """nn.Conv1d(padding="same") by FFT: the same parameters, state_dict and result, any kernel.

    Signals (batch, in, length) or (in, length) -> (..., out, length).
    Raises ValueError for a stride, dilation, groups or padding that it does not do.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: str = "same",
        bias: bool = True,
        device=None,
        dtype=None,
    ):
        if padding != "same":
            raise ValueError(f"FFTConv1d only pads 'same', not {padding!r}; use nn.Conv1d.")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            padding="same",
            bias=bias,
            device=device,
            dtype=dtype,
        )

    def forward(self, signals: Tensor, upsample: int = 1) -> Tensor:
        """Convolve; with `upsample`, after repeating every sample that many times."""
        if signals.dim() not in (2, 3) or signals.shape[-2] != self.in_channels:
            raise ValueError(
                f"FFTConv1d expects signals (batch, {self.in_channels}, length), "
                f"but they are {tuple(signals.shape)}."
            )
        bias = None if self.bias is None else self.bias[None]
        x = signals if signals.dim() == 3 else signals[None]
        y = conv1d_same(x[None], self.weight[None], bias, upsample)[0]
        return y if signals.dim() == 3 else y[0]
