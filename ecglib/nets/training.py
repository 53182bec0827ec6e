"""Training of the convolutional autoencoder on windows of electrocardiogram (section II-A)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from ecglib.fits import resolve_device, run
from ecglib.nets.autoencoder import ConvAutoencoder


@dataclass(frozen=True, eq=False)
class AutoencoderFit:
    """One autoencoder to train.

    signals: training windows, (windows, samples), float32, mV.
    validation: windows it never trains on, (windows, samples), float32, mV.
    network, net: the class of the net, with `encode`, `decode` and `forward`, and its arguments;
        it is built as `network(length=..., **net)`.
    steps: minibatches. batch: windows in each, drawn without replacement until all were seen.
    learning_rate: the highest of the one-cycle schedule, reached after three tenths of the steps.
    weight_decay: Adam's. input_noise: standard deviation of white noise added to the input, mV.
    seed: of the initial weights, the minibatches and the noise.
    device: "auto", "cpu" or "cuda".
    """

    signals: np.ndarray
    validation: np.ndarray | None = None
    network: type[nn.Module] = ConvAutoencoder
    net: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 3000
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    input_noise: float = 0.0
    seed: int = 0
    device: str = "auto"


def train(
    specs: Sequence[AutoencoderFit], label: str = "autoencoders"
) -> tuple[list[nn.Module], list[dict[str, np.ndarray]]]:
    """Trained nets, on the CPU in evaluation mode, and the results of `fit_autoencoders`, by spec.

    label: name of the fits, for the progress bar and for errors.
    """
    results = run(fit_autoencoders, specs, label=label)
    pairs = zip(results, specs, strict=True)
    return [load_autoencoder(result, spec) for result, spec in pairs], results


def fit_autoencoders(specs: list[AutoencoderFit]) -> list[dict[str, np.ndarray]]:
    """Train an autoencoder for each spec: mean squared error, Adam, one-cycle learning rate.

    Returns for each: "state/<name>", the trained net's parameters and buffers; "train_steps" and
    "train_loss" (mV^2, mean over the steps since the last entry); "validation_steps" and
    "validation_loss" (mV^2).

    Raises ValueError for windows that are not a matrix of finite numbers, FloatingPointError,
    naming seed and step, for a loss that is no longer finite.
    """
    return [_fit(spec) for spec in specs]


def load_autoencoder(result: Mapping[str, np.ndarray], spec: AutoencoderFit) -> nn.Module:
    """The trained net of a result of `fit_autoencoders`, on the CPU, in evaluation mode."""
    net = _build(spec)
    start = "state/"
    arrays = {name[len(start) :]: v for name, v in result.items() if name.startswith(start)}
    net.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    return net.eval()


def _build(spec: AutoencoderFit) -> nn.Module:
    # Initial weights and dropout draw from torch's global state, which is lent and put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return spec.network(length=spec.signals.shape[1], **spec.net)


def _fit(spec: AutoencoderFit) -> dict[str, np.ndarray]:
    if spec.steps < 1 or spec.batch < 1:
        raise ValueError(f"steps and batch must be at least 1, not {spec.steps} and {spec.batch}.")
    device = resolve_device(spec.device)
    signals = _windows(spec.signals, "training", device)
    validation = None
    if spec.validation is not None:
        validation = _windows(spec.validation, "validation", device)
    net = _build(spec).to(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(spec.seed)
        curves = _train(net, spec, signals, validation)
    state = {f"state/{name}": value.cpu().numpy() for name, value in net.state_dict().items()}
    return state | curves


def _train(
    net: nn.Module,
    spec: AutoencoderFit,
    signals: torch.Tensor,
    validation: torch.Tensor | None,
) -> dict[str, np.ndarray]:
    optimiser = torch.optim.Adam(
        net.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=spec.learning_rate, total_steps=spec.steps
    )
    order = torch.Generator().manual_seed(spec.seed)
    noise = torch.Generator(signals.device).manual_seed(spec.seed)
    every = max(1, spec.steps // 100)
    train, valid, since = [], [], []
    left = torch.empty(0, dtype=torch.long)
    for step in range(1, spec.steps + 1):
        while len(left) < spec.batch:
            left = torch.cat([left, torch.randperm(len(signals), generator=order)])
        chosen, left = left[: spec.batch], left[spec.batch :]
        target = signals[chosen.to(signals.device)]
        given = target
        if spec.input_noise:
            white = torch.randn(target.shape, generator=noise, device=target.device)
            given = target + spec.input_noise * white
        net.train()
        loss = nn.functional.mse_loss(net(given), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        since.append(loss.detach())
        if step % every == 0 or step == spec.steps:
            losses = torch.stack(since)  # read seldom: each reading makes a GPU wait
            if not losses.isfinite().all():
                first = step - len(since) + 1 + int((~losses.isfinite()).nonzero()[0])
                raise FloatingPointError(
                    f"the autoencoder's loss is no longer finite (seed {spec.seed}, step {first} "
                    f"of {spec.steps}); lower the learning rate (now {spec.learning_rate})."
                )
            train.append((step, losses.mean().item()))
            since = []
            if validation is not None and (step % (10 * every) == 0 or step == spec.steps):
                valid.append((step, _loss(net, validation)))
    return _curve("train", train) | _curve("validation", valid)


@torch.no_grad()
def _loss(net: nn.Module, signals: torch.Tensor) -> float:
    """Mean squared error over all windows, in evaluation mode, mV^2."""
    net.eval()
    total = sum(
        nn.functional.mse_loss(net(part), part, reduction="sum").item()
        for part in signals.split(256)
    )
    return total / signals.numel()


def _curve(name: str, points: list[tuple[int, float]]) -> dict[str, np.ndarray]:
    steps, losses = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return {f"{name}_steps": steps.astype(np.int64), f"{name}_loss": losses}


def _windows(signals: np.ndarray, name: str, device: torch.device) -> torch.Tensor:
    if signals.ndim != 2 or 0 in signals.shape:
        raise ValueError(
            f"{name} windows must be a (windows, samples) array with at least one window, "
            f"not one of shape {signals.shape}."
        )
    if not np.isfinite(signals).all():
        raise ValueError(f"the {name} windows hold NaN or infinite samples.")
    return torch.tensor(signals, dtype=torch.float32, device=device)
