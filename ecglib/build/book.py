"""The whole build: chapters run where the plan says, then their pages."""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib

from ecglib.build import notebooks, workspace
from ecglib.build.plan import Plan, chapter_run, make_plan, pages
from ecglib.build.render import render
from ecglib.build.run import run_all
from ecglib.build.workspace import TIME
from ecglib.files import write_whole
from ecglib.ledger import find_book, read_result
from ecglib.places import whole_folders

# Fits ask for the same large arrays at every step: where the C library is GNU's, those freed stay
# with the process, in large pages, and are not fetched from the system again.
MEMORY = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {"hugetlb": 1, "mmap_threshold": 2**30, "trim_threshold": 2**31}.items()
)

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, either under WSL


def build(
    scale: str = "quick",
    dataset: str | None = None,
    chapters: Sequence[str] | None = None,
    device: str = "auto",
    jobs: int | None = None,
    cluster: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    root: Path | None = None,
) -> Path:
    """Run chapters, then build the book from their outputs; returns its first page.

    scale, dataset, device, cluster: as the command line takes them, where they are explained.
    chapters: two-digit numbers or names of those to run; None runs all. The others stay as they
        were after their last run.
    jobs: processes, shared among the chapters that run at once; by default one a core.
    parameters: values by name, for each of the chapters that has such a parameter.
    root: the folder of `_config.yml`; by default found from here or from the package.

    Raises ValueError for what does not exist (scale, data set, chapter, parameter, device),
    BuildError where a chapter or the book fails, or where another build is at work in the same
    folder. A chapter's last good outputs stay until its run succeeds, and so does the last good
    book.
    """
    plan = make_plan(scale, dataset, chapters, device, parameters or {}, root or find_book())
    jobs = joblib.cpu_count() if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}: it must be 1 or more.")
    if cluster is not None and not cluster.strip():
        raise ValueError("--cluster is empty: give a scheduler's address, or leave it out.")
    runs = {name: chapter_run(plan, name) for name in plan.numbered + plan.others}
    _check_rest(plan)
    # Chapters on one GPU would fight for its memory.
    at_once = 1 if _on_gpu(device) else min(jobs, len(plan.numbered))
    # The chapters that run at once share the number of processes among them.
    environment = kernel_environment(jobs // at_once)
    if cluster:
        environment["ECGLIB_CLUSTER"] = cluster
    with workspace.held(plan):
        workspace.sweep(plan)
        workspace.copy_sources(plan)
        began = time.monotonic()
        run_all([runs[name] for name in _longest_first(plan)], at_once, environment)
        _note_time(plan, jobs, time.monotonic() - began)
        run_all([runs[name] for name in plan.others], jobs, environment)
        return render(plan.place, plan.site)


def kernel_environment(jobs: int) -> dict[str, str]:
    """The environment of the chapters' kernels, each of which has `jobs` processes for its fits."""
    return {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",  # threads of several chapters on the same cores halve their speed
        "GLIBC_TUNABLES": MEMORY,
        **os.environ,
        **whole_folders(os.environ),  # chapters run in another folder than this
        # Fits run in processes of one thread each, which are faster than threads of one process.
        "ECGLIB_JOBS": str(jobs),
    }


def _note_time(plan: Plan, jobs: int, seconds: float) -> None:
    """Write how long all chapters took; where only some were run, no one time is the book's."""
    path = plan.place / "chapters" / TIME
    if plan.numbered == sorted(pages(plan.root)[0]):
        write_whole(path, json.dumps({"jobs": jobs, "wall_s": round(seconds, 1)}) + "\n")
    else:
        path.unlink(missing_ok=True)


def _last(plan: Plan, file: str) -> list[Path]:
    """A file of the chapters' folder as the last runs left it: in the plan's place, in the root."""
    paths = [place / "chapters" / file for place in (plan.place, plan.root)]
    return [path for path in paths if path.is_file()]


def _check_rest(plan: Plan) -> None:
    """ValueError where a chapter that is not to be run has no outputs, or broken results."""
    for name in sorted(set(pages(plan.root)[0]) - set(plan.numbered)):
        paths = _last(plan, f"{name}.ipynb")
        if not any(notebooks.was_run(notebooks.read(path)) for path in paths):
            raise ValueError(f"chapter {name} was never run: run it too (--chapters).")
    for path in (plan.place / "chapters" / "results").glob("[!.]*.json"):
        if path.stem not in plan.numbered:
            read_result(path)


def _longest_first(plan: Plan) -> list[str]:
    """The chapters, by the time that their last run took: none is left to run alone at the end."""

    def seconds(name: str) -> float:
        for path in _last(plan, f"results/{name}.json")[:1]:
            with suppress(ValueError, TypeError):  # a broken result is about to be replaced
                return float(read_result(path).get("wall_s", 0))
        return 0

    return sorted(plan.numbered, key=seconds, reverse=True)


def _on_gpu(device: str) -> bool:
    """Whether fits will run on CUDA; PyTorch, slow to import, is asked only where it can be so."""
    driver = any(Path(path).exists() for path in GPU_DRIVERS) or shutil.which("nvidia-smi")
    if device == "cpu" or (device == "auto" and not driver):
        return False
    from ecglib.fits import resolve_device

    return resolve_device(device).type == "cuda"
