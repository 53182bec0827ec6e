"""Builds that are killed: nobody is left after two seconds, nothing is lost, the site is whole."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from toy_book import PARAMETERS, save, toy_book

GONE_S = 2.0
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


slow = pytest.mark.slow
# The signal, who gets it, and what the workers do.
KILLS = [
    pytest.param("SIGTERM", os.kill, HOLDS, id="SIGTERM"),
    pytest.param("SIGKILL", os.kill, HOLDS, id="SIGKILL", marks=slow),
    pytest.param("SIGHUP", os.killpg, HOLDS, id="SIGHUP to all of the terminal"),
    *(
        pytest.param(name, kill, SLEEPS, id=f"{name}, {kill.__name__}, sleeping", marks=slow)
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGKILL", "SIGQUIT")
        for kill in (os.kill, os.killpg)
    ),
]


@pytest.mark.parametrize(("name", "kill", "work"), KILLS)
def test_kernels_and_workers_end_with_the_build(tmp_path, mark, name, kill, work):
    toy, pids = with_workers(tmp_path, work)
    build = start(toy, start_new_session=True)
    wait_for_workers(build, pids)
    kill(build.pid, getattr(signal, name))
    assert left_after(build, mark) == []


def test_workers_end_with_their_kernel_and_the_kernel_with_its_chapter(tmp_path, mark):
    toy, pids = with_workers(tmp_path, HOLDS)
    build = start(toy)
    worker = psutil.Process(wait_for_workers(build, pids)[0])
    kernel = worker.parent()
    assert kernel is not None and "ecglib.build.kernel" in kernel.cmdline()
    kernel.parent().kill()  # the chapter's process
    assert build.wait() == 1
    assert left_after(build, mark) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])
def test_kill_at_thirty_random_moments(tmp_path, mark, name):
    """A build that is killed leaves the last one's book, or all of its own, and no process."""
    toy = toy_book(tmp_path / "toy")
    assert start(toy).wait() == 0
    began = time.monotonic()
    assert start(toy).wait() == 0
    lasts = time.monotonic() - began
    committed = {path: path.read_bytes() for path in (toy / "chapters").glob("*.*")}
    moments = random.Random(name)
    book, site = toy / "_build/quick/book/chapters", toy / "_build/quick/html"
    faults: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            faults.extend(unwhole(site))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(30):
            build = start(toy)
            time.sleep(moments.uniform(0, 1.1 * lasts))
            build.send_signal(getattr(signal, name))
            assert left_after(build, mark) == []
            for chapter in ("01-one", "02-two"):
                outputs = nbformat.read(book / f"{chapter}.ipynb", 4).cells[-1].outputs
                said = json.loads((book / f"results/{chapter}.json").read_text())
                assert outputs[0].text.strip() == str(said)
    finally:
        done.set()
        reader.join()
    assert faults == []
    assert {path: path.read_bytes() for path in (toy / "chapters").glob("*.*")} == committed
    assert start(toy).wait() == 0
    left = [*site.parent.glob(".pages-*"), *book.glob(".*"), *book.glob("results/.*")]
    assert left == [], "the next build swept what the killed ones left"


def unwhole(site: Path) -> list[str]:
    """The pages that the site's own index lists and that are not there as a whole, just now."""
    try:
        index = (site / "chapters/index.html").read_text()
        names = {"index.html"} | set(re.findall(r'href="(\d\d-\w+\.html)"', index))
        pages = {name: (site / "chapters" / name).read_text() for name in names}
    except FileNotFoundError as error:
        return [str(error)]
    wrong = [name for name, page in pages.items() if not page.rstrip().endswith("</html>")]
    return wrong if len(pages) == 3 else [f"only {sorted(pages)}"]
