"""Fits of many networks: in processes or on a cluster, each once, with results kept on disk.

A fit is a function from specs to results. `run` gives it the specs that no earlier run has
answered and no other process is at, on one thread each, so that the numbers are the same whoever
does the work.
"""

import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import is_dataclass, replace
from typing import TYPE_CHECKING, Any

from ecglib.cache import FitCache, keys
from ecglib.cluster import FitError as FitError  # who calls `run` meets it
from ecglib.workers import Fit, Result, execute

# torch, joblib and tqdm are imported where they are used: whoever only reads results, or asks what
# was counted here, does not wait seconds for them.
if TYPE_CHECKING:
    import torch

POLL_S = 0.2  # how often to look for fits that other processes are at
SAY_S = 60  # after so long in vain, say so

tally: Counter[str] = Counter(kept=0, fitted=0)  # fits of this process: from disk, and anew

# Threads do not see each other's locks, which hold off other processes.
_ONE_RUN = threading.Lock()


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
    with _ONE_RUN:  # Python's parser fails where two threads use it
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
        """What a chunk lacks and nobody else is at, held from when it is handed out."""
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
    in_vain = 0
    with _ONE_RUN, store.locks() as locks, bar:
        while len(results) < len(wanted):
            before = len(results)
            most = sum(not chunk.keys() <= results.keys() for chunk in chunks)
            for number, answers in execute(tasks(), min(jobs, most), cluster, label):
                fresh = dict(zip(at_work[number], answers, strict=True))
                store.save({name: result for name, result in fresh.items() if name in found})
                for name in fresh.keys() & found.keys():
                    locks.release(name)
                results |= fresh
                fitted += len(fresh)
                bar.update(len(fresh))
            if len(results) > before:
                in_vain = 0
                continue
            time.sleep(POLL_S)  # other processes are at all that is left
            in_vain += 1
            if in_vain == round(SAY_S / POLL_S):
                warnings.warn(
                    f"{label}: another process is at the last {len(wanted) - len(results)} fits "
                    "and has finished none for a minute; end it if it hangs, and they are done "
                    "here.",
                    stacklevel=2,
                )
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
