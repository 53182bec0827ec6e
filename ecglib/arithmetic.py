"""Operations counted, of a training step of Table I's net."""

import math
from typing import Any

from ecglib.autoencoder import ConvAutoencoder
from ecglib.fft_plan import plan

__all__ = ["convolution_flops"]


def convolution_flops(net: ConvAutoencoder, batch: int) -> tuple[float, float]:
    """Floating-point operations of the convolutions of a training step: by FFT, and directly."""
    done = direct = 0.0
    length = net.length
    layers: list[tuple[Any, int, int]] = []
    block: Any
    for block in net.encoder:
        layers.append((block.conv, length, 1))
        length //= block.pool
    for block in net.decoder:
        layers.append((block.conv, length, block.pool))
        length *= block.pool
    for i, (conv, short, upsample) in enumerate(layers):
        taps, inner, outer = conv.kernel_size[0], conv.in_channels, conv.out_channels
        passes = 3 if i else 2  # the signals themselves need no gradient
        left = (taps - 1) // 2 + upsample - 1
        p = plan(short, taps + upsample - 1, left, upsample, batch, inner, outer)
        rows = batch * p.blocks
        slow, fast = (2.5 * n * math.log2(n) for n in (p.size, p.size * upsample))
        done += (passes - 1) * inner * rows * slow + 2 * outer * (rows + inner) * fast
        done += passes * 8 * (p.size * upsample / 2 + 1) * rows * inner * outer
        direct += passes * 2.0 * batch * short * upsample * taps * inner * outer
    return done, direct
