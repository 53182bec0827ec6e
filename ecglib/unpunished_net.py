"""The net of section III as the authors published it for TensorFlow 1, for many models at once.

Models lie on the leading axis, each with its own weights and signal.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from ecglib.fftconv import conv1d_same, conv_transpose1d_same
from ecglib.pooling import max_pool1d_same

__all__ = [
    "DECODER",
    "ENCODER",
    "SHAPES",
    "SLOPE",
    "code_size",
    "depth",
    "forward",
    "initial",
    "lengths",
    "reach",
    "upsample_leaky",
]

SLOPE = 0.2  # of the leaky ReLU
SPREAD = 0.1  # standard deviation of the initial weights, cut at twice that
COARSE = 250  # samples: the unit of a depth, so that networks of like regions share a length

# (out, in, taps) of the encoder's kernels and (in, out, taps) of the decoder's; biases follow. The
# published decoder has biases too, of these lengths, that it never adds but does penalise.
ENCODER = ((10, 1, 100), (10, 10, 80), (5, 10, 50))
DECODER = ((5, 10, 50), (10, 10, 80), (10, 1, 100))
SHAPES = (
    *[shape for kernel in ENCODER for shape in (kernel, kernel[:1])],
    *[shape for kernel in DECODER for shape in (kernel, kernel[:1])],
)


def initial(seed: int) -> Iterator[Tensor]:
    """Parameters of one network, in the order of `SHAPES`."""
    generator = torch.Generator().manual_seed(seed)
    for shape in SHAPES:
        values = torch.empty(shape)
        bounds = -2 * SPREAD, 2 * SPREAD
        yield torch.nn.init.trunc_normal_(values, 0.0, SPREAD, *bounds, generator=generator)


def lengths(samples: int, p: int) -> tuple[int, int, int]:
    """Samples after each of the encoder's pools: a 'SAME' pool of n samples gives ceil(n / p)."""
    first = -(-samples // 2)
    middle = -(-first // p)
    return first, middle, -(-middle // 2)


def code_size(samples: int, p: int) -> int:
    """How many numbers the code holds."""
    return ENCODER[-1][0] * lengths(samples, p)[-1]


def reach(p: int) -> int:
    """How far from an output sample the inputs lie that it depends on, in samples, at most."""
    rates = 1, 2, 2 * p  # samples from one number to the next, in the input of each layer
    kernels = sum(rate * kernel[-1] for rate, kernel in zip(rates, ENCODER, strict=True))
    return kernels + 3 * 4 * p  # half a kernel on either way, and the pools' windows


def depth(samples: int, p: int, start: int, end: int) -> tuple[int, int]:
    """The stretch [from, to) deep in a region [start, end) on which no output outside depends.

    It is a multiple of the total stride 4 p long, so that pools and transposed convolutions fall
    on the same samples when it is cut out. Where there is none, from and to are equal.
    """
    first = start + reach(p) if start > 0 else 0
    last = end - reach(p) if end < samples else samples
    if last <= first:
        return end, end
    long = (last - first) // COARSE * COARSE // (4 * p) * (4 * p)
    return first, first + long


def upsample_leaky(x: Tensor, weight: Tensor, stride: int, samples: int) -> Tensor:
    """Transposed convolution to `samples` samples as TensorFlow's 'SAME' aligns it, leaky ReLU.

    x (models, 1, in, n), weight (models, in, out, taps) -> (models, 1, out, samples); n must be
    ceil(samples / stride).
    """
    y = conv_transpose1d_same(x, weight, stride)
    # 'SAME' pads a strided convolution by half of what its last window lacks, rounded down; that
    # depends on the longer signal's length, which need not be a multiple of the stride.
    taps, whole = weight.shape[-1], y.shape[-1]
    skip = max(taps - stride + whole - samples, 0) // 2 - max(taps - stride, 0) // 2
    return F.leaky_relu(y[..., skip : skip + samples], SLOPE)


def forward(parameters: list[Tensor], x: Tensor, p: int) -> Tensor:
    """Reconstruct signals (models, samples) by an ensemble; the result has the same shape."""
    samples = x.shape[-1]
    first, middle, _ = lengths(samples, p)
    weights = parameters[0::2]
    x = x[:, None, None]
    for weight, bias, pool in zip(weights[:3], parameters[1:6:2], (2, p, 2), strict=True):
        x = F.leaky_relu(max_pool1d_same(conv1d_same(x, weight, bias), pool), SLOPE)
    sizes = zip((2, p, 2), (middle, first, samples), strict=True)
    for weight, (stride, size) in zip(weights[3:], sizes, strict=True):
        x = upsample_leaky(x, weight, stride, size)
    return x[:, 0, 0]
