"""Which way to convolve a signal by FFT is cheapest: in one circular block, or in many."""

from functools import cache
from typing import NamedTuple

__all__ = ["Plan", "good_size", "plan"]

# Measured on a CPU: the time of one term of the sum over channels, and of transforming a sample in
# blocks of a power of two, over that of transforming a sample in other blocks, whatever their size.
PRODUCT = 0.08
POWER_OF_TWO = 0.8


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

    length: input samples; taps and left: at the output's rate, `stride` times the input's;
    inner and outer: channels. One block needs no room for the whole kernel: the ends of the circle
    may overlap where both are zero, so length + max(left, right) is enough. Small blocks transform
    the overlaps in vain, large ones the kernels' zeros: for a batch the signals' transforms weigh
    more, for a single signal the kernels' do.
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
