"""Fits on the workers of a Dask scheduler, which answers, or is told to have not.

This uses Dask's own client: joblib's backend for it waits for ever once a task was given up.
"""

import asyncio
import importlib
import logging
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from importlib import metadata
from itertools import islice
from typing import Any

from ecglib.cache import code_digest

TIMEOUT_S = 5  # for a scheduler to answer
NOBODY_S = 10  # for a worker, or a scheduler that is silent, to come back
LOADING_S, POLL_S = 60, 2


class FitError(RuntimeError):
    """A fit raised, or its process died; the message names the fit and quotes the reason."""


def on_cluster(
    call: Callable, tasks: Iterable[tuple], address: str, label: str
) -> Iterator[tuple[int, list]]:
    """What `call` returns for each task, as they finish; a lost worker's go to another.

    tasks: (fit, specs, ...) each, the arguments of `call`.

    Raises ConnectionError for a scheduler that does not answer or goes away, FitError where the
    workers are lost or have other versions than this process.
    """
    from distributed import Client, wait

    for name in ("distributed", "distributed.client", "distributed.core", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what is wrong is said here
    _look(address)
    with Client(address, timeout=TIMEOUT_S, set_as_default=False) as client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError as error:
            raise ConnectionError(
                f"the Dask scheduler at {address} has no worker: start some with "
                f"`dask worker {address} --nthreads 1`."
            ) from error
        _look_at_workers(client, label)
        waiting = (
            client.submit(_on_worker, call, versions(task[0], task[1][0]), task, pure=False)
            for task in tasks
        )
        # A few tasks a worker in flight: the specs of a whole sweep need not fit the scheduler.
        pending = set(islice(waiting, 2 * sum(client.nthreads().values())))
        patience = LOADING_S  # at the first fit, scheduler and workers have torch to import
        seen = time.monotonic()
        while pending:
            try:
                with client.as_current():
                    done, pending = wait(pending, POLL_S, "FIRST_COMPLETED")
            except TimeoutError:
                trouble = _trouble(address, label)
                if trouble is None:
                    seen = time.monotonic()
                elif time.monotonic() - seen > patience:
                    raise trouble from None
                continue
            except CancelledError as error:
                raise _gone(address) from error
            for future in done:
                try:
                    if future.status == "lost":
                        raise TimeoutError
                    result = _result(future, address, label)
                except TimeoutError:  # its worker went with the result: it is fitted again
                    pending.add(future)
                    continue
                seen, patience = time.monotonic(), NOBODY_S
                pending |= set(islice(waiting, 1))
                yield result


def _look_at_workers(client: Any, label: str) -> None:
    """Raise FitError for a worker without our code: with a task that it cannot read it would end.

    A worker busy with another's fit answers nonetheless.
    """
    answers = client.run(
        importlib.import_module, __name__, on_error="return", callback_timeout=LOADING_S
    )
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise FitError(
                f"{label}: the Dask worker at {worker} cannot run a fit "
                f"({type(answer).__name__}: {answer}): give all workers the Python, torch and "
                "ecglib of this machine."
            )


def _trouble(address: str, label: str) -> ConnectionError | FitError | None:
    """Why nobody is at work, if so."""
    try:
        workers = _look(address)["n_workers"]
    except ConnectionError as error:
        return error
    if workers:
        return None
    return FitError(
        f"{label}: the Dask scheduler at {address} has lost all its workers, perhaps for lack of "
        "memory; finished fits are kept, so run again once there are some."
    )


def _result(future: Any, address: str, label: str) -> tuple[int, list]:
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    try:
        return future.result(NOBODY_S)
    except (FitError, TimeoutError):
        raise
    except KilledWorker as error:
        raise FitError(
            f"{label}: a fit was given up after its Dask workers died one after another, "
            "perhaps for lack of memory; finished fits are kept."
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise _gone(address) from error
    except Exception as error:  # what a worker without our code raises is of any kind
        said = " ".join(str(error).split())[:200]
        raise FitError(
            f"{label}: the Dask cluster at {address} cannot run a fit ({type(error).__name__}: "
            f"{said}): give its scheduler and workers the Python, torch and ecglib of this machine."
        ) from error


def versions(fit: Callable, spec: Any) -> dict[str, str]:
    """What two processes must have in common for their fits to be the same."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "torch": metadata.version("torch").partition("+")[0],  # not the CUDA it was built for
        "code of the fit": code_digest(fit, spec)[:12],
    }


def _on_worker(call: Callable, ours: dict[str, str], task: tuple) -> Any:
    for what, here in versions(task[0], task[1][0]).items():
        if here != ours[what]:
            raise FitError(
                f"a Dask worker on {platform.node()} has another {what} than this machine "
                f"({here}, not {ours[what]}): give all workers the same."
            )
    return call(*task)


def _gone(address: str) -> ConnectionError:
    return ConnectionError(
        f"the Dask scheduler at {address} went away; finished fits are kept, so run again once it "
        "is back."
    )


def _look(address: str) -> dict[str, Any]:
    """What a scheduler says of itself; ConnectionError unless one does: a Client waits for ever.

    Whatever an address or a stranger's answer makes of Dask's parsers, none of it is a scheduler.
    """
    try:
        identity = _identity(address)
        if identity["type"] != "Scheduler":
            raise ValueError(f"it is Dask's {identity['type']}")
        return identity
    except Exception as error:
        said = " ".join(str(error).split())[:100]
        raise ConnectionError(
            f"no Dask scheduler answers at {address} (from --cluster or ECGLIB_CLUSTER; "
            f"{type(error).__name__}: {said}): start one with `dask scheduler`, or leave the "
            "address out to use this machine."
        ) from error


def _identity(address: str) -> dict[str, Any]:
    """What who answers at an address says of itself within a few seconds.

    In a thread, since a notebook's own already runs an event loop; one that is stuck is left.
    """
    from distributed.core import rpc
    from distributed.security import Security

    async def ask() -> dict[str, Any]:
        security = Security().get_connection_args("client")
        async with rpc(address, timeout=TIMEOUT_S, connection_args=security) as scheduler:
            return await asyncio.wait_for(scheduler.identity(n_workers=-1), TIMEOUT_S)

    answer: Future[dict[str, Any]] = Future()

    def run() -> None:
        try:
            answer.set_result(asyncio.run(ask()))
        except BaseException as error:  # raised again by the thread that waits
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result(2 * TIMEOUT_S)
