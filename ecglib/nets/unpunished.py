"""The paper's unpunished networks (section III): their fit, and many of them fitted at once.

Each network is an autoencoder of one signal whose squared error does not count in a region, built
and trained as the authors' script does it in TensorFlow 1. While fitted, it computes only those
samples that its loss depends on: what lies deep in the region is left out.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ecglib.fits import resolve_device
from ecglib.nets.fftconv import conv1d_same, conv_transpose1d_same
from ecglib.nets.pooling import max_pool1d_same

GOOD, BAD = 3, 7  # the paper's middle pools
ARMS = ("whole", "hidden", "noise")

# The published training: Adagrad, and half the sum of squared weights and biases in the loss.
LEARNING_RATE = 0.01
ACCUMULATOR = 0.1  # Adagrad's sum of squares before the first step
PENALTY = 1.0

SLOPE = 0.2  # of the leaky ReLU
SPREAD = 0.1  # standard deviation of the initial weights, cut at twice that

# (out, in, taps) of the encoder's kernels and (in, out, taps) of the decoder's; biases follow. The
# published decoder has biases too, of these lengths, that it never adds but does penalise.
ENCODER = ((10, 1, 100), (10, 10, 80), (5, 10, 50))
DECODER = ((5, 10, 50), (10, 10, 80), (10, 1, 100))
SHAPES = [shape for kernel in ENCODER + DECODER for shape in (kernel, kernel[:1])]

COARSE = 250  # samples: unit of what is left out, so that networks of like regions share a length


@dataclass(frozen=True, eq=False)
class UnpunishedFit:
    """One network to fit to one signal, by the published protocol.

    signal: (samples,), microvolts, against whose squares the weight penalty is weighed.
    start, end: the unpunished region [start, end), samples.
    p: the middle pool, 1 to 10; the whole stride is 4 p.
    steps: of Adagrad. seed: of the initial weights (the same whatever p) and of the noise.
    arm: what the network is fed. "whole": the signal, the region included, as published;
        "hidden": the signal, in the region replaced by the mean of the rest; "noise": white noise
        of the signal's mean and variance (deep image prior).
    record: name of the signal, for messages. device: "auto", "cpu" or "cuda".

    Raises ValueError for a region that is empty, reversed, outside the signal or all of it, for a
    p outside 1 to 10 or that leaves no code, and for a signal that is not finite or is flat.
    """

    signal: np.ndarray
    start: int
    end: int
    p: int = GOOD
    steps: int = 1000
    seed: int = 0
    arm: str = "whole"
    record: str = ""
    device: str = "auto"

    def __post_init__(self) -> None:
        name = self.name
        if self.signal.ndim != 1 or not np.isfinite(self.signal).all():
            raise ValueError(
                f"{name}: the signal must be a line of finite samples, but its shape is "
                f"{self.signal.shape} or some of it is NaN or infinite."
            )
        samples, region = len(self.signal), f"the unpunished region {self.start} to {self.end}"
        if self.start == self.end:
            raise ValueError(f"{name}: {region} is empty; end it after it starts.")
        if self.start > self.end:
            raise ValueError(f"{name}: {region} is reversed; give its start before its end.")
        if self.start < 0 or self.end > samples:
            raise ValueError(f"{name}: {region} reaches outside the signal of {samples} samples.")
        if self.end - self.start == samples:
            raise ValueError(f"{name}: {region} covers everything; leave some samples observed.")
        if self.p not in range(1, 11):
            raise ValueError(f"p is {self.p}: give a middle pool from 1 to 10.")
        if samples < 4 * self.p:
            raise ValueError(
                f"{name}: p = {self.p} leaves no code of {samples} samples, of which each number "
                f"stands for {4 * self.p}; give a smaller p or a longer signal."
            )
        if self.arm not in ARMS:
            raise ValueError(f"unknown arm {self.arm!r}: choose {', '.join(ARMS)}.")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}: take one step at least.")
        if min(part.std() for part in (self.signal[self.inside], self.signal[~self.inside])) == 0:
            raise ValueError(f"{name}: the signal is flat in or outside {region}; choose another.")

    @property
    def name(self) -> str:
        """What messages call the signal."""
        return f"record {self.record or '(unnamed)'}"

    @property
    def inside(self) -> np.ndarray:
        """(samples,) bool: the unpunished region."""
        time = np.arange(len(self.signal))
        return (time >= self.start) & (time < self.end)

    @property
    def needed(self) -> np.ndarray:
        """Places of the samples that the loss depends on; the rest lies deep in the region."""
        first, last = deep_stretch(len(self.signal), self.p, self.start, self.end)
        return np.r_[0:first, last : len(self.signal)]

    @property
    def fed(self) -> np.ndarray:
        """(samples,) what the network is fed, microvolts."""
        if self.arm == "hidden":
            return np.where(self.inside, self.signal[~self.inside].mean(), self.signal)
        if self.arm == "noise":
            noise = np.random.default_rng([self.seed, 1]).standard_normal(len(self.signal))
            return self.signal.mean() + self.signal.std() * noise
        return self.signal


def fit_unpunished(specs: list[UnpunishedFit]) -> list[dict[str, np.ndarray]]:
    """Fit a network for each spec, all of equal `shared_settings`; for `fits.run`.

    Returns for each: "reconstruction" (samples,) float32, microvolts; "inside_error" and
    "outside_error", mean squared error over the part's own length and variance;
    "loss_steps" and "loss", the training loss with its penalty, microvolts squared, every
    hundredth of the steps; and the published columns, microvolts squared, that the authors' script
    labels "inside" and "outside": "published_inside", really the training loss with its penalty,
    and "published_outside", really the squared error inside the region over the whole length.

    Raises FloatingPointError, naming record, seed and step, for a loss that is no longer finite.
    """
    ensemble = Ensemble(specs, resolve_device(specs[0].device))
    steps = specs[0].steps
    noted = range(1, steps + 1, max(1, steps // 100))
    losses, since = [], []
    for step in range(1, steps + 1):
        if step in noted:
            losses.append(ensemble.penalties())  # of the weights before the step, as its errors
        since.append(ensemble.step())
        if step in noted:
            losses[-1] += since[-1]
        if step % 50 == 0 or step == steps:  # read seldom: each reading makes a GPU wait
            _check(torch.stack(since), specs, step - len(since) + 1)
            since = []
    curves = torch.stack(losses, 1).cpu().numpy()
    outputs = ensemble.reconstruct().cpu().numpy()
    penalties = ensemble.penalties().tolist()
    return [
        _errors(spec, output, penalty)
        | {"loss_steps": np.array(noted), "loss": curve, "reconstruction": output}
        for spec, output, penalty, curve in zip(specs, outputs, penalties, curves, strict=True)
    ]


def _check(errors: Tensor, specs: list[UnpunishedFit], first: int) -> None:
    broken = (~errors.isfinite()).nonzero()
    if len(broken):
        step, model = broken[0].tolist()
        spec = specs[model]
        raise FloatingPointError(
            f"{spec.name}: the loss is no longer finite (p {spec.p}, seed {spec.seed}, step "
            f"{first + step} of {spec.steps}); give the signal in microvolts."
        )


def _errors(spec: UnpunishedFit, output: np.ndarray, penalty: float) -> dict[str, np.ndarray]:
    signal, inside = spec.signal.astype(np.float64), spec.inside
    squares = (signal - output) ** 2
    errors = {
        "inside_error": squares[inside].mean() / signal[inside].var(),
        "outside_error": squares[~inside].mean() / signal[~inside].var(),
        "published_inside": squares[~inside].sum() / len(signal) + penalty,
        "published_outside": squares[inside].sum() / len(signal),
    }
    return {name: np.array(error) for name, error in errors.items()}


def shared_settings(spec: UnpunishedFit) -> Hashable:
    """What the networks of one ensemble have in common."""
    return spec.p, spec.steps, len(spec.signal), len(spec.needed), spec.device


class Ensemble:
    """Networks of equal `shared_settings`, their data and Adagrad's state on one device.

    All parameters lie in one line of memory, and so do their gradients and Adagrad's sums of
    squares; `parameters` are views of it, each (models, *shape).

    Raises ValueError for specs that do not share their settings.
    """

    def __init__(
        self, specs: list[UnpunishedFit], device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        if len({shared_settings(spec) for spec in specs}) != 1:
            raise ValueError("the networks of an ensemble must share p, steps, lengths and device.")
        self.spec = specs[0]
        values = [initial_parameters(spec.seed) for spec in specs]
        stacked = [torch.stack(same) for same in zip(*values, strict=True)]
        self.values = torch.cat([tensor.flatten() for tensor in stacked]).to(device, dtype)
        self.grads = torch.empty_like(self.values)
        self.squares = torch.full_like(self.values, ACCUMULATOR)
        self.scratch = torch.empty_like(self.values)
        self.parameters = []
        start = 0
        for tensor in stacked:
            end = start + tensor.numel()
            parameter = self.values[start:end].view(tensor.shape).requires_grad_()
            parameter.grad = self.grads[start:end].view(tensor.shape)
            self.parameters.append(parameter)
            start = end

        def stack(lines: list[np.ndarray]) -> Tensor:
            return torch.tensor(np.stack(lines), dtype=dtype, device=device)

        self.fed = stack([spec.fed for spec in specs])
        self.signal = stack([spec.signal for spec in specs])
        self.mask = stack([~spec.inside for spec in specs])
        weight = self.mask / self.signal.shape[1]
        needed = torch.tensor(np.stack([spec.needed for spec in specs]), device=device)
        self.needed = [line.gather(1, needed) for line in (self.fed, self.signal, weight)]

    def gradients(self) -> Tensor:
        """Set the gradients of the loss; returns each model's masked squared error (models,)."""
        # The penalty's gradient is the parameter itself: what autograd adds to starts from it.
        torch.mul(self.values, PENALTY, out=self.grads)
        fed, signal, weight = self.needed
        residual = forward(self.parameters, fed, self.spec.p) - signal
        errors = (residual.square() * weight).sum(1)
        errors.sum().backward()
        return errors.detach()

    def step(self) -> Tensor:
        """One step of Adagrad, without epsilon as in TensorFlow 1; returns as `gradients`."""
        errors = self.gradients()
        self.squares.addcmul_(self.grads, self.grads)
        torch.sqrt(self.squares, out=self.scratch)
        self.values.addcdiv_(self.grads, self.scratch, value=-LEARNING_RATE)
        return errors

    @torch.no_grad()
    def reconstruct(self) -> Tensor:
        """(models, samples), microvolts."""
        return forward(self.parameters, self.fed, self.spec.p)

    @torch.no_grad()
    def penalties(self) -> Tensor:
        """The weight penalty of each model, (models,)."""
        squares = [parameter.flatten(1).square().sum(1) for parameter in self.parameters]
        return PENALTY / 2 * torch.stack(squares).sum(0)


def forward(parameters: list[Tensor], x: Tensor, p: int) -> Tensor:
    """Reconstruct signals (models, samples) by an ensemble; the result has the same shape."""
    samples = x.shape[-1]
    first, middle, _ = pooled_lengths(samples, p)
    weights = parameters[0::2]
    x = x[:, None, None]
    for weight, bias, pool in zip(weights[:3], parameters[1:6:2], (2, p, 2), strict=True):
        x = F.leaky_relu(max_pool1d_same(conv1d_same(x, weight, bias), pool), SLOPE)
    sizes = zip((2, p, 2), (middle, first, samples), strict=True)
    for weight, (stride, size) in zip(weights[3:], sizes, strict=True):
        x = upsample_leaky(x, weight, stride, size)
    return x[:, 0, 0]


def upsample_leaky(x: Tensor, weight: Tensor, stride: int, samples: int) -> Tensor:
    """Transposed convolution to `samples` samples as TensorFlow's 'SAME' aligns it, leaky ReLU.

    x (models, 1, in, n), weight (models, in, out, taps) -> (models, 1, out, samples); n must be
    ceil(samples / stride).
    """
    y = conv_transpose1d_same(x, weight, stride, SLOPE)
    # 'SAME' pads a strided convolution by half of what its last window lacks, rounded down; that
    # depends on the longer signal's length, which need not be a multiple of the stride.
    taps, whole = weight.shape[-1], y.shape[-1]
    skip = max(taps - stride + whole - samples, 0) // 2 - max(taps - stride, 0) // 2
    return y if whole == samples else y[..., skip : skip + samples]


def initial_parameters(seed: int) -> Iterator[Tensor]:
    """Parameters of one network, in the order of `SHAPES`."""
    generator = torch.Generator().manual_seed(seed)
    for shape in SHAPES:
        values = torch.empty(shape)
        bounds = -2 * SPREAD, 2 * SPREAD
        yield torch.nn.init.trunc_normal_(values, 0.0, SPREAD, *bounds, generator=generator)


def pooled_lengths(samples: int, p: int) -> tuple[int, int, int]:
    """Samples after each of the encoder's pools: a 'SAME' pool of n samples gives ceil(n / p)."""
    first = -(-samples // 2)
    middle = -(-first // p)
    return first, middle, -(-middle // 2)


def code_size(samples: int, p: int) -> int:
    """How many numbers the code holds."""
    return ENCODER[-1][0] * pooled_lengths(samples, p)[-1]


def reach(p: int) -> int:
    """How far from an output sample the inputs lie that it depends on, in samples, at most."""
    rates = 1, 2, 2 * p  # samples from one number to the next, in the input of each layer
    kernels = sum(rate * kernel[-1] for rate, kernel in zip(rates, ENCODER, strict=True))
    return kernels + 3 * 4 * p  # half a kernel on either way, and the pools' windows


def deep_stretch(samples: int, p: int, start: int, end: int) -> tuple[int, int]:
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
