"""'Same' convolution of long signals with long kernels, with its own backward pass.

By hand, since the library that convolves by FFT took five times as long for the same step.

A product of spectra is a convolution on a circle. A signal is cut into blocks that overlap by the
kernel's length, and of each product with the kernel's spectrum what the circle did not touch is
kept (overlap-save). Many models are convolved at once, each with kernels of its own: the sum over
channels is a matrix product at each frequency. The backward pass reuses the spectra of the forward.

Upsampled signals never exist: each of the samples that stand for one has kernels of its own, its
phase, on the short signal. What follows a convolution most often, a rectifier, is done in place.

Tensors are (models, batch, channels, length) outside and (models, channels, batch, length) inside;
results are views in PyTorch's order, and arguments may have any strides.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Up to so many terms, taps times channels, a sum is quicker formed directly than by transforms.
DIRECT = 48

# Measured on a CPU: the time of one term of the sum over channels, and of transforming a sample in
# blocks of a power of two, over that of transforming a sample in other blocks, whatever their size.
PRODUCT = 0.08
POWER_OF_TWO = 0.8


class FFTConv1d(nn.Conv1d):
    """nn.Conv1d(padding="same") by FFT: the same parameters, state_dict and result, any kernel.

    kernel_size: taps. Signals (batch, in, length) or (in, length) -> (..., out, length).

    Raises ValueError for another padding, and for signals that it does not take.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        padding: str = "same",
        bias: bool = True,
    ):
        if padding != "same":
            raise ValueError(f"FFTConv1d only pads 'same', not {padding!r}; use nn.Conv1d.")
        super().__init__(in_channels, out_channels, kernel_size, padding=padding, bias=bias)

    def forward(self, signals: Tensor, upsample: int = 1, slope: float = 1.0) -> Tensor:
        """Convolve, after repeating every sample `upsample` times; `slope` as in `conv1d_same`."""
        if signals.dim() not in (2, 3) or signals.shape[-2] != self.in_channels:
            raise ValueError(
                f"FFTConv1d expects signals (batch, {self.in_channels}, length), "
                f"but they are {tuple(signals.shape)}."
            )
        bias = None if self.bias is None else self.bias[None]
        x = signals if signals.dim() == 3 else signals[None]
        y = conv1d_same(x[None], self.weight[None], bias, upsample, slope).squeeze(0)
        return y if signals.dim() == 3 else y.squeeze(0)


def conv1d_same(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, upsample: int = 1, slope: float = 1.0
) -> Tensor:
    """Convolve each model's signals with its own kernels, as nn.Conv1d(padding="same") does.

    x (models, batch, in, length), weight (models, out, in, taps), bias (models, out) ->
    (models, batch, out, length * upsample).
    upsample: how often every sample is repeated first.
    slope: of the leaky ReLU that follows; 0 for a ReLU, 1 for none.

    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[2])
    taps, more = weight.shape[3], upsample - 1
    if not more and weight.shape[2] * taps <= DIRECT:
        y = _direct(x, weight, bias)
        return y if slope == 1 else F.leaky_relu(y, slope)
    if more:  # a kernel for one sample and zeros, instead of the sample repeated
        padded = F.pad(weight, (more, more))
        weight = torch.stack([padded[..., i : i + taps + more] for i in range(upsample)]).sum(0)
    return _correlate(x, weight, bias, (taps - 1) // 2 + more, upsample, slope)


def conv_transpose1d_same(x: Tensor, weight: Tensor, stride: int, slope: float = 1.0) -> Tensor:
    """Transposed convolution with TensorFlow's 'SAME' padding: the gradient of a strided one.

    x (models, batch, in, length), weight (models, in, out, taps) ->
    (models, batch, out, length * stride). slope: as in `conv1d_same`.

    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[1])
    taps = weight.shape[3]
    crop = max(taps - stride, 0) // 2
    return _correlate(x, weight.transpose(1, 2).flip(-1), None, taps - 1 - crop, stride, slope)


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


def _direct(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """conv1d_same by PyTorch's own convolution, models as groups."""
    models = x.shape[0]
    y = F.conv1d(
        x.transpose(0, 1).flatten(1, 2),
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        padding="same",
        groups=models,
    )
    return y.unflatten(1, (models, -1)).transpose(0, 1)


def _correlate(
    x: Tensor, weight: Tensor, bias: Tensor | None, left: int, stride: int, slope: float
) -> Tensor:
    """y[n] = bias + sum_k weight[k] z[n + k - left], z being x with stride - 1 zeros stuffed in.

    x and the result as in `conv1d_same`.
    """
    weight, left = by_phase(weight, left, stride)
    if bias is not None:
        bias = bias.repeat_interleave(stride, 1)
    length = x.shape[3]
    first = max(0, left - (length - 1))  # other taps only ever meet zeros
    weight, left = weight[..., first : left + length], left - first
    y = _Correlation.apply(x.transpose(1, 2), weight, bias, left, stride, slope)
    return y.transpose(1, 2)


def by_phase(weight: Tensor, left: int, stride: int) -> tuple[Tensor, int]:
    """Kernels on the short signal for each phase of the long one, and their taps before its sample.

    weight (models, out, in, taps), of which `left` stand before the output's own sample ->
    (models, out * stride, in, taps).
    """
    if stride == 1:
        return weight, left
    front = (stride - 1 - left) % stride
    padded = F.pad(weight, (front, -(front + weight.shape[3]) % stride))
    phases = padded.unflatten(-1, (-1, stride)).flip(-1)
    return phases.movedim(-1, 2).flatten(1, 2), (left + front) // stride


def interleave(y: Tensor, stride: int, slope: float) -> Tensor:
    """Phases to one signal, rectified: (models, out * stride, batch, length) -> (models, out, ...).

    Of one phase y itself is rectified, in place.
    """
    if stride > 1:
        y = y.unflatten(1, (-1, stride)).movedim(2, -1).flatten(-2)
    return y if slope == 1 else F.leaky_relu_(y, slope)


class _Correlation(torch.autograd.Function):
    """y[n] = bias + sum_k weight[k] x[n + k - left], the phases of y interleaved and rectified.

    x (models, in, batch, length), weight (models, out * stride, in, taps), bias (models,
    out * stride) or None -> (models, out, batch, length * stride).
    """

    @staticmethod
    def forward(ctx, x, weight, bias, left, stride, slope):
        (_, inner, batch, length), (outer, taps) = x.shape, weight.shape[1::2]
        p = plan(length, taps, left, batch, inner, outer)
        # With one input channel there is no sum over channels for which to turn the spectra round.
        last = inner == 1
        signal = to_spectrum(cut(x, p), p.size, last)
        shift = p.lead - left  # where the first tap stands in the block
        if shift < 0:
            rolled = weight.new_zeros(*weight.shape[:3], p.size)
            rolled[..., : taps + shift] = weight[..., -shift:]
            rolled[..., shift:] = weight[..., :-shift]
        else:
            rolled = F.pad(weight, (shift, p.size - taps - shift))
        kernel = to_spectrum(rolled, p.size, last)
        if last:
            product = kernel.conj() * signal
            constant = product[..., 0]
        else:
            product = kernel.conj().resolve_conj() @ signal
            constant = product[0]
        if bias is not None:
            constant += p.size * bias[:, :, None]
        y = interleave(join(to_signal(product, p.size, last), p, length), stride, slope)
        ctx.save_for_backward(signal, kernel, None if slope == 1 else y)
        ctx.sizes = p, length, taps, shift, stride, slope, last
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        signal, kernel, y = ctx.saved_tensors
        p, length, taps, shift, stride, slope, last = ctx.sizes
        grad = to_spectrum(split(grad, y, p, stride, slope), p.size, last)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[2]:
            grad_bias = (grad[..., 0] if last else grad[0]).real.sum(-1)
        if ctx.needs_input_grad[0]:
            product = (kernel * grad).sum(1, keepdim=True) if last else kernel.mT @ grad
            grad_x = overlap_add(to_signal(product, p.size, last), p, length)
        if ctx.needs_input_grad[1]:
            if last:
                product = (grad * signal.conj()).sum(2, keepdim=True).conj()
            elif signal.numel() < grad.numel():  # only the smaller need be conjugated
                product = (grad @ signal.conj().resolve_conj().mT).conj().resolve_conj()
            else:
                product = grad.conj().resolve_conj() @ signal.mT
            full = to_signal(product, p.size, last)
            if shift < 0:
                full = torch.cat((full[..., shift:], full[..., : taps + shift]), -1)
                shift = 0
            grad_weight = full[..., shift : shift + taps]
        return grad_x, grad_weight, grad_bias, None, None, None


class Plan(NamedTuple):
    """How a signal is cut: `blocks` of `hop` samples, each by an FFT of `size` samples.

    `lead` zeros stand before the first block; zero when one block holds the whole signal, whose
    kernel is then wrapped around the circle instead.
    """

    size: int
    hop: int
    blocks: int
    lead: int


@cache
def good_size(least: int) -> int:
    """Smallest multiple of 8 not below `least` without a prime factor above 5: quick to transform.

    Fewer factors of two cost up to half as much again.
    """
    size = -(-least // 8) * 8
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 8


@cache
def plan(length: int, taps: int, left: int, batch: int, inner: int, outer: int) -> Plan:
    """Choose the cheapest cut of a signal, between one circular block and overlap-save blocks.

    length: samples. taps: of the kernel, and left: those before the one that meets the output's
    own sample. inner, outer: channels.

    One block needs no room for the whole kernel: the ends of the circle may overlap where both are
    zero, so length + max(left, right) is enough. Small blocks transform the overlaps in vain, large
    ones the kernels' zeros: for a batch the signals' transforms weigh more, for a single signal the
    kernels' do.
    """
    overlap = taps - 1
    whole = good_size(length + max(left, overlap - left))
    plans = [Plan(whole, length, 1, 0)]
    size = good_size(2 * overlap + 1)  # a block overlaps none but the next
    while size - overlap < length:
        hop = size - overlap
        plans.append(Plan(size, hop, -(-length // hop), left))
        size = good_size(size + 1)

    def cost(p: Plan) -> float:
        rows = p.blocks * batch
        samples = (inner + outer) * rows + inner * outer
        radix = POWER_OF_TWO if p.size & (p.size - 1) == 0 else 1.0
        return p.size * (radix * samples + PRODUCT * inner * outer * rows)

    return min(plans, key=cost)


def cut(x: Tensor, p: Plan) -> Tensor:
    """(models, channels, batch, length) -> overlapping (models, channels, batch * blocks, size)."""
    if p.blocks == 1 and p.lead == 0:
        return x
    padded = F.pad(x, (p.lead, (p.blocks - 1) * p.hop + p.size - p.lead - x.shape[3]))
    return padded.unfold(-1, p.size, p.hop).flatten(2, 3)


def join(y: Tensor, p: Plan, length: int) -> Tensor:
    """Blocks of which only the first `hop` samples count -> (models, channels, batch, length)."""
    if p.blocks == 1:
        return y[..., :length]
    return y[..., : p.hop].unflatten(2, (-1, p.blocks)).flatten(3)[..., :length]


def split(grad: Tensor, y: Tensor | None, p: Plan, stride: int, slope: float) -> Tensor:
    """The transpose of `join` and `interleave`: disjoint blocks and zeros, shaped as by `cut`.

    grad and, where it was rectified, y (models, channels, batch, length * stride) ->
    (models, channels * stride, batch * blocks, size).
    """
    models, channels, batch, length = grad.shape
    blocks = grad.new_empty(models, channels, stride, batch, p.blocks, p.size)
    whole = (p.blocks - 1) * p.hop
    rest = length // stride - whole
    blocks[..., -1, rest : p.hop] = 0
    blocks[..., p.hop :] = 0

    def pieces(of: Tensor) -> tuple[Tensor, Tensor]:
        """What goes into all blocks but the last, and into the last."""
        of = of.unflatten(-1, (-1, stride)).movedim(-1, 2)
        return of[..., :whole].unflatten(-1, (p.blocks - 1, p.hop)), of[..., whole:]

    targets = blocks[..., :-1, : p.hop], blocks[..., -1, :rest]
    if y is not None and stride == 1:
        for target, part, of in zip(targets, pieces(grad), pieces(y), strict=True):
            torch.ops.aten.leaky_relu_backward.grad_input(part, of, slope, True, grad_input=target)
    else:
        if y is not None:  # while samples lie together: where they do not it is slow
            grad = torch.ops.aten.leaky_relu_backward(grad, y, slope, True)
        for target, part in zip(targets, pieces(grad), strict=True):
            target.copy_(part)
    return blocks.flatten(1, 2).flatten(2, 3)


def overlap_add(x: Tensor, p: Plan, length: int) -> Tensor:
    """The transpose of `cut`: blocks summed where they overlap."""
    if p.blocks == 1:
        return x[..., p.lead : p.lead + length]
    x = x.unflatten(2, (-1, p.blocks))
    total = F.pad(x[..., : p.hop].flatten(3), (0, p.hop))
    total[..., p.hop :].unflatten(-1, (p.blocks, p.hop))[..., : p.size - p.hop] += x[..., p.hop :]
    return total[..., p.lead : p.lead + length]


def to_spectrum(x: Tensor, size: int, last: bool) -> Tensor:
    """(models, channels, batch, up to size) -> (size // 2 + 1, models, channels, batch).

    `last` leaves the frequencies where the samples were, which saves a pass over the memory.
    """
    if x.shape[3] < size or not x.is_contiguous():
        padded = x.new_empty(*x.shape[:3], size)
        padded[..., : x.shape[3]] = x
        padded[..., x.shape[3] :] = 0
        x = padded
    spectrum = torch.fft.rfft(x)
    return spectrum if last else spectrum.flatten(0, 2).t().contiguous().view(-1, *x.shape[:3])


def to_signal(spectrum: Tensor, size: int, last: bool) -> Tensor:
    """Undo `to_spectrum`: (models, channels, batch, size)."""
    if last:
        return torch.fft.irfft(spectrum, n=size)
    rows = spectrum.view(spectrum.shape[0], -1).t().contiguous()
    return torch.fft.irfft(rows, n=size).view(*spectrum.shape[1:], size)
