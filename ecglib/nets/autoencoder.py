"""The paper's convolutional autoencoder (section II-A, Table I) and its variations."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ecglib.nets.fftconv import FFTConv1d
from ecglib.nets.pooling import NormPool1d

# The amplitude in mV that the net sees as 1, about lead V6's standard deviation. With 1 mV training
# stays at the mean for hundreds of steps.
UNIT_MV = 0.2


class ConvAutoencoder(nn.Module):
    """The autoencoder of the paper's Table I; its arguments are the table's numbers.

    length: samples of a signal, a multiple of the pools' product. latent: numbers in the code.
    filters, kernels (taps), pools: one entry for each block of the encoder. The decoder mirrors
        it: dense, then upsampling and convolution for each block, in reverse.
    batch_norm: whether blocks normalise along the channels.
    dropout: probability after each block of the encoder.
    convolution: FFTConv1d, or nn.Conv1d for the same net with PyTorch's own convolution.

    Signals go in and come out in mV. Raises ValueError when the blocks do not match each other or
    the length.
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
        short = length
        for pool in pools:
            if short % pool:
                raise ValueError(
                    f"A signal of {length} samples cannot be pooled by {tuple(pools)}; "
                    "use a length that their product divides."
                )
            short //= pool
        inward = [1, *filters[:-1]]
        self.encoder = nn.ModuleList(
            _Encode(convolution(inner, outer, taps, padding="same"), pool, batch_norm, dropout)
            for inner, outer, taps, pool in zip(inward, filters, kernels, pools, strict=True)
        )
        self.bottleneck = (filters[-1], short)
        self.to_latent = nn.Linear(filters[-1] * short, latent)
        self.from_latent = nn.Linear(latent, filters[-1] * short)
        # Mirrored: each block gives back what its twin in the encoder took in, except that the
        # kernels are applied after upsampling, so the widths follow one block later.
        outward = [*filters[-2::-1], 1]
        last = [False] * (len(pools) - 1) + [True]
        blocks = zip(filters[::-1], outward, kernels[::-1], pools[::-1], last, strict=True)
        self.decoder = nn.ModuleList(
            _Decode(convolution(inner, outer, taps, padding="same"), pool, batch_norm, end)
            for inner, outer, taps, pool, end in blocks
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
        x = signals[:, None] / UNIT_MV
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
        return x[:, 0] * UNIT_MV

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


class _Encode(nn.Module):
    """Convolution ("same"), ReLU, batch norm if wanted, max pooling and dropout."""

    def __init__(self, conv: nn.Conv1d, pool: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.conv = conv
        self.norm = NormPool1d(conv.out_channels, pool) if batch_norm else nn.MaxPool1d(pool)
        self.pool = pool
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(_convolve(self.conv, x, 1, True))
        return F.dropout(x, self.dropout, self.training)


class _Decode(nn.Module):
    """Convolution ("same") of the upsampled signal, and unless it is the last, ReLU and norm."""

    def __init__(self, conv: nn.Conv1d, pool: int, batch_norm: bool, last: bool) -> None:
        super().__init__()
        self.conv = conv
        self.rectify = not last  # a signal may be negative
        self.norm = NormPool1d(conv.out_channels, 1) if batch_norm and not last else nn.Identity()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(_convolve(self.conv, x, self.pool, self.rectify))


def _convolve(conv: nn.Conv1d, x: Tensor, upsample: int, rectify: bool) -> Tensor:
    """Convolve the upsampled signals, and rectify them."""
    if isinstance(conv, FFTConv1d):
        return conv(x, upsample, 0.0 if rectify else 1.0)
    y = conv(x.repeat_interleave(upsample, dim=-1))
    return F.relu(y) if rectify else y
