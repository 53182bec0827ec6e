"""Fits on the workers of a Dask scheduler."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from typing import Any

TIMEOUT_S = 5


class FitError(RuntimeError):
    """A fit raised, or its process died; the message names the fit and quotes the reason."""


def fit_on_cluster(
    function: Callable, tasks: list[tuple], address: str, label: str
) -> Iterator[Any]:
    """What `function` returns for each tuple of arguments, as the workers finish.

    A task whose worker is lost goes to another. This uses Dask's own client: joblib's backend for
    Dask waits for ever once a task has been given up.

    address: the scheduler's, such as tcp://host:8786.

    Raises ConnectionError where no scheduler answers, or it has no worker, or goes away; FitError
    for a fit that failed or whose workers died again and again.
    """
    from distributed import Client, as_completed  # slow to import, and seldom needed
    from distributed.comm import get_address_host_port
    from distributed.scheduler import KilledWorker

    try:
        # A client that finds nothing there takes half a minute to be closed, so look first.
        socket.create_connection(get_address_host_port(address), TIMEOUT_S).close()
        client = Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} (from --cluster or ECGLIB_CLUSTER): start "
            "one with `dask scheduler`, or leave the address out to use this machine."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError as error:
            raise ConnectionError(
                f"the Dask scheduler at {address} has no worker: start some with "
                f"`dask worker {address} --nthreads 1`."
            ) from error
        # A few tasks a worker in flight: the specs of a whole sweep need not fit the scheduler.
        waiting = iter(tasks)
        ahead = 2 * sum(client.nthreads().values())
        first = [client.submit(function, *task, pure=False) for task in islice(waiting, ahead)]
        futures = as_completed(first, loop=client.loop)
        for future in futures:
            try:
                result = future.result()
            except KilledWorker as error:
                raise FitError(
                    f"{label or 'run'}: a fit was given up after its Dask workers died one after "
                    "another, perhaps for lack of memory; finished fits are kept."
                ) from error
            except CancelledError as error:
                raise ConnectionError(
                    f"the Dask scheduler at {address} went away; finished fits are kept, so run "
                    "again once it is back."
                ) from error
            for task in islice(waiting, 1):
                futures.add(client.submit(function, *task, pure=False))
            yield result
