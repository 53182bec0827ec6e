"""Builds that are killed: nobody is left after two seconds, nothing is lost, the site is whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from toy_book import PARAMETERS, save, toy_book

GONE_S = 2.0
SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL", "SIGQUIT"]
FITS = """\
import os, pathlib, time
from dataclasses import dataclass
from ecglib import fits
@dataclass(frozen=True)
class Spec:
    n: int
def fit(specs):
    (pathlib.Path({folder!r}) / str(os.getpid())).touch()
    {work}
    return [{{"n": spec.n}} for spec in specs]
fits.run(fit, [Spec(n) for n in range(4)], jobs=2)
"""
SLEEPS = "time.sleep(600)"
HOLDS = "sum(range(10**12))"  # C code that never lets another thread have the interpreter


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Environment variable that all processes of this test's builds carry."""
    monkeypatch.setenv("TOY_BUILD", str(tmp_path))
    return f"TOY_BUILD={tmp_path}"


def ours(mark: str) -> list[psutil.Process]:
    """The running processes of the builds of this test, this one not among them."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
            if process.pid != os.getpid() and mark.encode() in environment:
                found.append(process)
        except OSError:  # it has ended meanwhile
            continue
    return found


def start(toy: Path, **options: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "ecglib", "build", "--jobs", "2"]
    return subprocess.Popen(
        command, cwd=toy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )


def left_after(build: subprocess.Popen, mark: str) -> list[str]:
    """The processes that are still there two seconds after a build has ended."""
    build.wait()
    until = time.monotonic() + GONE_S
    while (left := ours(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    names = []
    for process in left:
        try:
            names.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return names


def with_workers(tmp_path: Path, work: str) -> tuple[Path, Path]:
    """A toy book whose first chapter fits in two workers, and the folder of their ids."""
    toy, pids = toy_book(tmp_path / "toy"), tmp_path / "pids"
    pids.mkdir()
    save(
        toy / "chapters/01-one.ipynb",
        new_markdown_cell("# One"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(FITS.format(folder=str(pids), work=work)),
    )
    return toy, pids


def wait_for_workers(build: subprocess.Popen, pids: Path) -> list[int]:
    while len(list(pids.iterdir())) < 2:
        assert build.poll() is None
        time.sleep(0.05)
    return [int(path.name) for path in pids.iterdir()]


@pytest.mark.parametrize("work", [SLEEPS, HOLDS], ids=["sleeping", "holding the interpreter"])
@pytest.mark.parametrize("name", SIGNALS)
def test_kernels_and_workers_end_with_the_build(tmp_path, mark, name, work):
    toy, pids = with_workers(tmp_path, work)
    build = start(toy)
    wait_for_workers(build, pids)
    build.send_signal(getattr(signal, name))
    assert left_after(build, mark) == []


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGKILL"])
def test_kernels_and_workers_end_with_the_whole_group(tmp_path, mark, name):
    toy, pids = with_workers(tmp_path, HOLDS)
    build = start(toy, start_new_session=True)
    wait_for_workers(build, pids)
    os.killpg(build.pid, getattr(signal, name))
    assert left_after(build, mark) == []
