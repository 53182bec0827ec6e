"""The paper's convolutional autoencoder (section II-A, Table I) and its variations."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ecglib.fftconv import FFTConv1d


class _Encode(nn.Module):
    """Convolution, ReLU, batch norm along the channels, max pooling, dropout."""

    def __init__(self, convolution, inner, outer, taps, pool, batch_norm, dropout):
        super().__init__()
        self.conv = convolution(inner, outer, taps, padding="same")
        self.norm = nn.BatchNorm1d(outer) if batch_norm else nn.Identity()
        self.pool = pool
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool1d(self.norm(F.relu(self.conv(x))), self.pool)
        return F.dropout(x, self.dropout, self.training)


class _Decode(nn.Module):
    """Nearest-neighbour upsampling, convolution and, but for the last, ReLU and batch norm."""

    def __init__(self, convolution, inner, outer, taps, pool, batch_norm, last):
        super().__init__()
        self.conv = convolution(inner, outer, taps, padding="same")
        self.norm = nn.BatchNorm1d(outer) if batch_norm and not last else nn.Identity()
        self.pool = pool
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.conv, FFTConv1d):
            x = self.conv(x, upsample=self.pool)
        else:
            x = self.conv(x.repeat_interleave(self.pool, dim=-1))
        return x if self.last else self.norm(F.relu(x))


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
        convolution: type[nn.Module] = FFTConv1d,
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
            _Encode(convolution, inner, outer, taps, pool, batch_norm, dropout)
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
            _Decode(convolution, inner, outer, taps, pool, batch_norm, last=i == len(blocks) - 1)
            for i, (inner, outer, taps, pool) in enumerate(
                zip(inward, outward, reversed(kernels), reversed(pools), strict=True)
            )
        )

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
            conv = block.conv
            taps, inner, outer = conv.kernel_size[0], conv.in_channels, conv.out_channels
            rows.append(("conv", f"{taps}x1/{outer}", f"{length}x{inner}"))
            rows.append(("pool", f"{block.pool}", f"{length}x{outer}"))
            length //= block.pool
        rows.append(("dense", f"{self.to_latent.out_features}", f"{length}x{outer}"))
        return [dict(zip(("Type", "Parameters", "Input size"), row, strict=True)) for row in rows]
