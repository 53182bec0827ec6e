"""The benchmark: what networks cost beside PyTorch's own layers, and paths frame by frame.

Ours and the baseline take turns on the same machine and the same thread, so that only their ratio
depends on neither.
"""

import itertools
import json
import os
import platform
import re
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

from ecglib.bench import plain_measures
from ecglib.bench.limits import convolution_flops, traffic
from ecglib.bench.plain_unpunished import PlainUnpunished
from ecglib.data.records import FS
from ecglib.data.synthetic import load_synthetic
from ecglib.experiments.interpolation import RATE, four_seconds, patient_pairs, with_middles_of
from ecglib.experiments.one_cycle import controlled_pairs
from ecglib.experiments.paths import crossfade, landmark_warp
from ecglib.files import write_whole
from ecglib.fits import resolve_device, run
from ecglib.measures import r_counts
from ecglib.nets.autoencoder import ConvAutoencoder
from ecglib.nets.fftconv import FFTConv1d
from ecglib.nets.unpunished import (
    BAD,
    GOOD,
    Ensemble,
    UnpunishedFit,
    fit_unpunished,
    shared_settings,
)
from ecglib.places import whole_path
from ecglib.wave_course import follow_wave
from ecglib.workers import one_thread

Call = Callable[[], object]
Row = dict[str, Any]

DEVICE = resolve_device("auto")


def main(json_path: str | os.PathLike | None = None) -> None:
    """Print the benchmark as a table, row by row, and write it to a JSON file if one is named.

    Raises OSError, before anything is measured, where that file cannot be written.
    """
    path = None if json_path is None else whole_path(json_path, "--json")
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise OSError(f"{path} cannot be written: name a file in a folder that can be.")
    rows: list[Row] = []
    for row in measure():
        if not rows:
            print(f"{row['machine']}; device {row['device']}; threads {row['threads']}")
            print(f"{'':20}{'baseline':>12}{'ours':>12}  {'unit':<12}{'ratio':>7}")
        figures = f"{row['baseline']:12.3f}{row['ours']:12.3f}  {row['unit']:<12}"
        growth = f"  grows as size^{row['exponent']:.2f}" if "exponent" in row else ""
        print(f"{row['name']:20}{figures}{row['ratio']:7.2f}{growth}", flush=True)
        rows.append(row)
    if path is not None:
        write_whole(path, json.dumps(rows, indent=1) + "\n")


@dataclass(frozen=True)
class Sizes:
    """What is measured, and how often; the defaults are the paper's sizes."""

    repeats: int = 7  # of each measurement, of which the median counts
    batch: int = 64  # signals in a step of Table I's net
    models: int = 8  # unpunished nets stepped together
    samples: int = 5000  # of their signals
    kernels: Sequence[int] = (10, 25, 50, 100, 200, 400)  # taps
    lengths: Sequence[int] = (1250, 2500, 5000, 10_000, 20_000, 40_000)  # samples
    ensembles: Sequence[int] = (1, 2, 4, 8, 16, 32, 64)  # nets stepped together
    fits: int = 8  # of each process
    steps: int = 300  # of each fit
    matrix: int = 1024  # order of the matrices whose product, and copy, is the most there is
    pairs: int = 300  # of signals, with a path between each
    frames: int = 33  # of each path


def measure(sizes: Sizes | None = None) -> Iterator[Row]:
    """Measure everything, one row a measurement, given out as soon as it is measured.

    Rows hold "name", "baseline", "ours", "unit", "ratio" (baseline / ours) and the conditions; the
    scaling rows also "points" and the exponents of growth, fitted on a double logarithmic scale;
    the limits' also what a step of Table I's net needs: GFLOP as done and by the direct method,
    gigabytes read and written, operations.
    """
    sizes = sizes or Sizes()
    conditions = {
        "machine": machine(),
        "device": torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu",
        "threads": 1,
        "repeats": sizes.repeats,
    }
    nets = [_table1, _unpunished, _kernels, _lengths, _ensembles, _limits]
    on_cpu = [_paths, _workers]  # fits on a GPU stay in one process
    benchmarks = [*nets, *on_cpu] if DEVICE.type == "cpu" else nets
    # In single precision on either side: on a GPU PyTorch's layers would else round to 10 bits.
    with one_thread(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for benchmark in benchmarks:
            for row in benchmark(sizes):
                yield conditions | row


def _row(name: str, unit: str, baseline: float, ours: float, **more: Any) -> Row:
    figures = {"baseline": baseline, "ours": ours, "unit": unit, "ratio": baseline / ours}
    return {"name": name, **figures, **more}


def machine() -> str:
    """Processor, cores and torch's version, in one line."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    model = named[1] if named else platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"


def _table1(sizes: Sizes) -> Iterator[Row]:
    steps = [_autoencoder_step(kind, sizes.batch) for kind in (nn.Conv1d, FFTConv1d)]
    yield _row("table1_step", "ms", *versus(sizes.repeats, *steps))


def _autoencoder_step(convolution: type[nn.Conv1d], batch: int) -> Call:
    net = ConvAutoencoder(convolution=convolution).to(DEVICE)
    signals = torch.randn(batch, net.length, device=DEVICE)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        F.mse_loss(net(signals), signals).backward()
        optimiser.step()

    return step


def _limits(sizes: Sizes) -> Iterator[Row]:
    """How near a step of Table I's net comes to what the machine computes, and moves, at most."""
    a = torch.randn(sizes.matrix, sizes.matrix, device=DEVICE)
    b = torch.empty_like(a)
    step = _autoencoder_step(FFTConv1d, sizes.batch)
    product, copy, ours = medians(sizes.repeats, lambda: a @ a, lambda: b.copy_(a), step)
    done, direct = convolution_flops(ConvAutoencoder(), sizes.batch)
    moved, operations = traffic(step)
    rate = 2 * sizes.matrix**3 / product / 1e6
    work = {"gflop": done / 1e9, "direct_gflop": direct / 1e9}
    yield _row("arithmetic", "GFLOP/s", rate, done / ours / 1e6, **work)
    work = {"gbyte": moved / 1e9, "operations": operations}
    yield _row("memory", "GB/s", 2 * a.nbytes / copy / 1e6, moved / ours / 1e6, **work)


def _unpunished(sizes: Sizes) -> Iterator[Row]:
    for p in (GOOD, BAD):
        specs = _fits(sizes, sizes.models, p)
        ensemble = Ensemble(specs, DEVICE)
        # The same ensemble with the published region, of which a step leaves out what it can.
        start, end = sizes.samples // 5, sizes.samples * 49 // 50
        spared = Ensemble([replace(spec, start=start, end=end) for spec in specs], DEVICE)
        for what, theirs, ours in (
            ("step", _plain_step(ensemble), ensemble.step),
            ("region", ensemble.step, spared.step),
        ):
            times = (total / sizes.models for total in versus(sizes.repeats, theirs, ours))
            yield _row(f"unpunished_{what}_p{p}", "ms/model", *times)


def _plain_step(ensemble: Ensemble) -> Call:
    net = PlainUnpunished(ensemble.spec.p, ensemble.signal.shape[-1]).to(DEVICE)
    optimiser = net.adagrad()

    def step() -> None:
        for fed, signal, mask in zip(ensemble.fed, ensemble.signal, ensemble.mask, strict=True):
            optimiser.zero_grad()
            net.loss(fed, signal, mask).backward()
            optimiser.step()

    return step


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


def _kernels(sizes: Sizes) -> Iterator[Row]:
    times = [_layers(sizes.repeats, 16, 15, taps, 512) for taps in sizes.kernels]
    yield _scaling("kernel_scaling", "taps", sizes.kernels, times)


def _lengths(sizes: Sizes) -> Iterator[Row]:
    times = [_layers(sizes.repeats, 1, 10, 80, length) for length in sizes.lengths]
    yield _scaling("length_scaling", "samples", sizes.lengths, times)


def _layers(repeats: int, batch: int, channels: int, taps: int, length: int) -> tuple[float, float]:
    """Forward and backward of one layer, PyTorch's and ours, ms."""
    signals = torch.randn(batch, channels, length, device=DEVICE, requires_grad=True)
    calls = []
    for kind in (nn.Conv1d, FFTConv1d):
        layer = kind(channels, channels, taps, padding="same").to(DEVICE)
        calls.append(lambda layer=layer: layer(signals).sum().backward())
    return versus(repeats, *calls)


def _ensembles(sizes: Sizes) -> Iterator[Row]:
    at = list(sizes.ensembles)
    while DEVICE.type == "cuda" and at[-1] < 1024:
        at.append(2 * at[-1])
    times = []
    for models in at:
        together = Ensemble(_fits(sizes, models, GOOD), DEVICE)
        alone = Ensemble(_fits(sizes, 1, GOOD), DEVICE)
        one, ours = medians(sizes.repeats, alone.step, together.step)
        # here the baseline is our own net, stepped one model after the other
        times.append((models * one, ours))
    yield _scaling("ensemble_scaling", "models", at, times)


def _scaling(name: str, variable: str, at: Sequence[int], times: list[tuple[float, float]]) -> Row:
    """A row of a scaling: its figures are those of the largest size."""
    (slope, our_slope), _ = np.polyfit(np.log(at), np.log(times), 1)
    points = [
        {variable: size, "baseline": baseline, "ours": ours}
        for size, (baseline, ours) in zip(at, times, strict=True)
    ]
    return _row(
        name,
        "ms",
        *times[-1],
        exponent=float(our_slope),
        baseline_exponent=float(slope),
        points=points,
    )


def _paths(sizes: Sizes) -> Iterator[Row]:
    """Cross-fades of synthetic signals and beats, measured, and the oracle's paths, made."""
    data = with_middles_of(four_seconds(load_synthetic(60)))
    first, second = data.middle.signals[patient_pairs(data.middle, sizes.pairs)].swapaxes(0, 1)
    fades = crossfade(first, second, sizes.frames).astype(np.float32)
    beats = controlled_pairs().subset(np.arange(sizes.pairs))
    waves = crossfade(beats.first, beats.second, sizes.frames).astype(np.float32)
    one_by_one = list(zip(waves, beats.window, beats.sign, strict=True))
    warps = list(zip(beats.first, beats.second, beats.marks, strict=True))
    for name, plain, ours in (
        (
            "path_r_counts",
            lambda: [plain_measures.r_counts(path, RATE) for path in fades],
            lambda: r_counts(fades, RATE),
        ),
        (
            "path_t_waves",
            lambda: [plain_measures.follow_wave(p, FS, w, int(s)) for p, w, s in one_by_one],
            lambda: follow_wave(waves, FS, beats.window, beats.sign),
        ),
        (
            "path_oracle",
            lambda: [plain_measures.landmark_warp(a, b, *m, sizes.frames) for a, b, m in warps],
            lambda: landmark_warp(beats.first, beats.second, beats.marks, sizes.frames),
        ),
    ):
        yield _row(name, "ms", *medians(sizes.repeats, plain, ours))


def _workers(sizes: Sizes) -> Iterator[Row]:
    cores = os.cpu_count() or 1
    count = sizes.fits * cores
    fresh = itertools.count(0, count)  # new seeds each time, so that no fit is known already
    repeats = min(sizes.repeats, 2)

    def fit(jobs: int) -> None:
        specs = _fits(sizes, count, GOOD, next(fresh))
        batch = sizes.fits
        run(fit_unpunished, specs, batch=batch, by=shared_settings, jobs=jobs, cache=folder)

    with tempfile.TemporaryDirectory() as folder:
        times = medians(repeats, lambda: fit(1), lambda: fit(cores))
    per_fit = (total / count / 1e3 for total in times)
    yield _row("workers", "s/fit", *per_fit, threads=cores, repeats=repeats)


def versus(repeats: int, theirs: Call, ours: Call) -> tuple[float, float]:
    """Medians of PyTorch's layers, by their better setting of mkldnn, and of ours, ms."""

    def without_mkldnn() -> None:
        with torch.backends.mkldnn.flags(enabled=False):
            theirs()

    baselines = [theirs] if DEVICE.type == "cuda" else [theirs, without_mkldnn]
    *times, mine = medians(repeats, *baselines, ours)
    return min(times), mine


def medians(repeats: int, *calls: Call) -> list[float]:
    """The median time of each call, ms, the calls taking turns after one to warm up."""
    wait = torch.cuda.synchronize if DEVICE.type == "cuda" else lambda: None
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, times in zip(calls, taken, strict=True):
            wait()
            began = time.perf_counter()
            call()
            wait()
            times.append(1e3 * (time.perf_counter() - began))
    return [float(np.median(times[1:])) for times in taken]
