"""Signals to blocks, blocks to spectra, and back; each function's transpose or inverse beside it.

Signals lie channel-major in memory, (models, channels, batch, length), and spectra frequency-first,
(frequencies, models, channels, batch), so that a sum over channels is one batched matrix product.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ecglib.fft_plan import Plan

__all__ = ["cut", "fold", "join", "overlap_add", "split", "to_signal", "to_spectrum", "unfold"]


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
