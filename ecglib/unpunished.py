"""The paper's "good" and "bad" networks: fitted to one signal, unpunished in a part of it (III).

Each network is an autoencoder of one signal whose squared error does not count in a region. Many of
them are stepped together, each with its own weights, signal, region and optimiser state. While
fitted, a network computes only those samples that its loss depends on.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ecglib.unpunished_net import code_size, depth, forward, initial
from ecglib.workers import resolve_device

__all__ = ["ARMS", "BAD", "GOOD", "UnpunishedFit", "code_size", "fit_unpunished", "group"]

GOOD, BAD = 3, 7  # the paper's middle pools
ARMS = ("whole", "hidden", "noise")


@dataclass(frozen=True, eq=False)
class UnpunishedFit:
    """One network to fit to one signal; the defaults are the published protocol.

    signal: (samples,), microvolts. The unit matters: the weight penalty is weighed against
        squared microvolts.
    start, end: the unpunished region [start, end), samples.
    p: the middle pool, 1 to 10; the whole stride is 4 p. `GOOD` is 3, `BAD` is 7.
    steps: of Adagrad. seed: of the initial weights (the same whatever p) and of the noise.
    arm: what the network is fed. "whole": the signal, the region included, as published;
        "hidden": the signal, in the region replaced by the mean of the rest; "noise": white noise
        of the signal's mean and variance (deep image prior).
    record: name of the signal, for messages.
    penalty: weight of the sum of half the squared weights and biases in the loss.

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
    learning_rate: float = 0.01
    initial_accumulator: float = 0.1
    penalty: float = 1.0
    device: str = field(default="auto", kw_only=True)

    def __post_init__(self) -> None:
        name = f"record {self.record or '(unnamed)'}"
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
    def inside(self) -> np.ndarray:
        """(samples,) bool: the unpunished region."""
        time = np.arange(len(self.signal))
        return (time >= self.start) & (time < self.end)

    @property
    def needed(self) -> np.ndarray:
        """Places of the samples that the loss depends on; the rest lies deep in the region."""
        first, last = depth(len(self.signal), self.p, self.start, self.end)
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


def group(spec: UnpunishedFit) -> Hashable:
    """What the networks of one ensemble must share."""
    rates = spec.learning_rate, spec.initial_accumulator, spec.penalty
    return spec.p, spec.steps, len(spec.signal), len(spec.needed), *rates, spec.device


class Ensemble:
    """Networks of one `group`, their data and Adagrad's state on one device.

    All parameters lie in one line of memory, and so do their gradients and Adagrad's sums of
    squares; `parameters` are views of it, each (models, *shape).
    """

    def __init__(
        self, specs: list[UnpunishedFit], device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        if len({group(spec) for spec in specs}) != 1:
            raise ValueError(
                "the networks of an ensemble must share p, steps, lengths, rates and device."
            )
        self.spec = specs[0]
        values = [initial(spec.seed) for spec in specs]
        stacked = [torch.stack(same) for same in zip(*values, strict=True)]
        self.values = torch.cat([tensor.flatten() for tensor in stacked]).to(device, dtype)
        self.grads = torch.empty_like(self.values)
        self.squares = torch.full_like(self.values, self.spec.initial_accumulator)
        self.scratch = torch.empty_like(self.values)
        self.parameters = []
        start = 0
        for tensor in stacked:
            here = slice(start, start := start + tensor.numel())
            parameter = self.values[here].view(tensor.shape).requires_grad_()
            parameter.grad = self.grads[here].view(tensor.shape)
            self.parameters.append(parameter)
        lines = ([s.fed for s in specs], [s.signal for s in specs], [~s.inside for s in specs])
        self.fed, self.signal, self.mask = (
            torch.tensor(np.stack(line), dtype=dtype, device=device) for line in lines
        )
        loss_weight = 2 * self.mask / self.signal.shape[1]
        needed = torch.tensor(np.stack([s.needed for s in specs]), device=device)
        self.needed = [line.gather(1, needed) for line in (self.fed, self.signal, loss_weight)]

    def gradients(self) -> Tensor:
        """Set the gradients of the loss; returns each model's masked squared error (models,)."""
        # The penalty's gradient is the parameter itself: what autograd adds to starts from it.
        torch.mul(self.values, self.spec.penalty, out=self.grads)
        fed, signal, loss_weight = self.needed
        output = forward(self.parameters, fed, self.spec.p)
        residual = output.detach() - signal
        grad = residual * loss_weight
        output.backward(grad)
        return torch.linalg.vecdot(residual, grad) / 2

    def step(self) -> Tensor:
        """One step of Adagrad, without epsilon as in TensorFlow 1; returns as `gradients`."""
        errors = self.gradients()
        self.squares.addcmul_(self.grads, self.grads)
        torch.sqrt(self.squares, out=self.scratch)
        self.values.addcdiv_(self.grads, self.scratch, value=-self.spec.learning_rate)
        return errors

    @torch.no_grad()
    def reconstruct(self) -> Tensor:
        """(models, samples), microvolts."""
        return forward(self.parameters, self.fed, self.spec.p)

    @torch.no_grad()
    def penalties(self) -> Tensor:
        """The weight penalty of each model, (models,)."""
        squares = [parameter.flatten(1).square().sum(1) for parameter in self.parameters]
        return self.spec.penalty / 2 * torch.stack(squares).sum(0)


def fit_unpunished(specs: list[UnpunishedFit]) -> list[dict[str, np.ndarray]]:
    """Fit a network for each spec, all of one `group`; for `workers.run`.

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
    every = max(1, steps // 100)
    at, curve, since = [], [], []
    for step in range(1, steps + 1):
        if kept := step % every == 1 % every:
            at.append(step)
            curve.append(ensemble.penalties())
        since.append(ensemble.step())
        if kept:
            curve[-1] += since[-1]
        if step % 50 == 0 or step == steps:  # read seldom: each reading makes a GPU wait
            _check(torch.stack(since), specs, step - len(since) + 1)
            since = []
    curves = torch.stack(curve, 1).cpu().numpy()
    outputs = ensemble.reconstruct().cpu().numpy()
    penalties = ensemble.penalties().tolist()
    return [
        _errors(spec, output, penalty)
        | {"loss_steps": np.array(at), "loss": line, "reconstruction": output}
        for spec, output, penalty, line in zip(specs, outputs, penalties, curves, strict=True)
    ]


def _check(errors: Tensor, specs: list[UnpunishedFit], first: int) -> None:
    broken = (~errors.isfinite()).nonzero()
    if len(broken):
        step, model = broken[0].tolist()
        spec = specs[model]
        raise FloatingPointError(
            f"record {spec.record or '(unnamed)'}: the loss is no longer finite (p {spec.p}, seed "
            f"{spec.seed}, step {first + step} of {spec.steps}); lower the learning rate (now "
            f"{spec.learning_rate})."
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
