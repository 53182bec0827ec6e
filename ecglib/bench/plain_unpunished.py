"""One unpunished net of PyTorch's own layers: what tests and the benchmark compare with."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecglib.nets.unpunished import (
    ACCUMULATOR,
    DECODER,
    ENCODER,
    LEARNING_RATE,
    PENALTY,
    SLOPE,
    pooled_lengths,
)


class PlainUnpunished(nn.Module):
    """The net of `nets.unpunished.forward`, for one signal (samples,), layer by layer.

    TensorFlow's padding is written out where PyTorch's differs.
    """

    def __init__(self, p: int, samples: int) -> None:
        super().__init__()
        first, middle, _ = pooled_lengths(samples, p)
        self.pools, self.sizes = (2, p, 2), (middle, first, samples)
        self.encoder = nn.ModuleList(
            nn.Conv1d(channels, out, taps, padding="same") for out, channels, taps in ENCODER
        )
        self.decoder = nn.ModuleList(
            nn.ConvTranspose1d(channels, out, taps, stride=stride, bias=False)
            for (channels, out, taps), stride in zip(DECODER, (2, p, 2), strict=True)
        )
        self.unused = nn.ParameterList(torch.zeros(shape[0]) for shape in DECODER)

    def in_order(self) -> list[Tensor]:
        """The parameters in the order of `nets.unpunished.SHAPES`."""
        encoder = [v for layer in self.encoder for v in layer.parameters()]
        weights = (layer.get_parameter("weight") for layer in self.decoder)
        decoder = zip(weights, self.unused, strict=True)
        return [*encoder, *(value for pair in decoder for value in pair)]

    def load(self, values: list[Tensor]) -> "PlainUnpunished":
        """Take over parameters in the order of `nets.unpunished.SHAPES`; returns itself."""
        with torch.no_grad():
            for mine, value in zip(self.in_order(), values, strict=True):
                mine.copy_(value)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct a signal (samples,)."""
        x = x[None, None]
        for layer, pool in zip(self.encoder, self.pools, strict=True):
            x = layer(x)
            missing = -x.shape[-1] % pool
            if missing:
                x = F.pad(x, (missing // 2, missing - missing // 2), value=-torch.inf)
            x = F.leaky_relu(F.max_pool1d(x, pool), SLOPE)
        for layer, size in zip(self.decoder, self.sizes, strict=True):
            x = layer(x)
            skip = (x.shape[-1] - size) // 2
            x = F.leaky_relu(x[..., skip : skip + size], SLOPE)
        return x[0, 0]

    def loss(self, fed: Tensor, signal: Tensor, mask: Tensor) -> Tensor:
        """The published loss of one signal (samples,), microvolts squared."""
        squares = sum((value.square().sum() for value in self.in_order()), torch.zeros(()))
        return (mask * (self(fed) - signal).square()).mean() + PENALTY * squares / 2

    def adagrad(self) -> torch.optim.Adagrad:
        """The published optimiser."""
        return torch.optim.Adagrad(
            self.parameters(), lr=LEARNING_RATE, initial_accumulator_value=ACCUMULATOR, eps=0
        )
