"""Blocks and spectra: each way back undoes or transposes the way there."""

import pytest
import torch

from ecglib.fft_blocks import (
    cut,
    fold,
    join,
    overlap_add,
    split,
    to_signal,
    to_spectrum,
    unfold,
)
from ecglib.fft_plan import Plan

PLANS = [Plan(48, 40, 1, 0), Plan(48, 40, 1, 5), Plan(24, 16, 3, 5), Plan(16, 9, 5, 4)]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("samples", [24, 17])
def test_spectra_are_those_of_the_padded_signals(samples, last):
    x = normal(2, 3, 4, samples)
    spectrum = to_spectrum(x, 24, last)
    theirs = torch.fft.rfft(x, n=24)
    torch.testing.assert_close(spectrum, theirs if last else theirs.movedim(-1, 0))
    padded = torch.nn.functional.pad(x, (0, 24 - samples))
    torch.testing.assert_close(to_signal(spectrum, 24, last), padded)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_zeros_between_samples_repeat_the_spectrum(stride):
    x = normal(2, 3, 4, 16)
    stuffed = torch.stack([x, *[torch.zeros_like(x)] * (stride - 1)], -1).flatten(-2)
    whole = to_spectrum(stuffed, 16 * stride, False)
    pieces = to_spectrum(x, 16, False).repeat(1, 1, stride, 1)
    torch.testing.assert_close(unfold(pieces, stride), whole)
    torch.testing.assert_close(fold(whole, stride), pieces)


@pytest.mark.parametrize("p", PLANS)
def test_blocks_are_windows_of_the_signal(p):
    x = normal(2, 3, 2, 40)
    blocks = cut(x, p).unflatten(2, (2, p.blocks))
    for block in range(p.blocks):
        for sample in range(blocks.shape[-1]):
            at = block * p.hop + sample - p.lead
            expected = x[..., at] if 0 <= at < 40 else torch.zeros(2, 3, 2)
            assert torch.equal(blocks[:, :, :, block, sample], expected.to(x))


@pytest.mark.parametrize("p", PLANS)
def test_adding_overlaps_is_the_transpose_of_cutting(p):
    x = normal(2, 3, 2, 40)
    blocks = cut(x, p)
    y = normal(*blocks.shape, seed=1)
    there, back = (blocks * y).sum(), (x * overlap_add(y, p, 40)).sum()
    torch.testing.assert_close(there, back)


@pytest.mark.parametrize("hop, blocks, size", [(40, 1, 48), (16, 3, 24), (9, 5, 16)])
def test_joining_undoes_splitting(hop, blocks, size):
    y = normal(2, 3, 2, 40)
    parts = split(y, hop, blocks, size)
    assert blocks == 1 or parts.shape == (2, 3, 2 * blocks, size)
    assert parts.square().sum() == pytest.approx(y.square().sum())
    assert torch.equal(join(parts, hop, blocks, 40), y)
