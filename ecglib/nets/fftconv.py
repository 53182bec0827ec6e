"""'Same' convolution of long signals with long kernels, by FFT, with its own backward pass.

By hand, since the library that convolves by FFT took five times as long for the same step.

A product of spectra is a convolution on a circle. A signal is cut into blocks that overlap by the
kernel's length, and of each product with the kernel's spectrum what the circle did not touch is
kept (overlap-save). Many models are convolved at once, each with kernels of its own: the sum over
channels is a matrix product at each frequency. The backward pass reuses the spectra of the forward.

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

    def forward(self, signals: Tensor, upsample: int = 1) -> Tensor:
        """Convolve, after repeating every sample `upsample` times."""
        if signals.dim() not in (2, 3) or signals.shape[-2] != self.in_channels:
            raise ValueError(
                f"FFTConv1d expects signals (batch, {self.in_channels}, length), "
                f"but they are {tuple(signals.shape)}."
            )
        bias = None if self.bias is None else self.bias[None]
        x = signals if signals.dim() == 3 else signals[None]
        y = conv1d_same(x[None], self.weight[None], bias, upsample)[0]
        return y if signals.dim() == 3 else y[0]


def conv1d_same(x: Tensor, weight: Tensor, bias: Tensor | None = None, upsample: int = 1) -> Tensor:
    """Convolve each model's signals with its own kernels, as nn.Conv1d(padding="same") does.

    x (models, batch, in, length), weight (models, out, in, taps), bias (models, out) ->
    (models, batch, out, length * upsample). Every sample is first repeated `upsample` times, which
    the kernel does: only the short signal is transformed.

    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[2])
    if upsample == 1 and weight.shape[2] * weight.shape[3] <= DIRECT:
        return _direct(x, weight, bias)
    left = (weight.shape[3] - 1) // 2
    if upsample > 1:
        more = upsample - 1
        weight = F.pad(weight, (more, more)).unfold(-1, upsample, 1).sum(-1)
        left += more
    return _correlate(x, weight, bias, left, upsample)


def conv_transpose1d_same(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Transposed convolution with TensorFlow's 'SAME' padding: the gradient of a strided one.

    x (models, batch, in, length), weight (models, in, out, taps) ->
    (models, batch, out, length * stride). Only the short signal is transformed: zeros between its
    samples repeat its spectrum.

    Raises ValueError when the shapes do not fit together.
    """
    _check(x, weight, weight.shape[1])
    taps = weight.shape[3]
    crop = max(taps - stride, 0) // 2
    return _correlate(x, weight.transpose(1, 2).flip(-1), None, taps - 1 - crop, stride)


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


def _correlate(x: Tensor, weight: Tensor, bias: Tensor | None, left: int, stride: int) -> Tensor:
    """Drop the taps that only ever meet zeros, then correlate; x and the result as conv1d_same."""
    length = x.shape[-1] * stride
    first = max(0, left - (length - 1))
    weight = weight[..., first : min(weight.shape[-1], left + length)]
    return _Correlation.apply(x.transpose(1, 2), weight, bias, left - first, stride).transpose(1, 2)


class _Correlation(torch.autograd.Function):
    """y[n] = bias + sum_k weight[k] z[n + k - left], z being x with stride - 1 zeros stuffed in.

    x (models, in, batch, length), weight (models, out, in, taps), bias (models, out) or None ->
    (models, out, batch, length * stride).
    """

    @staticmethod
    def forward(ctx, x, weight, bias, left, stride):
        (_, inner, batch, length), (outer, taps) = x.shape, weight.shape[1::2]
        p = plan(length, taps, left, stride, batch, inner, outer)
        size, hop = p.size * stride, p.hop * stride
        # With one input channel there is no sum over channels for which to turn the spectra round.
        last = inner == 1 and stride == 1
        signal = to_spectrum(cut(x, p), p.size, last)
        shift = p.lead * stride - left  # where the first tap stands in the block
        if shift < 0:
            rolled = weight.new_zeros(*weight.shape[:3], size)
            rolled[..., : taps + shift] = weight[..., -shift:]
            rolled[..., shift:] = weight[..., :-shift]
        else:
            rolled = F.pad(weight, (shift, size - taps - shift))
        kernel = to_spectrum(rolled, size, last)
        if last:
            product = kernel.conj() * signal
            constant = product[..., 0]
        else:
            kernel = fold(kernel, stride)
            product = unfold(kernel.conj().resolve_conj() @ signal, stride)
            constant = product[0]
        if bias is not None:
            constant += size * bias[:, :, None]
        ctx.save_for_backward(signal, kernel)
        ctx.sizes = p, length, taps, shift, stride, last
        return join(to_signal(product, size, last), hop, p.blocks, length * stride)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        signal, kernel = ctx.saved_tensors
        p, length, taps, shift, stride, last = ctx.sizes
        size, hop = p.size * stride, p.hop * stride
        grad = to_spectrum(split(grad, hop, p.blocks, size), size, last)
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[2]:
            grad_bias = (grad[..., 0] if last else grad[0]).real.sum(-1)
        grad = fold(grad, stride)
        if ctx.needs_input_grad[0]:
            if last:
                product = (kernel * grad).sum(1, keepdim=True)
            else:
                product = (kernel.mT if stride == 1 else kernel.mT / stride) @ grad
            grad_x = overlap_add(to_signal(product, p.size, last), p, length)
        if ctx.needs_input_grad[1]:
            if last:
                product = (grad * signal.conj()).sum(2, keepdim=True).conj()
            elif signal.numel() < grad.numel():  # only the smaller need be conjugated
                product = (grad @ signal.conj().resolve_conj().mT).conj().resolve_conj()
            else:
                product = grad.conj().resolve_conj() @ signal.mT
            full = to_signal(unfold(product, stride), size, last)
            if shift < 0:
                full = torch.cat((full[..., shift:], full[..., : taps + shift]), -1)
                shift = 0
            grad_weight = full[..., shift : shift + taps]
        return grad_x, grad_weight, grad_bias, None, None


class Plan(NamedTuple):
    """How a signal is cut: `blocks` of `hop` input samples, each by an FFT of `size` samples.

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
def plan(
    length: int, taps: int, left: int, stride: int, batch: int, inner: int, outer: int
) -> Plan:
    """Choose the cheapest cut of a signal, between one circular block and overlap-save blocks.

    length: input samples. taps: of the kernel, and left: those before the one that meets the
    output's own sample, at the output's rate, `stride` times the input's. inner, outer: channels.

    One block needs no room for the whole kernel: the ends of the circle may overlap where both are
    zero, so length + max(left, right) is enough. Small blocks transform the overlaps in vain, large
    ones the kernels' zeros: for a batch the signals' transforms weigh more, for a single signal the
    kernels' do.
    """
    right = taps - 1 - left
    lead = -(-left // stride)
    overlap = lead - -right // stride
    whole = good_size(length - -max(left, right) // stride)
    plans = [Plan(whole, length, 1, 0)]
    size = good_size(2 * overlap + 1)  # a block overlaps none but the next
    while size - overlap < length:
        hop = size - overlap
        plans.append(Plan(size, hop, -(-length // hop), lead))
        size = good_size(size + 1)

    def cost(p: Plan) -> float:
        rows = p.blocks * batch
        samples = (inner + stride * outer) * rows + stride * inner * outer
        radix = POWER_OF_TWO if p.size & (p.size - 1) == 0 else 1.0
        return p.size * (radix * samples + PRODUCT * stride * inner * outer * rows)

    return min(plans, key=cost)


def cut(x: Tensor, p: Plan) -> Tensor:
    """(models, channels, batch, length) -> overlapping (models, channels, batch * blocks, size)."""
    if p.blocks == 1 and p.lead == 0:
        return x
    padded = F.pad(x, (p.lead, (p.blocks - 1) * p.hop + p.size - p.lead - x.shape[3]))
    return padded.unfold(-1, p.size, p.hop).flatten(2, 3)


def split(y: Tensor, hop: int, blocks: int, size: int) -> Tensor:
    """(models, channels, batch, length) -> disjoint blocks and zeros, shaped as by `cut`."""
    if blocks == 1:
        return y
    laid = y.new_empty(*y.shape[:3], blocks, size)
    whole = (blocks - 1) * hop
    laid[..., :-1, :hop] = y[..., :whole].unflatten(-1, (blocks - 1, hop))
    laid[..., hop:] = 0
    laid[..., -1, : y.shape[3] - whole] = y[..., whole:]
    laid[..., -1, y.shape[3] - whole :] = 0
    return laid.flatten(2, 3)


def join(y: Tensor, hop: int, blocks: int, length: int) -> Tensor:
    """Undo `split`, from blocks of which only the first `hop` samples count."""
    if blocks == 1:
        return y[..., :length]
    return y[..., :hop].unflatten(2, (-1, blocks)).flatten(3)[..., :length]


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


def fold(spectrum: Tensor, stride: int) -> Tensor:
    """Pieces of a spectrum that meet the same frequency of a signal stuffed with stride - 1 zeros.

    (stride * half + 1, models, channels, batch) -> (half + 1, models, stride * channels, batch).
    Zeros between samples repeat the spectrum, every other time mirrored, so one product at the
    short signal's rate serves all the pieces, and sums over them in the backward pass.
    """
    if stride == 1:
        return spectrum
    half = (spectrum.shape[0] - 1) // stride
    pieces = [spectrum[i * half : (i + 1) * half + 1] for i in range(stride)]
    return torch.cat([p.flip(0).conj() if i % 2 else p for i, p in enumerate(pieces)], 2)


def unfold(folded: Tensor, stride: int) -> Tensor:
    """Undo `fold`."""
    if stride == 1:
        return folded
    pieces = [p.flip(0).conj() if i % 2 else p for i, p in enumerate(folded.chunk(stride, 2))]
    return torch.cat([p[:-1] for p in pieces[:-1]] + pieces[-1:])
