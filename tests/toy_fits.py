"""Cheap fits for the tests of `run`: worker processes import them by this module's name."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class ToyFit:
    """A sum that depends on every field but `log`'s content; each fit adds a line to `log`."""

    signals: np.ndarray
    seed: int
    log: str
    seconds: float = 0.0
    device: str = "auto"


def toy_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    results = []
    for spec in specs:
        time.sleep(spec.seconds)
        noise = torch.randn(spec.signals.shape, generator=torch.Generator().manual_seed(spec.seed))
        product = torch.tensor(spec.signals) @ noise.T
        results.append({"product": product.numpy(), "threads": torch.get_num_threads()})
        with Path(spec.log).open("a") as log:  # appended in one write, whole lines
            log.write(f"{spec.seed} {len(specs)} {os.getpid()}\n")
    return results


def failing_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    if any(spec.seed == 2 for spec in specs):
        raise ArithmeticError("the loss became NaN at step 17")
    return toy_fit(specs)


def dying_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    if any(spec.seed == 2 for spec in specs):
        os._exit(9)
    return toy_fit(specs)


def gated_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    """Seed 0 says so in a file beside `log`, and waits there until no gate is left; or fails."""
    log = specs[0].log
    if any(spec.seed == 0 for spec in specs):
        Path(f"{log}-at-work").write_text(f"{os.getpid()}\n")
        while Path(f"{log}-gate").exists():
            if Path(f"{log}-fail-{os.getpid()}").exists():
                raise ArithmeticError("the loss became NaN at step 17")
            time.sleep(0.01)
    return toy_fit(specs)


def memory_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    """Asks for a thousand terabytes: of Python, NumPy or torch, by the seed."""
    return [{"x": [bytes, np.empty, torch.empty][spec.seed % 3](10**15)} for spec in specs]


def wrong_count_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    return toy_fit(specs)[1:]


def object_fit(specs: list[ToyFit]) -> list[dict[str, np.ndarray]]:
    return [{"name": None} for _ in specs]


def toy_specs(log: os.PathLike, count: int, seconds: float = 0.0) -> list[ToyFit]:
    signals = np.random.default_rng(0).normal(size=(30, 700)).astype(np.float32)
    return [ToyFit(signals, seed, str(log), seconds, "cpu") for seed in range(count)]


def lines(log: os.PathLike) -> list[tuple[int, int, int]]:
    """(seed, specs in the call, process) of each fit done so far."""
    path = Path(log)
    text = path.read_text() if path.exists() else ""
    return [tuple(map(int, line.split())) for line in text.splitlines()]
