"""Chapters run side by side, each in a process of its own.

Not in a pool, which one worker that dies takes with it. They end when the build ends, however it
ends, and their kernels, which end with them, and the kernels' workers.
"""

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from tqdm import tqdm

from ecglib.build import BuildError
from ecglib.build.chapter import Outcome, Run, execute, failed

END_S = 5  # for a process to end that has said all


class _Running(NamedTuple):
    run: Run
    process: BaseProcess
    line: int  # of its progress bar
    began: float


def run_all(
    runs: Sequence[Run],
    at_once: int,
    environment: Mapping[str, str],
    limit_s: float | None = None,
) -> None:
    """Run notebooks, `at_once` of them at a time; `environment` is that of their kernels.

    A failed chapter does not stop the others; BuildError then names all that failed. TimeoutError
    where all together take longer than `limit_s`: what still runs is stopped.
    """
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(["ecglib.build.server"])
    os.environ["ECGLIB_BUILD"] = str(os.getpid())  # for the server, which is to end with it
    waiting = list(runs)
    running: dict[Any, _Running] = {}  # by the end of the pipe on which its process answers
    failures = {}
    began = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                run = waiting.pop(0)
                line = min(set(range(1, at_once + 1)) - {other.line for other in running.values()})
                answer, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(run, line, environment, sender))
                try:
                    process.start()
                except (OSError, EOFError, pickle.PicklingError, TypeError, AttributeError) as why:
                    failures[run.name] = failed(run, f"{type(why).__name__}: {why}").failed
                    continue
                finally:
                    sender.close()  # the process holds the only other end, closed when it dies
                running[answer] = _Running(run, process, line, time.monotonic())
            left = None if limit_s is None else max(0, began + limit_s - time.monotonic())
            ready = connection.wait(list(running), left)
            if running and not ready:
                raise TimeoutError(f"stopped after {limit_s:.0f} s, when the time was up")
            for answer in ready:
                outcome = _finish(running[answer], answer)
                run = running.pop(answer).run
                if outcome.failed:
                    more = f" (more in {run.log})" if run.log.is_file() else ""
                    failures[run.name] = f"{outcome.failed}{more}"
    finally:
        for run, process, *_ in running.values():
            process.kill()
            shutil.rmtree(run.scratch, ignore_errors=True)
    if failures:
        raise BuildError("\n".join(failures[name] for name in sorted(failures)))


def _finish(done: _Running, answer: Any) -> Outcome:
    """Tidy up after a process, and say how it ended."""
    run = done.run
    try:
        outcome = answer.recv()
    except (EOFError, OSError):
        done.process.join(END_S)
        outcome = Outcome(failed=f"chapter {run.name} failed: {_fate(done.process.exitcode)}")
    done.process.join(END_S)
    done.process.kill()  # it has said all, and may hang on its way out
    done.process.join()
    shutil.rmtree(run.scratch, ignore_errors=True)
    if not outcome.failed:
        run.log.unlink(missing_ok=True)
    clear = "\r\033[J" if sys.stderr.isatty() else ""  # the bars, which are soon drawn again
    how = f"{'failed' if outcome.failed else 'done'} after {time.monotonic() - done.began:.0f} s"
    lines = [f"left out: {outcome.left_out}" if outcome.left_out else how]
    for line in outcome.warned.splitlines() + lines:
        print(f"{clear}{run.name}: {line}", file=sys.stderr, flush=True)
    return outcome


def _fate(status: int | None) -> str:
    """What became of a process that did not answer, by its exit status."""
    how = "its process ended without a word"
    if status is None:
        return f"{how} and hangs"
    if status >= 0:
        return f"{how} (exit status {status})"
    killed = "killed by " + signal.Signals(-status).name
    memory = ", perhaps for lack of memory" if status == -signal.SIGKILL else ""
    return f"{how} ({killed}{memory})"


def _work(run: Run, line: int, environment: Mapping[str, str], sender: Any) -> None:
    """Run one notebook in this process; send how it went."""
    threading.Thread(target=_end_with_build, daemon=True).start()
    os.environ.update(environment)
    try:
        terminal = os.fdopen(os.dup(2), "w")
        run.log.parent.mkdir(parents=True, exist_ok=True)
        with open(run.log, "wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
    except OSError as error:
        sender.send(failed(run, f"{type(error).__name__}: {error}"))
        return
    tqdm.set_lock(threading.RLock())  # its own is the system's, and outlives a process killed
    bar = {"desc": run.name, "position": line, "leave": False, "disable": None, "file": terminal}
    sender.send(execute(run, bar))


def _end_with_build() -> None:
    """The server is this process's parent, and the build is the server's."""
    build = multiprocessing.parent_process()
    assert build
    build.join()
    os._exit(1)
