"""Chapters run side by side, each in its own process, with a progress bar for each."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm


class RunError(Exception):
    """Chapters failed; the message names each with its cell and its error."""


@dataclass(frozen=True)
class Run:
    """A notebook to run from `source`, beside its `target`, which it replaces when it succeeds."""

    name: str
    source: Path
    target: Path
    parameters: Mapping[str, Any]
    keep_injected: bool
    record: Mapping[str, str]
    cell_timeout_s: int

    def request(self) -> str:
        """The request that `ecglib.execute` reads."""
        return json.dumps(
            {
                "source": str(self.source),
                "target": str(self.target),
                "folder": str(self.target.parent),
                "parameters": dict(self.parameters),
                "keep_injected": self.keep_injected,
                "record": dict(self.record),
                "cell_timeout_s": self.cell_timeout_s,
            }
        )


def run_all(
    runs: Sequence[Run], at_once: int, jobs: int, environment: Mapping[str, str] | None = None
) -> None:
    """Run notebooks, `at_once` of them at a time, which share `jobs` worker processes.

    environment: variables for the runs, beside those of this process.
    A failed chapter does not stop the others; RunError then names all that failed.
    """
    if not runs:
        return
    at_once = min(at_once, len(runs))
    # Fits run in processes of one thread each, which are faster than threads of one process: the
    # chapters that run at once share the number of these processes among them.
    variables = {**os.environ, **(environment or {}), "ECGLIB_JOBS": str(max(1, jobs // at_once))}
    variables.setdefault("PYTHONHASHSEED", "0")
    waiting: queue.SimpleQueue[tuple[int, Run]] = queue.SimpleQueue()
    for item in enumerate(runs):
        waiting.put(item)
    failures: dict[int, str] = {}
    processes: set[subprocess.Popen] = set()

    def work() -> None:
        while True:
            try:
                position, run = waiting.get_nowait()
            except queue.Empty:
                return
            failure = _run_one(run, position, variables, processes)
            if failure:
                failures[position] = failure

    threads = [threading.Thread(target=work, daemon=True) for _ in range(at_once)]
    with _ended(processes, waiting):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise RunError("\n".join(failures[k] for k in sorted(failures)))


@contextmanager
def _ended(processes: set[subprocess.Popen], waiting: queue.SimpleQueue) -> Iterator[None]:
    """On the way out, by Ctrl-C too, no process is left behind and none is started."""
    try:
        yield
    finally:
        while not waiting.empty():
            waiting.get()
        for process in list(processes):
            process.terminate()


def _run_one(
    run: Run, position: int, variables: Mapping[str, str], processes: set[subprocess.Popen]
) -> str | None:
    """Run one notebook; returns what went wrong, if anything."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecglib.build.execute"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(variables),
    )
    processes.add(process)
    said: list[str] = []  # stderr is drained beside stdout, lest a full pipe stop the run
    drain = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    drain.start()
    assert process.stdin and process.stdout
    process.stdin.write(run.request())
    process.stdin.close()
    last: dict[str, Any] = {}
    began = time.monotonic()
    quiet = not sys.stderr.isatty()
    with tqdm(desc=run.name, unit="cell", position=position, disable=quiet) as bar:
        for line in process.stdout:
            last = json.loads(line)
            if "cells" in last:
                bar.total = last["of"]
                bar.update(last["cells"] - bar.n)
    process.wait()
    drain.join()
    processes.discard(process)
    outcome = "done" if last.get("done") else "failed"
    if quiet or outcome == "failed":
        tqdm.write(f"{run.name}: {outcome} after {time.monotonic() - began:.0f} s", sys.stderr)
    return None if last.get("done") else _explain(run, last, "".join(said))


def _explain(run: Run, last: Mapping[str, Any], said: str) -> str:
    """One sentence on a failed run; its traceback goes to a file beside the chapters' folder."""
    where = f"chapter {run.name}"
    if last.get("cell"):
        where += f", cell {last['cell']}"
    error = last.get("error") or "its process ended without a word"
    trace = last.get("traceback") or said
    if not trace:
        return f"{where} failed: {error}"
    log = run.target.parents[1] / "_build" / "errors" / f"{run.name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(trace)
    return f"{where} failed: {error} (traceback in {log})"
