"""Convolution by FFT against PyTorch's own, forward, backward and state."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from ecglib.nets import fftconv
from ecglib.nets.fftconv import (
    FFTConv1d,
    Plan,
    by_phase,
    conv1d_same,
    conv_transpose1d_same,
    cut,
    good_size,
    interleave,
    join,
    overlap_add,
    plan,
    split,
    to_signal,
    to_spectrum,
)

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

DIRECT = fftconv.DIRECT
SIZES = {
    "length": st.integers(1, 400),
    "taps": st.integers(1, 130),
    "channels": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "models": st.integers(1, 3),
}


@pytest.fixture(autouse=True)
def seeded_and_by_fft(monkeypatch):
    """The direct path would otherwise take the small cases over."""
    torch.manual_seed(0)
    monkeypatch.setattr(fftconv, "DIRECT", 0)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tensor(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return normal(*shape, seed=seed, dtype=dtype).requires_grad_()


def reference(x, weight, bias=None, upsample=1):
    """Each model by nn.functional.conv1d, of the repeated samples."""
    x = x.repeat_interleave(upsample, -1)
    biases = [None] * len(x) if bias is None else bias
    models = zip(x, weight, biases, strict=True)
    return torch.stack([F.conv1d(a, w, b, padding="same") for a, w, b in models])


def transposed_reference(x, weight, stride):
    """The gradient, with regard to its input, of TensorFlow's strided 'SAME' convolution."""
    models, batch, _, length = x.shape
    out, taps = weight.shape[2:]
    total = max(taps - stride, 0)
    zeros = torch.zeros(models, batch, out, length * stride, dtype=x.dtype, requires_grad=True)
    padded = F.pad(zeros, (total // 2, total - total // 2 + max(stride - taps, 0)))
    strided = torch.stack(
        [F.conv1d(z, w, stride=stride) for z, w in zip(padded, weight, strict=True)]
    )
    return torch.autograd.grad(strided[..., :length], zeros, x, create_graph=True)[0]


def assert_same(ours, theirs, inputs, tolerance=1e-9):
    """Values and gradients agree, for one random direction of the result."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    direction = normal(*ours.shape, seed=9, dtype=ours.dtype)
    gradients = [torch.autograd.grad(y, inputs, direction) for y in (ours, theirs)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("upsample", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 2, 5, 12])
@pytest.mark.parametrize("models, batch, inner, outer", [(1, 1, 1, 1), (2, 3, 2, 3)])
def test_gradients_of_convolution(models, batch, inner, outer, taps, upsample):
    inputs = (
        tensor(models, batch, inner, 7),
        tensor(models, outer, inner, taps, seed=1),
        tensor(models, outer, seed=2),
    )
    assert torch.autograd.gradcheck(lambda *a: conv1d_same(*a, upsample=upsample), inputs)


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("taps", [1, 4, 9])
def test_gradients_of_transposed_convolution(taps, stride):
    inputs = (tensor(2, 2, 2, 5), tensor(2, 2, 3, taps, seed=1))
    assert torch.autograd.gradcheck(lambda *a: conv_transpose1d_same(*a, stride), inputs)


@pytest.mark.parametrize("length, taps", [(640, 9), (901, 50)])
def test_gradients_block_by_block(length, taps):
    assert plan(length, taps, (taps - 1) // 2, 1, 2, 2).blocks > 1
    x, weight, bias = tensor(2, 1, 2, length), tensor(2, 2, 2, taps), tensor(2, 2)
    assert_same(conv1d_same(x, weight, bias), reference(x, weight, bias), (x, weight, bias))
    assert torch.autograd.gradcheck(conv1d_same, (x, weight, bias), fast_mode=True)


@settings(max_examples=60)
@given(**SIZES, batch=st.integers(1, 3), upsample=st.integers(1, 4))
def test_equals_pytorch(length, taps, channels, batch, models, upsample):
    inner, outer = channels
    x = tensor(models, batch, inner, length)
    weight, bias = tensor(models, outer, inner, taps, seed=1), tensor(models, outer, seed=2)
    assert_same(
        conv1d_same(x, weight, bias, upsample),
        reference(x, weight, bias, upsample),
        (x, weight, bias),
    )


@pytest.mark.parametrize("slope", [0.0, 0.2])
@pytest.mark.parametrize("length, upsample", [(90, 1), (901, 1), (90, 3), (901, 2)])
@pytest.mark.parametrize("direct", [0, DIRECT])
def test_a_rectifier_may_follow(length, upsample, slope, direct, monkeypatch):
    monkeypatch.setattr(fftconv, "DIRECT", direct)
    x, weight, bias = tensor(2, 2, 3, length), tensor(2, 4, 3, 15, seed=1), tensor(2, 4, seed=2)
    ours = conv1d_same(x, weight, bias, upsample, slope)
    theirs = F.leaky_relu(reference(x, weight, bias, upsample), slope)
    assert_same(ours, theirs, (x, weight, bias))
    weight = tensor(2, 3, 4, 15, seed=1)
    ours = conv_transpose1d_same(x, weight, 3, slope)
    assert_same(ours, F.leaky_relu(transposed_reference(x, weight, 3), slope), (x, weight))


@settings(max_examples=60)
@given(**SIZES, stride=st.integers(1, 10))
def test_transposed_is_the_gradient_of_a_strided_convolution(
    length, taps, channels, models, stride
):
    x = tensor(models, 1, channels[0], length)
    weight = tensor(models, *channels, taps, seed=1)
    ours = conv_transpose1d_same(x, weight, stride)
    assert ours.shape[-1] == length * stride
    assert_same(ours, transposed_reference(x, weight, stride), (x, weight))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "inner, outer, taps", [(1, 30, 100), (30, 15, 100), (15, 5, 21), (2, 3, 3)]
)
def test_drop_in_for_conv1d(inner, outer, taps, bias, monkeypatch):
    monkeypatch.setattr(fftconv, "DIRECT", DIRECT)
    theirs = nn.Conv1d(inner, outer, taps, padding="same", bias=bias)
    ours = FFTConv1d(inner, outer, taps, bias=bias)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    signals = tensor(4, inner, 256, dtype=torch.float32)
    torch.testing.assert_close(ours(signals), theirs(signals), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours(signals[0]), theirs(signals[0]), rtol=1e-4, atol=1e-5)


def test_direct_path_is_taken_for_short_sums_and_agrees(monkeypatch):
    monkeypatch.setattr(fftconv, "DIRECT", DIRECT)
    x, weight, bias = tensor(3, 2, 4, 50), tensor(3, 5, 4, 3), tensor(3, 5)
    assert weight[0, 0].numel() <= DIRECT
    monkeypatch.setattr(fftconv, "plan", None)
    assert_same(conv1d_same(x, weight, bias), reference(x, weight, bias), (x, weight, bias))


@pytest.mark.parametrize("convolve, weight", [
    (conv1d_same, tensor(3, 6, 4, 80, dtype=torch.float32)),
    (lambda x, w: conv_transpose1d_same(x, w, 3), tensor(3, 4, 6, 80, dtype=torch.float32)),
])  # fmt: skip
def test_a_model_does_not_depend_on_its_company(convolve, weight):
    x = tensor(3, 1, 4, 700, dtype=torch.float32)
    together = convolve(x, weight)
    grads = torch.autograd.grad(together.square().sum(), (x, weight))
    for i in range(3):
        alone = convolve(x[i : i + 1], weight[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], rtol=1e-5, atol=1e-4)
        for grad, whole in zip(
            torch.autograd.grad(alone.square().sum(), (x, weight)), grads, strict=True
        ):
            torch.testing.assert_close(grad[i], whole[i], rtol=1e-4, atol=1e-2)


def test_reruns_are_identical():
    x, weight = tensor(2, 3, 4, 600), tensor(2, 5, 4, 80)
    runs = []
    for _ in range(2):
        y = conv1d_same(x, weight)
        runs.append((y, *torch.autograd.grad(y.square().sum(), (x, weight))))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: conv1d_same(torch.zeros(3, 1, 8), torch.zeros(1, 1, 1, 3)), "four-dimensional"),
        (lambda: conv1d_same(torch.zeros(1, 1, 2, 8), torch.zeros(1, 1, 1, 3)), "input channels"),
        (lambda: conv1d_same(torch.zeros(2, 1, 1, 8), torch.zeros(1, 1, 1, 3)), "models"),
        (lambda: FFTConv1d(2, 3, 5)(torch.zeros(4, 3, 8)), r"\(batch, 2, length\)"),
        (lambda: FFTConv1d(2, 3, 5, padding="valid"), "only pads 'same'"),
    ],
)
def test_wrong_shapes_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.cuda
def test_cuda_equals_cpu():
    x, weight, bias = tensor(3, 2, 4, 700), tensor(3, 6, 4, 80), tensor(3, 6)
    on_gpu = conv1d_same(x.cuda(), weight.cuda(), bias.cuda())
    assert_same(on_gpu.cpu(), conv1d_same(x, weight, bias), (x, weight, bias))


def smooth(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1


@given(st.integers(1, 5000))
def test_a_good_size_is_the_least_of_its_kind(least):
    size = good_size(least)
    assert size == next(n for n in range(least, size + 1) if n % 8 == 0 and smooth(n))


@given(
    length=st.integers(1, 3000),
    taps=st.integers(1, 300),
    place=st.floats(0, 1),
    batch=st.integers(1, 64),
    channels=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_blocks_cover_the_signal_and_hold_the_overlaps(length, taps, place, batch, channels):
    left = round(place * (taps - 1))
    p = plan(length, taps, left, batch, *channels)
    assert (p.blocks - 1) * p.hop < length <= p.blocks * p.hop
    if p.blocks == 1 and p.lead == 0:
        assert p.size >= length + max(left, taps - 1 - left)
    else:
        assert p.lead == left
        assert p.size == p.hop + taps - 1
        assert p.hop > taps - 1  # a block overlaps none but the next


def test_a_batch_takes_larger_blocks_than_a_single_signal():
    single, batch = (plan(512, 80, 39, count, 10, 10) for count in (1, 64))
    assert single.size < batch.size


PLANS = [Plan(48, 40, 1, 0), Plan(48, 40, 1, 5), Plan(24, 16, 3, 5), Plan(16, 9, 5, 4)]


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("samples", [24, 17])
def test_spectra_are_those_of_the_padded_signals(samples, last):
    x = normal(2, 3, 4, samples)
    spectrum = to_spectrum(x, 24, last)
    theirs = torch.fft.rfft(x, n=24)
    torch.testing.assert_close(spectrum, theirs if last else theirs.movedim(-1, 0))
    padded = F.pad(x, (0, 24 - samples))
    torch.testing.assert_close(to_signal(spectrum, 24, last), padded)


@given(left=st.integers(-9, 20), taps=st.integers(1, 20), stride=st.integers(1, 7))
def test_phases_meet_the_samples_of_the_stuffed_signal(left, taps, stride):
    weight, x = normal(1, 1, 1, taps), normal(5, seed=1)
    phases, before = by_phase(weight, left, stride)
    assert phases.shape[:3] == (1, stride, 1)
    for n in range(5 * stride):
        at = [(n + k - left, k) for k in range(taps)]
        stuffed = sum(weight[0, 0, 0, k] * x[i // stride] for i, k in at
                      if i % stride == 0 and 0 <= i < 5 * stride)  # fmt: skip
        at = [(n // stride + j - before, j) for j in range(phases.shape[3])]
        ours = sum(phases[0, n % stride, 0, j] * x[i] for i, j in at if 0 <= i < 5)
        assert float(ours) == pytest.approx(float(stuffed))


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


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("hop, blocks, size", [(40, 1, 48), (16, 3, 24), (9, 5, 16)])
def test_joining_and_interleaving_undo_splitting(hop, blocks, size, stride):
    y, p = normal(2, 3, 2, 40 * stride), Plan(size, hop, blocks, 0)
    parts = split(y, None, p, stride, 1.0)
    assert parts.shape == (2, 3 * stride, 2 * blocks, size)
    assert parts.square().sum() == pytest.approx(y.square().sum())
    assert torch.equal(interleave(join(parts, p, 40), stride, 1.0), y)
    ramps = normal(*y.shape, seed=1)
    rectified = split(y, ramps, p, stride, 0.2)
    back = interleave(join(rectified, p, 40), stride, 1.0)
    torch.testing.assert_close(back, torch.where(ramps > 0, y, 0.2 * y))
