"""Chapters run by papermill side by side, each in a process of its own.

Not in a pool, which one worker that dies takes with it. The processes are forked from a server
that has imported papermill, so that none waits for it. They end when the build ends, however it
ends, and their kernels, which watch their parent, with them.
"""

import logging
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import papermill

from ecglib.build import BuildError, notebooks


@dataclass(frozen=True)
class Run:
    """A notebook to run from `source`, and its `target`, which it replaces when it succeeds.

    parameters: those that differ from the notebook's own.
    record, banner: as `notebooks.normalise` takes them.
    """

    name: str
    source: Path
    target: Path
    parameters: Mapping[str, Any]
    record: Mapping[str, Any]
    banner: str | None
    cell_timeout_s: int

    @property
    def scratch(self) -> Path:
        """Where papermill writes until the run has succeeded."""
        return self.target.with_name(f".{self.name}.running.ipynb")

    @property
    def log(self) -> Path:
        """What the run's processes print, kept where it failed."""
        return self.target.parents[1] / "_build" / "errors" / f"{self.name}.txt"


class _Running(NamedTuple):
    run: Run
    process: BaseProcess
    line: int  # of its progress bar
    began: float


def run_all(runs: Sequence[Run], at_once: int, environment: Mapping[str, str]) -> None:
    """Run notebooks, `at_once` of them at a time; `environment` is that of their kernels.

    A failed chapter does not stop the others; BuildError then names all that failed.
    """
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload([__name__])
    waiting = list(runs)
    running: dict[Any, _Running] = {}  # by the end of the pipe on which its process answers
    failures = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                run = waiting.pop(0)
                line = min(set(range(1, at_once + 1)) - {other.line for other in running.values()})
                answer, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(run, line, environment, sender))
                process.start()
                sender.close()  # the process holds the only other end: it is closed when it dies
                running[answer] = _Running(run, process, line, time.monotonic())
            for answer in connection.wait(list(running)):
                failure = _finish(running[answer], answer)
                run = running.pop(answer).run
                if failure:
                    failures[run.name] = f"{failure} (more in {run.log})"
    finally:
        for run, process, *_ in running.values():
            process.kill()
            run.scratch.unlink(missing_ok=True)
    if failures:
        raise BuildError("\n".join(failures[name] for name in sorted(failures)))


def _finish(done: _Running, answer: Any) -> str | None:
    """Tidy up after a process; returns what failed."""
    run = done.run
    try:
        failure = answer.recv()
    except EOFError:
        failure = f"chapter {run.name} failed: its process ended without a word"
    done.process.join()
    run.scratch.unlink(missing_ok=True)
    if not failure:
        run.log.unlink()
    clear = "\r\033[J" if sys.stderr.isatty() else ""  # the bars, which are soon drawn again
    outcome = f"{'failed' if failure else 'done'} after {time.monotonic() - done.began:.0f} s"
    print(f"{clear}{run.name}: {outcome}", file=sys.stderr, flush=True)
    return failure


def _work(run: Run, line: int, environment: Mapping[str, str], sender: Any) -> None:
    """Run one notebook in this process; send what failed, or None."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment)
    terminal = os.fdopen(os.dup(2), "w")
    run.log.parent.mkdir(parents=True, exist_ok=True)
    with open(run.log, "wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    bar = {"desc": run.name, "position": line, "leave": False, "disable": None, "file": terminal}
    sender.send(_execute(run, bar))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)


def _execute(run: Run, bar: Mapping[str, Any]) -> str | None:
    """Run the notebook; what it leaves is normalised before it is moved to its place."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        papermill.execute_notebook(
            unformatted(run.source),
            unformatted(run.scratch),
            parameters=dict(run.parameters),
            kernel_name="python3",
            language="python",
            cwd=run.target.parent,
            progress_bar=bar,
            execution_timeout=run.cell_timeout_s,
        )
        notebook = notebooks.read(run.scratch)
        errors = notebooks.errors(notebook)  # papermill lets a cell end by exit(0)
        if not errors:
            notebooks.write(notebooks.normalise(notebook, run.banner, **run.record), run.target)
            return None
        error = errors[0]
    except papermill.PapermillExecutionError as failure:
        traceback.print_exc()
        error = f"{failure.ename}: {failure.evalue}"
    except Exception as failure:  # a cell out of time, a dead kernel, a full disk
        traceback.print_exc()
        error = f"{type(failure).__name__}: {failure}"
    return f"chapter {run.name}{_cell(run)} failed: {error.splitlines()[0]}"


def unformatted(path: Path) -> str:
    """A path that papermill's formatting leaves as it is, braces too."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _cell(run: Run) -> str:
    """Which cell ran last, by its number, from 1, in the chapter's file."""
    if not run.scratch.is_file():
        return ""
    left = notebooks.read(run.scratch).cells
    started = {cell.id for cell in left if cell.metadata.get("papermill", {}).get("start_time")}
    cells = notebooks.read(run.source).cells
    numbers = [k for k, cell in enumerate(cells, 1) if cell.get("id") in started]
    return f", cell {max(numbers)}" if numbers else ""
