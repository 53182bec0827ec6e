"""The book on a GPU: its tests, its benchmark, its chapters, and how these stand to the CPU's.

All within a time that is given: what does not fit into it is stopped, or not begun, and named.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from ecglib.build import BuildError, workspace
from ecglib.build.agreement import RULE, compare
from ecglib.build.book import kernel_environment
from ecglib.build.plan import Plan, chapter_run, make_plan
from ecglib.build.run import run_all
from ecglib.files import write_whole
from ecglib.ledger import device_name, find_book, read_result, read_results

LONGEST = 24 * 60  # minutes
LEAST_S = 20  # a chapter that has less left would be stopped before it has read its records
MARK = "\n@pytest.mark.cuda\n"  # of the tests that need a GPU
COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error)")  # in pytest's last line
LAUNCH = """\
import runpy, sys
from ecglib.lifetime import end_with
end_with(int(sys.argv.pop(1)))
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def prove(minutes: float = 10, device: str = "cuda", root: Path | None = None) -> Path:
    """Run tests, benchmark and chapters on a GPU; returns `chapters/gpu.json`.

    The chapters run at the paper's scale on LUDB, the shortest first, in `_build/gpu`, never in
    place. The file holds
    "device", "torch", "python", "minutes" (those given), "tests" (how many passed, failed, were
    skipped), "chapters" (of each "minutes" and "fits", on the "gpu" and the "cpu", and what
    `compare` says of it), "left_out" (by name, why) and "rule" (that of the agreement). It is
    written after every step: a machine that is taken away in the middle leaves what was done.

    Raises ValueError for minutes that cannot be and where torch finds no such device, before
    anything runs; BuildError, at the end, for what failed for another reason than the time.
    """
    began = time.monotonic()
    if not 1 <= minutes <= LONGEST:
        raise ValueError(f"--minutes is {minutes:g}: give 1 to {LONGEST}.")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"torch {torch.__version__} finds no CUDA device here, so nothing was run: go to a "
            "machine with one, and give its Python a torch that was built for it."
        )
    root = root or find_book()
    plan = make_plan("paper", "ludb", None, device, {}, root)
    folder = root / "_build" / "gpu"
    plan = replace(plan, place=folder / "book", site=folder / "html")
    committed = read_results(root / "chapters" / "results")
    path = root / "chapters" / "gpu.json"
    report: dict[str, Any] = {
        "device": device_name(device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "minutes": minutes,
        "tests": {},
        "chapters": {},
        "left_out": {},
        "rule": RULE,
    }

    steps: dict[str, Callable[[float], None]] = {
        "tests": partial(_tests, root, report["tests"]),
        "benchmark": partial(_benchmark, root),
    }
    for name in sorted(plan.numbered, key=lambda name: committed.get(name, {}).get("wall_s", 0)):
        theirs = committed.get(name, {})
        steps[name] = partial(_chapter, plan, name, theirs, report["chapters"])

    failures = []
    with workspace.held(plan):
        workspace.sweep(plan)
        workspace.copy_sources(plan)
        for name, step in steps.items():
            seconds = began + 60 * minutes - time.monotonic()
            try:
                if seconds < LEAST_S:
                    raise TimeoutError(f"not begun, {max(seconds, 0):.0f} s before the time was up")
                # what only prepares leaves most of the time to the chapters
                step(seconds if name in plan.numbered else seconds / 3)
            except TimeoutError as error:
                report["left_out"][name] = str(error)
            except (BuildError, ValueError, OSError) as error:
                report["left_out"][name] = "failed"
                failures.append(str(error))
            write_whole(path, json.dumps(report, indent=1) + "\n")
    print(as_text(report))
    if failures:
        raise BuildError("\n".join(failures))
    return path


def _tests(root: Path, counts: dict[str, int], seconds: float) -> None:
    """Run the tests that need CUDA, and enter how many passed, failed and were skipped."""
    tests = [
        path for path in sorted(root.glob("tests/**/test_*.py")) if MARK in path.read_text("utf-8")
    ]
    if not tests:
        raise BuildError(f"no test in {root / 'tests'} has the mark {MARK.strip()}.")
    options = ["-q", "-m", "cuda", "-p", "no:cacheprovider"]
    log, status = _module(["pytest", *options, *map(str, tests)], root, "tests", seconds)
    last = log.read_text("utf-8").rstrip().rpartition("\n")[2]
    counts |= {what: int(count) for count, what in COUNTS.findall(last)}
    if status or "passed" not in counts:
        raise BuildError(f"the tests that need CUDA did not all pass (more in {log})")


def _benchmark(root: Path, seconds: float) -> None:
    path = root / "chapters" / "bench-gpu.json"
    log, status = _module(["ecglib", "bench", "--json", str(path)], root, "benchmark", seconds)
    if status:
        raise BuildError(f"the benchmark failed (more in {log})")


def _module(arguments: Sequence[str], root: Path, name: str, seconds: float) -> tuple[Path, int]:
    """Run a module of this Python, which ends with this process; where it wrote, and its status."""
    log = root / "_build" / "gpu" / f"{name}.txt"
    print(f"{name} (output in {log})", file=sys.stderr, flush=True)
    command = [sys.executable, "-c", LAUNCH, str(os.getpid()), *arguments]
    with open(log, "w") as out:
        try:
            done = subprocess.run(
                command,
                cwd=root,
                env=_environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"stopped after {seconds:.0f} s, when the time was up") from error
    return log, done.returncode


def _chapter(
    plan: Plan,
    name: str,
    theirs: Mapping[str, Any],
    chapters: dict[str, dict],
    seconds: float,
) -> None:
    """Run a chapter, and enter how long it took and how it stands to `theirs`, the CPU's."""
    result = plan.place / "chapters" / "results" / f"{name}.json"
    result.unlink(missing_ok=True)  # an earlier run's
    run_all([chapter_run(plan, name)], 1, _environment(), seconds)
    if not result.is_file():
        raise BuildError(f"chapter {name} wrote no results.")
    ours = read_result(result)
    both = {"gpu": ours, "cpu": theirs}
    chapters[name] = {
        "minutes": {who: round(of["wall_s"] / 60, 2) for who, of in both.items() if of},
        "fits": {who: of["fits"] for who, of in both.items() if of},
        **compare(ours, theirs),
    }


def _environment() -> dict[str, str]:
    """That of the processes: they find this package wherever they run, and no cluster."""
    environment = kernel_environment(joblib.cpu_count())
    folders = [str(Path(__file__).parents[2]), environment.get("PYTHONPATH", "")]
    own = {"ECGLIB_CLUSTER": "", "PYTHONPATH": os.pathsep.join(filter(None, folders))}
    return environment | own


def as_text(report: Mapping[str, Any]) -> str:
    """The report as a short table, every figure and verdict that differs named below it."""
    tests = ", ".join(f"{count} {what}" for what, count in report["tests"].items()) or "not run"
    lines = [f"{report['device']}, torch {report['torch']}; tests that need CUDA: {tests}"]
    lines.append(f"{'minutes (fits, kept)':20}{'GPU':>16}{'CPU':>16}  figures that agree")
    for name, of in report["chapters"].items():
        cost = [f"{_cost(of, who):>16}" for who in ("gpu", "cpu")]
        lines.append(f"{name:20}{''.join(cost)}  {of['agree']} of {of['figures']}")
    for name, of in report["chapters"].items():
        for what, pair in (of["outside"] | of["verdicts"]).items():
            lines.append(f"{name}, {what}: GPU {pair['gpu']}, CPU {pair['cpu']}")
    lines += [f"{name}: {why}" for name, why in report["left_out"].items()]
    return "\n".join([*lines, report["rule"]])


def _cost(of: Mapping[str, Any], who: str) -> str:
    if who not in of["minutes"]:
        return "not run"
    return "{:.1f} ({fitted}, {kept})".format(of["minutes"][who], **of["fits"][who])
