"""Calls timed against each other on one machine, taking turns, so that its moods hit them alike."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

__all__ = ["Call", "machine", "medians", "versus"]

Call = Callable[[], object]


def machine() -> str:
    """Processor, cores and torch's version, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"


def medians(repeats: int, device: torch.device, *calls: Call) -> list[float]:
    """Milliseconds of each call, the calls taking turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for call, times in zip(calls, taken, strict=True):
            _wait(device)
            began = time.perf_counter()
            call()
            _wait(device)
            if turn:  # the first is for warming up
                times.append(1e3 * (time.perf_counter() - began))
    return [float(np.median(times)) for times in taken]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def versus(repeats: int, device: torch.device, theirs: Call, ours: Call) -> tuple[float, float]:
    """Medians of PyTorch's layers, by their better setting of mkldnn, and of ours, ms."""

    def without_mkldnn() -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            theirs()

    settings = [theirs] if device.type == "cuda" else [theirs, without_mkldnn]
    *baselines, mine = medians(repeats, device, *settings, ours)
    return min(baselines), mine
