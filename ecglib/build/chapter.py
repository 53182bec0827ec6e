"""One chapter run by papermill, in a process of its own."""

import contextlib
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

import ecglib
from ecglib.build import notebooks

START_TIMEOUT_S = 60  # for a kernel to answer
DISK_FULL = ("No space left on device", "Disk quota exceeded", "disk is full")
NO_MEMORY = ("MemoryError", "OutOfMemory", "Cannot allocate memory", "can't allocate memory")
DEAD = ("DeadKernelError", "Kernel died")


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
        """Folder of what it writes until it has succeeded: the notebook, and its results."""
        return self.target.with_name(f".{self.name}.running")

    @property
    def log(self) -> Path:
        """What the run's processes print, kept where it failed."""
        return self.target.parents[1] / "_build" / "errors" / f"{self.name}.txt"


class Outcome(NamedTuple):
    """How a run ended: each a sentence or more, or empty.

    failed: what went wrong. left_out: why the records cannot do this chapter, which then is a
        page that says so. warned: what its kernel wrote to stderr.
    """

    failed: str = ""
    left_out: str = ""
    warned: str = ""


class ThisPython(AsyncKernelManager):
    """Starts this interpreter, whatever the kernelspecs of this machine name python3."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-Xfrozen_modules=off", "-m", "ecglib.build.kernel"]
        return KernelSpec(
            argv=[*command, "-f", "{connection_file}"], display_name="Python 3", language="python"
        )


def execute(run: Run, bar: Mapping[str, Any]) -> Outcome:
    """Run the notebook; what it leaves is normalised before it is moved to its place."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        return _execute(run, bar)
    except (Exception, KeyboardInterrupt) as failure:  # whatever it is, it is told
        name = getattr(failure, "ename", type(failure).__name__)  # the cell's, where it was one
        text = getattr(failure, "evalue", str(failure))
        if name == "Unsuited":
            return _leave_out(run, text)
        with contextlib.suppress(OSError):  # the log's disk may be full
            traceback.print_exc()
        return failed(run, f"{name}: {text}")


def failed(run: Run, error: str) -> Outcome:
    """The outcome of a run that ended in an error, given as `name: text`."""
    reason = error.strip().splitlines()[0].rstrip(": ")
    if any(sign in error for sign in DISK_FULL):
        reason = f"the disk is full: {reason}"
    elif any(sign in error for sign in NO_MEMORY):
        reason = f"memory ran out: {reason}"
    elif any(sign in error for sign in DEAD):
        reason = f"{reason} (perhaps for lack of memory)"
    return Outcome(failed=f"chapter {run.name}{_cell(run)} failed: {reason}")


def _execute(run: Run, bar: Mapping[str, Any]) -> Outcome:
    shutil.rmtree(run.scratch, ignore_errors=True)
    written, results = run.scratch / "notebook.ipynb", run.scratch / "results"
    results.mkdir(parents=True)
    os.environ["ECGLIB_RESULTS"] = str(results)
    os.environ["IPYTHONDIR"] = str(run.scratch)  # the reader's own profile is no part of the book
    papermill.execute_notebook(
        unformatted(run.source),
        unformatted(written),
        parameters=dict(run.parameters),
        kernel_name="python3",
        kernel_manager_class=ThisPython,
        config=_sockets(run),
        language="python",
        cwd=run.target.parent,
        progress_bar=bar,
        start_timeout=START_TIMEOUT_S,
        execution_timeout=run.cell_timeout_s,
    )
    notebook = notebooks.read(written)
    if errors := notebooks.errors(notebook):  # papermill lets a cell end by SystemExit
        return failed(run, errors[0])
    normal = notebooks.normalise(notebook, run.banner, **run.record)
    kept = _results(run)
    notebooks.write(notebooks.renamed(normal, _folders(run)), run.target)
    for result in results.iterdir():
        os.replace(result, kept / result.name)
    return Outcome(warned=notebooks.warnings(notebook))


def _sockets(run: Run) -> Config:
    """Where the kernel listens: in the run's own folder, a path from where both it and we work.

    Ports are chosen before they are bound, so that two kernels that start at once may be given the
    same one, and one of them then never answers.
    """
    if os.name != "posix":
        return Config()
    return Config(ThisPython={"transport": "ipc", "ip": f"{run.scratch.name}/kernel"})


def unformatted(path: Path) -> str:
    """A path that papermill's formatting leaves as it is, braces too."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _leave_out(run: Run, why: str) -> Outcome:
    """Put a page that says why in the chapter's place; what an earlier run measured goes."""
    page = notebooks.left_out(notebooks.read(run.source), why, run.banner, **run.record)
    notebooks.write(notebooks.renamed(page, _folders(run)), run.target)
    (_results(run) / f"{run.name}.json").unlink(missing_ok=True)
    return Outcome(left_out=why)


def _folders(run: Run) -> dict[str, str]:
    """Folders of this machine that outputs may name, and what readers are told instead."""
    own = [os.environ.get(name, "") for name in ("ECGLIB_LUDB", "ECGLIB_CACHE")]
    own += [str(run.target.parents[1]), str(Path(ecglib.__file__).parents[1]), sys.prefix]
    names = {path: Path(path).name for path in own}
    names |= {str(Path.home()): "~", str(run.parameters.get("dataset")): run.record["dataset"]}
    paths = [path for path in names if Path(path).is_absolute() and Path(path).name]
    return {path: names[path] for path in sorted(paths, key=len, reverse=True)}


def _results(run: Run) -> Path:
    folder = run.target.with_name("results")
    folder.mkdir(exist_ok=True)
    return folder


def _cell(run: Run) -> str:
    """Which cell ran last, by its number, from 1, in the chapter's file."""
    try:
        left = notebooks.read(run.scratch / "notebook.ipynb").cells
        cells = notebooks.read(run.source).cells
    except (OSError, ValueError):  # it ended before papermill wrote one, or while it did
        return ""
    started = {cell.id for cell in left if cell.metadata.get("papermill", {}).get("start_time")}
    numbers = [k for k, cell in enumerate(cells, 1) if cell.get("id") in started]
    return f", cell {max(numbers)}" if numbers else ""
