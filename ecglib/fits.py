"""Fits of many networks: in processes or on a cluster, each once, with results kept on disk.

A fit is a function from specs to results. `run` gives it the specs that no earlier run has
answered and no other process is at, on one thread each, so that the numbers are the same whoever
does the work.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ecglib.cache import FitCache, keys
from ecglib.cluster import FitError, on_cluster
from ecglib.lifetime import end_with

# torch, joblib, threadpoolctl, tqdm and distributed are imported where they are used: whoever only
# reads results, or asks what was counted here, does not wait seconds for them.
if TYPE_CHECKING:
    import torch

Result = dict[str, np.ndarray]
Fit = Callable[[list], list[Result]]

NOT_NAMES = ("file", "allow_pickle")  # of results: arguments of `np.savez`

POLL_S = 0.2  # how often to look for fits that other processes are at

tally: Counter[str] = Counter(kept=0, fitted=0)  # fits of this process: from disk, and anew

# A fit sets its process's thread count and random state, so a process runs one fit at a time,
# also inside a Dask worker of several threads.
_ONE_FIT = threading.Lock()

# Threads do not see each other's locks, which hold off other processes.
_ONE_RUN = threading.RLock()


def run(
    fit: Fit,
    specs: Sequence[Any],
    *,
    batch: int = 1,
    by: Callable[[Any], Hashable] | None = None,
    label: str = "",
    jobs: int | None = None,
    cache: str | os.PathLike | None = None,
) -> list[Result]:
    """Fit every spec, each once, and return one result a spec, in their order.

    What another process is at is left to the end, waited for and read from the cache; it is fitted
    here after all where that process fails or dies.

    fit: function from a list of specs to as many results (dicts of arrays).
    specs: frozen dataclasses of what `cache.keys` compares. A field `device` that is "auto" is
        resolved here, so that numbers of a CPU and a GPU are never mixed up.
    batch: specs handed to `fit` in one call, whatever the cache holds; `by` keeps specs of
        unequal keys apart. A call leaves out what is kept, or what another process is at, and is
        not filled up with the specs of the next.
    label: name of the sweep, for the progress bar and for errors; else the fit's.
    jobs: worker processes of one thread each; else ECGLIB_JOBS, else one a core. Fits on CUDA
        stay in this process. Where ECGLIB_CLUSTER is the address of a Dask scheduler, its workers
        do the fits instead, one at a time each, and the results are kept here.
    cache: folder of results, as `FitCache` takes it. What a notebook or another function defines
        is fitted anew by every run, since its code cannot be compared.

    Raises ValueError for an unusable device, spec or number of jobs, OSError for a cache folder
    that cannot be written, ConnectionError for a cluster that does not answer, FitError for a fit
    that failed. What was finished before stays in the cache.
    """
    from tqdm import tqdm

    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}.")
    label = label or fit.__name__
    cluster = os.environ.get("ECGLIB_CLUSTER")
    specs = [_resolved(spec, anywhere=bool(cluster)) for spec in specs]
    on_gpu = not cluster and any(getattr(spec, "device", None) == "cuda" for spec in specs)
    jobs = 1 if on_gpu else _number_of_jobs(jobs)

    store = FitCache(cache)
    filed = keys(fit, specs)
    names = [key or f"spec {place}" for place, key in enumerate(filed)]
    wanted = dict(zip(names, specs, strict=True))
    chunks = list(_chunks(wanted, batch, by))
    found = {name: store.load(name) for name in set(filed) if name}
    results = {name: result for name, result in found.items() if result is not None}
    broken = {name for name in found.keys() - results.keys() if os.path.lexists(store.path(name))}
    at_work: dict[int, list[str]] = {}  # by the chunk's number
    fitted = 0

    def tasks() -> Iterator[tuple]:
        """What a chunk lacks and nobody else is at, held from the moment a worker asks for it."""
        for number, chunk in enumerate(chunks):
            lacking = [name for name in chunk if name not in results]
            held = [name for name in lacking if name not in found or locks.take(name)]
            for name in set(held) & found.keys():
                result = store.load(name, name in broken)  # who was at it may have kept it since
                if result is not None:
                    results[name] = result
                    locks.release(name)
                    bar.update()
            at_work[number] = [name for name in held if name not in results]
            if at_work[number]:
                yield fit, [wanted[name] for name in at_work[number]], label, number

    bar = tqdm(  # None: quiet wherever stderr is no terminal, a notebook's outputs among them
        total=len(wanted), initial=len(results), desc=label, unit="fit", disable=None
    )
    with _ONE_RUN, store.locks() as locks, bar:
        while len(results) < len(wanted):
            before = len(results)
            most = sum(not chunk.keys() <= results.keys() for chunk in chunks)
            for number, answers in _execute(tasks(), min(jobs, most), cluster, label):
                fresh = dict(zip(at_work[number], answers, strict=True))
                store.save({name: result for name, result in fresh.items() if name in found})
                for name in fresh.keys() & found.keys():
                    locks.release(name)
                results |= fresh
                fitted += len(fresh)
                bar.update(len(fresh))
            if len(results) == before:
                time.sleep(POLL_S)  # other processes are at all that is left
    tally.update(kept=len(wanted) - fitted, fitted=fitted)
    return [results[name] for name in names]


def _resolved(spec: Any, anywhere: bool) -> Any:
    """The spec with its device named; a cluster's workers may have the CUDA that we lack."""
    if not is_dataclass(spec) or isinstance(spec, type):
        raise ValueError(f"a spec must be a dataclass instance, not {type(spec).__name__}.")
    device = getattr(spec, "device", None)
    if not isinstance(device, str) or (anywhere and device == "cuda"):
        return spec
    name = resolve_device(device).type
    return spec if name == device else replace(spec, device=name)


def _number_of_jobs(jobs: int | None) -> int:
    from joblib import cpu_count

    given = jobs if jobs is not None else os.environ.get("ECGLIB_JOBS") or cpu_count()
    if not str(given).isdecimal() or int(given) < 1:
        source = "jobs" if jobs is not None else "ECGLIB_JOBS"
        raise ValueError(f"{source} must be a whole number from 1 up, not {given!r}.")
    return int(given)


def _chunks(specs: dict[str, Any], batch: int, by: Callable | None) -> Iterator[dict[str, Any]]:
    groups: dict[Hashable, list[str]] = {}
    for name, spec in specs.items():
        groups.setdefault(by(spec) if by else None, []).append(name)
    for members in groups.values():
        for first in range(0, len(members), batch):
            yield {name: specs[name] for name in members[first : first + batch]}


def _execute(
    tasks: Iterator[tuple], jobs: int, cluster: str | None, label: str
) -> Iterator[tuple[int, list[Result]]]:
    """(number, results) of each task, as they finish; one is taken when a worker is free for it."""
    first = next(tasks, None)
    if first is None:
        return
    tasks = chain([first], tasks)
    if cluster:
        yield from on_cluster(_fit_chunk, tasks, cluster, label)
    elif jobs == 1:
        for task in tasks:
            yield _fit_chunk(*task)
    else:
        yield from _in_processes(tasks, jobs, label)


def _fit_chunk(fit: Fit, specs: list, label: str, number: int) -> tuple[int, list[Result]]:
    """Run one call of `fit` on one thread, whoever runs it; returns (number, results)."""
    name = f"{label}: {_describe(specs[0])}"
    if len(specs) > 1:
        name += f" or one of the {len(specs) - 1} fitted with it"
    with _ONE_FIT, _one_thread():
        try:
            results = fit(specs)
        except Exception as error:
            if _lacks_memory(error):
                raise FitError(
                    f"{name} needs more memory than there is ({error}); finished fits are kept, "
                    "so run again with fewer jobs (set ECGLIB_JOBS) or on a larger machine."
                ) from error
            raise FitError(f"{name} failed: {type(error).__name__}: {error}") from error
    try:
        results = [{key: np.asarray(value) for key, value in result.items()} for result in results]
    except (TypeError, ValueError, AttributeError) as error:
        raise FitError(f"{name}: its results are no dicts of arrays ({error}).") from error
    if len(results) != len(specs):
        raise FitError(f"{name}: {len(results)} results for {len(specs)} specs.")
    for result in results:
        for key, value in result.items():
            if not isinstance(key, str) or key in NOT_NAMES:
                raise FitError(f"{name}: a result cannot be called {key!r}: give it another name.")
            if value.dtype.hasobject:
                raise FitError(f"{name}: result {key!r} is no array of numbers or text.")
    return number, results


def _lacks_memory(error: Exception) -> bool:
    """Python's and NumPy's kind of error, a GPU's, or what torch says of the CPU's memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or "allocate memory" in str(error)


def _describe(spec: Any) -> str:
    """The spec's class and its scalar fields, for messages."""
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    scalars = [f"{k}={v!r}" for k, v in values.items() if isinstance(v, (str, int, float))]
    return f"{type(spec).__name__}({', '.join(scalars)})"


@contextmanager
def _one_thread() -> Iterator[None]:
    # Sums are split by the number of threads, so one thread everywhere gives the same numbers
    # whatever the number of jobs.
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _in_processes(
    tasks: Iterator[tuple], jobs: int, label: str
) -> Iterator[tuple[int, list[Result]]]:
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(
            n_jobs=jobs,
            pre_dispatch="n_jobs",  # what waits here for a worker, another process could do
            return_as="generator_unordered",
            batch_size=1,
            max_nbytes=None,  # specs are small; memory maps would be read-only to the fit
            initializer=end_with,  # after a kill -9, idle workers linger otherwise
            initargs=(os.getpid(), threading.current_thread() is threading.main_thread()),
        )
    try:
        yield from parallel(joblib.delayed(_fit_chunk)(*task) for task in tasks)
    except TerminatedWorkerError as error:
        raise FitError(
            f"{label}: a worker process died, perhaps for lack of memory; finished fits are kept, "
            f"so run again with fewer jobs (now {jobs}; set ECGLIB_JOBS)."
        ) from error


def resolve_device(name: str) -> "torch.device":
    """The torch device for "auto" (CUDA where there is one), "cpu" or "cuda".

    Raises ValueError for any other name, and for "cuda" where torch finds no CUDA device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"unknown device {name!r}: choose auto, cpu or cuda.")
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no CUDA device here: choose device cpu or auto.")
    return torch.device(name)


def ensemble_size(bytes_per_model: float, device: "torch.device") -> int:
    """How many models to step together, by the peak memory of one; ValueError unless positive.

    On a GPU, what fits into four fifths of its free memory, up to 1024. On a CPU at most 16,
    within 1 GiB: past the processor's cache a larger ensemble is no faster, and every worker
    process holds one.
    """
    import torch

    if bytes_per_model <= 0:
        raise ValueError(f"bytes_per_model must be positive, not {bytes_per_model}.")
    if device.type == "cuda":
        room, most = 0.8 * torch.cuda.mem_get_info(device)[0], 1024
    else:
        room, most = 2.0**30, 16
    return int(min(most, max(1, room // bytes_per_model)))
