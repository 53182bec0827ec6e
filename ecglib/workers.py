"""Who does the work of a sweep: this process, others beside it, or a Dask cluster.

Each call of a fit runs on one thread, and what it returns is looked at.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np

from ecglib.cluster import FitError, on_cluster
from ecglib.lifetime import end_with

Result = dict[str, np.ndarray]
Fit = Callable[[list], list[Result]]

NOT_NAMES = ("file", "allow_pickle")  # of results: arguments of `np.savez`

# A fit sets its process's thread count and random state, so a process runs one fit at a time,
# also inside a Dask worker of several threads.
_ONE_FIT = threading.Lock()


def execute(
    tasks: Iterator[tuple], jobs: int, cluster: str | None, label: str
) -> Iterator[tuple[int, list[Result]]]:
    """(number, results) of each task, as they finish; few are taken before a worker is free."""
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
    with _ONE_FIT, one_thread():
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
def one_thread() -> Iterator[None]:
    """One thread for PyTorch and for linear algebra.

    Sums are split by the number of threads, so one thread everywhere gives the same numbers,
    whatever the number of jobs.
    """
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
            pre_dispatch="n_jobs",  # what waits here for a worker, no other process can do
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
