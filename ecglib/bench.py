"""The benchmark: what the package's networks cost beside PyTorch's own layers (`ecglib bench`).

Ours and the baseline take turns on the same machine and the same thread, so that only their ratio
depends on neither. Beside the two networks' steps it measures how their cost grows with kernels,
lengths and ensembles, how near a step comes to the machine's arithmetic, and fits in several
processes.
"""

import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ecglib.fits import resolve_device, run
from ecglib.ledger import write_whole
from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.fftconv import FFTConv1d, plan
from ecglib.nets.unpunished import (
    BAD,
    GOOD,
    Ensemble,
    UnpunishedFit,
    fit_unpunished,
    shared_settings,
)
from ecglib.plain_unpunished import PlainUnpunished

Call = Callable[[], object]


def main(json_path: str | os.PathLike | None = None) -> None:
    """Print the benchmark as a table, row by row, and write it to a JSON file if one is named."""
    rows: list[dict[str, Any]] = []
    for row in measure():
        if not rows:
            print(f"{row['machine']}; device {row['device']}; threads {row['threads']}")
            print(f"{'':20}{'baseline':>12}{'ours':>12}  {'unit':<12}{'ratio':>7}")
        figures = f"{row['baseline']:12.3f}{row['ours']:12.3f}  {row['unit']:<12}"
        growth = f"  grows as size^{row['exponent']:.2f}" if "exponent" in row else ""
        print(f"{row['name']:20}{figures}{row['ratio']:7.2f}{growth}", flush=True)
        rows.append(row)
    if json_path is not None:
        write_whole(Path(json_path), json.dumps(rows, indent=1) + "\n")


@dataclass(frozen=True)
class Sizes:
    """What is measured; the defaults are the paper's sizes.

    repeats: of each measurement, of which the median counts.
    batch: signals in a step of Table I's net.
    models, samples: unpunished nets stepped together, and samples of their signals.
    kernels, lengths, ensembles: where scalings are measured: taps, samples, nets stepped together.
    fits, steps: fits of each process, and steps of each.
    matrix: order of the matrices whose product is the roofline.
    threads: of every measurement but that of the processes.
    """

    repeats: int = 7
    batch: int = 64
    models: int = 8
    samples: int = 5000
    kernels: Sequence[int] = (10, 25, 50, 100, 200, 400)
    lengths: Sequence[int] = (1250, 2500, 5000, 10_000, 20_000, 40_000)
    ensembles: Sequence[int] = (1, 2, 4, 8, 16, 32, 64)
    fits: int = 8
    steps: int = 300
    matrix: int = 1024
    threads: int = 1


def measure(sizes: Sizes | None = None, device: str = "auto") -> Iterator[dict[str, Any]]:
    """Measure everything, one row a measurement, given out as soon as it is measured.

    device: "auto", "cpu" or "cuda".

    Rows hold "name", "baseline", "ours" and "unit", "ratio" (baseline / ours), "machine",
    "device", "threads" and "repeats"; the scaling rows also "points" and the "exponent" with which
    our cost grows, fitted on a double logarithmic scale, and "baseline_exponent"; the roofline's,
    the arithmetic in GFLOP of one step of Table I's net, as done and as the direct method needs.
    """
    sizes, on = sizes or Sizes(), resolve_device(device)
    threads = torch.get_num_threads()
    torch.set_num_threads(sizes.threads)
    same = {
        "machine": machine(),
        "device": torch.cuda.get_device_name() if on.type == "cuda" else "cpu",
        "threads": sizes.threads,
        "repeats": sizes.repeats,
    }
    benchmarks = [_table1, _unpunished, _kernels, _lengths, _ensembles, _roofline, _workers]
    try:
        for benchmark in benchmarks:
            for row in benchmark(sizes, on):
                yield {"name": row.pop("name"), **_ratio(row), **same, **row}
    finally:
        torch.set_num_threads(threads)


def _ratio(row: dict[str, Any]) -> dict[str, Any]:
    figures = {key: row.pop(key) for key in ("baseline", "ours", "unit")}
    return figures | {"ratio": figures["baseline"] / figures["ours"]}


def machine() -> str:
    """Processor, cores and torch's version, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"


def _table1(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    steps = [_autoencoder_step(kind, sizes.batch, device) for kind in (nn.Conv1d, FFTConv1d)]
    baseline, ours = versus(sizes.repeats, device, *steps)
    yield {"name": "table1_step", "baseline": baseline, "ours": ours, "unit": "ms"}


def _autoencoder_step(convolution: type[nn.Conv1d], batch: int, device: torch.device) -> Call:
    net = ConvAutoencoder(convolution=convolution).to(device)
    signals = torch.randn(batch, net.length, device=device)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        F.mse_loss(net(signals), signals).backward()
        optimiser.step()

    return step


def _roofline(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    a = torch.randn(sizes.matrix, sizes.matrix, device=device)
    step = _autoencoder_step(FFTConv1d, sizes.batch, device)
    product, ours = medians(sizes.repeats, device, lambda: a @ a, step)
    done, direct = convolution_flops(ConvAutoencoder(), sizes.batch)
    yield {
        "name": "roofline",
        "baseline": 2 * sizes.matrix**3 / product / 1e6,
        "ours": done / ours / 1e6,
        "unit": "GFLOP/s",
        "gflop": done / 1e9,
        "direct_gflop": direct / 1e9,
        "direct_gflop_per_s": direct / ours / 1e6,
    }


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
        left = (taps - 1) // 2 + upsample - 1
        p = plan(short, taps + upsample - 1, left, upsample, batch, inner, outer)
        rows = batch * p.blocks
        slow, fast = (2.5 * n * math.log2(n) for n in (p.size, p.size * upsample))
        done += (passes - 1) * inner * rows * slow + 2 * outer * (rows + inner) * fast
        done += passes * 8 * (p.size * upsample / 2 + 1) * rows * inner * outer
        direct += passes * 2.0 * batch * short * upsample * taps * inner * outer
    return done, direct


def _unpunished(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    for p in (GOOD, BAD):
        specs = _fits(sizes, sizes.models, p)
        ensemble = Ensemble(specs, device)
        net = PlainUnpunished(p, sizes.samples).to(device)
        optimiser = net.adagrad()

        def plain(net=net, optimiser=optimiser, ensemble=ensemble) -> None:
            for fed, signal, mask in zip(ensemble.fed, ensemble.signal, ensemble.mask, strict=True):
                optimiser.zero_grad()
                net.loss(fed, signal, mask).backward()
                optimiser.step()

        times = versus(sizes.repeats, device, plain, ensemble.step)
        baseline, ours = (total / sizes.models for total in times)
        name = f"unpunished_step_p{p}"
        yield {"name": name, "baseline": baseline, "ours": ours, "unit": "ms/model"}

        # The same ensemble with the published region, of which a step leaves out what it can.
        start, end = sizes.samples // 5, sizes.samples * 49 // 50
        spared = Ensemble([replace(spec, start=start, end=end) for spec in specs], device)
        times = versus(sizes.repeats, device, ensemble.step, spared.step)
        baseline, ours = (total / sizes.models for total in times)
        name = f"unpunished_region_p{p}"
        yield {"name": name, "baseline": baseline, "ours": ours, "unit": "ms/model"}


def _fits(sizes: Sizes, count: int, p: int, first: int = 0) -> list[UnpunishedFit]:
    tenth = sizes.samples // 10  # so small a region that every step needs the whole signal
    return [
        UnpunishedFit(
            np.random.default_rng(seed).standard_normal(sizes.samples).astype(np.float32),
            start=4 * tenth,
            end=5 * tenth,
            p=p,
            steps=sizes.steps,
            seed=seed,
            device="cpu",
        )
        for seed in range(first, first + count)
    ]


def _kernels(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    times = [_layers(sizes, device, 16, 15, taps, 512) for taps in sizes.kernels]
    yield _scaling("kernel_scaling", "taps", sizes.kernels, times)


def _lengths(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    times = [_layers(sizes, device, 1, 10, 80, length) for length in sizes.lengths]
    yield _scaling("length_scaling", "samples", sizes.lengths, times)


def _ensembles(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    at = list(sizes.ensembles)
    if device.type == "cuda":
        while at[-1] < 1024:
            at.append(2 * at[-1])
    times = []
    for models in at:
        together = Ensemble(_fits(sizes, models, GOOD), device)
        alone = Ensemble(_fits(sizes, 1, GOOD), device)
        one, ours = medians(sizes.repeats, device, alone.step, together.step)
        times.append((models * one, ours))
    # here the baseline is our own net, stepped one model after the other
    yield _scaling("ensemble_scaling", "models", at, times)


def _layers(
    sizes: Sizes, device: torch.device, batch: int, channels: int, taps: int, length: int
) -> tuple[float, float]:
    """Forward and backward of one layer, PyTorch's and ours, ms."""
    signals = torch.randn(batch, channels, length, device=device, requires_grad=True)
    calls = []
    for kind in (nn.Conv1d, FFTConv1d):
        layer = kind(channels, channels, taps, padding="same").to(device)
        calls.append(lambda layer=layer: layer(signals).sum().backward())
    return versus(sizes.repeats, device, *calls)


def _scaling(name: str, variable: str, at: Sequence[int], times: list[tuple[float, float]]):
    """A row of a scaling: its figures are those of the largest size."""
    baselines, ours = zip(*times, strict=True)
    points = [
        {variable: size, "baseline": baseline, "ours": mine}
        for size, baseline, mine in zip(at, baselines, ours, strict=True)
    ]
    exponents = {
        "exponent": _exponent(at, ours),
        "baseline_exponent": _exponent(at, baselines),
    }
    figures = {"name": name, "baseline": baselines[-1], "ours": ours[-1], "unit": "ms"}
    return figures | exponents | {"points": points}


def _exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def _workers(sizes: Sizes, device: torch.device) -> Iterator[dict[str, Any]]:
    cores = os.cpu_count() or 1
    count = sizes.fits * cores
    fresh = iter(range(0, 1 << 30, count))  # new seeds each time, so that no fit is known already

    def fit(jobs: int, folder: str) -> None:
        specs = _fits(sizes, count, GOOD, next(fresh))
        run(fit_unpunished, specs, batch=sizes.fits, group=shared_settings, jobs=jobs, cache=folder)

    repeats = min(sizes.repeats, 2)
    with tempfile.TemporaryDirectory() as folder:
        calls = [lambda: fit(1, folder), lambda: fit(cores, folder)]
        times = medians(repeats, torch.device("cpu"), *calls)
    baseline, ours = (total / count / 1e3 for total in times)
    yield {
        "name": "workers",
        "baseline": baseline,
        "ours": ours,
        "unit": "s/fit",
        "threads": cores,
        "repeats": repeats,
        "baseline_fits_per_hour": 3600 / baseline,
        "fits_per_hour": 3600 / ours,
    }


def versus(repeats: int, device: torch.device, theirs: Call, ours: Call) -> tuple[float, float]:
    """Medians of PyTorch's layers, by their better setting of mkldnn, and of ours, ms."""

    def without_mkldnn() -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            theirs()

    settings = [theirs] if device.type == "cuda" else [theirs, without_mkldnn]
    *baselines, mine = medians(repeats, device, *settings, ours)
    return min(baselines), mine


def medians(repeats: int, device: torch.device, *calls: Call) -> list[float]:
    """The median time of each call, ms, the calls taking turns after one to warm up."""
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for call, times in zip(calls, taken, strict=True):
            _wait(device)
            began = time.perf_counter()
            call()
            _wait(device)
            if turn:
                times.append(1e3 * (time.perf_counter() - began))
    return [float(np.median(times)) for times in taken]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
