"""What several test files share: the built book, a server for it, and Chromium."""

import functools
import http.server
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from ecglib.data.records import Records

ROOT = Path(__file__).resolve().parents[1]
QUICK = ROOT / "_build" / "quick"
FAULTS = ROOT / "tests" / "faults"
CI_INSTALLS = ("LUDB", "Chromium", "make book")  # skipped for want of these, CI's set-up is broken


# No test depends on the clock, and no two runs of the tests differ.
settings.register_profile("ecglib", deadline=None, derandomize=True)
settings.load_profile("ecglib")

# What `nohup` and `&` have the tests ignore, the builds that they kill must heed.
for heeded in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(heeded, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def runs_on(pid: int) -> bool:
    """Whether a process runs; a zombie has ended and was not yet reaped."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none; `make gpu` runs it where there is one."""
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device here")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """In CI a test skipped for what CI provides has failed."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CI") == "true" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if any(word in reason for word in CI_INSTALLS):
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, where it must run: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of each area of faults (a file) how many have their right outcome."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            path = Path(report.nodeid.partition("::")[0])
            if path.parent.name == FAULTS.name:
                counts[path.stem.removeprefix("test_"), outcome] += 1
    if not counts:
        return
    terminalreporter.section("faults")
    for area in sorted({area for area, _ in counts}):
        right, wrong = counts[area, "passed"], counts[area, "failed"]
        terminalreporter.write_line(f"{area}: {right} right, {wrong} wrong")
    right, wrong = (sum(n for (_, o), n in counts.items() if o == x) for x in ("passed", "failed"))
    terminalreporter.write_line(f"all: {right} right, {wrong} wrong")


@pytest.fixture(scope="session")
def ludb() -> Records:
    """LUDB, where it is at hand."""
    if not os.environ.get("ECGLIB_LUDB"):
        pytest.skip("ECGLIB_LUDB names no folder that holds LUDB")
    from ecglib.data.ludb import load_ludb

    return load_ludb()


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the quick book's pages."""
    if not (QUICK / "html" / "index.html").is_file():
        pytest.skip("the quick book is not built: run `make book` first")
    return QUICK / "html"


@pytest.fixture(scope="session")
def chapters(site: Path) -> list[Path]:
    """The quick book's executed notebooks."""
    return sorted((QUICK / "book" / "chapters").glob("[!.]*.ipynb"))


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """A function that serves a folder until the tests end, and returns its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def start(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = servers.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    with ExitStack() as servers:
        yield start


@pytest.fixture(scope="session")
def address(site: Path, serve: Callable[[Path], str]) -> str:
    """Address at which the pages are served."""
    return serve(site)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium, as the system has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
