"""What a training step of Table I's network asks of the machine: arithmetic, and memory."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.fftconv import by_phase, plan

# Operations that touch no sample, beside those that PyTorch itself calls views.
FREE = {"aten::empty", "aten::new_empty", "aten::detach", "aten::_unsafe_view", "aten::_conj"}


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
        more = upsample - 1
        kernel = torch.empty(1, outer, inner, taps + more)
        phases, left = by_phase(kernel, (taps - 1) // 2 + more, upsample)
        kernels = phases.shape[1]
        p = plan(short, phases.shape[3], left, batch, inner, kernels)
        rows = batch * p.blocks
        transforms = (passes - 1) * inner * rows + 2 * kernels * (rows + inner)
        done += transforms * 2.5 * p.size * math.log2(p.size)
        done += passes * 8 * (p.size / 2 + 1) * rows * inner * kernels
        direct += passes * 2.0 * batch * short * upsample * taps * inner * outer
    return done, direct


def traffic(step: Callable[[], object]) -> tuple[int, int]:
    """Bytes that the operations of a step read and write, and how many operations there are."""
    with _Traffic() as counted:
        step()
    return counted.bytes, counted.operations


class _Traffic(TorchDispatchMode):
    """Counts each operation's arguments and results, which for a long one pass the cache by."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view and func.name().partition(".")[0] not in FREE:
            leaves = tree_leaves((args, kwargs, result))
            self.bytes += sum(x.nbytes for x in leaves if isinstance(x, torch.Tensor))
            self.operations += 1
        return result
