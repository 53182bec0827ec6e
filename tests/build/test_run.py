"""Chapters in processes of their own: whatever goes wrong is that chapter's failure."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import nbformat
import psutil
import pytest
from conftest import runs_on
from toy_book import run_of

from ecglib.build import BuildError
from ecglib.build.run import run_all

# What a chapter does, and what is said of it; many more are in tests/faults/test_failing_runs.py.
BAD = {
    "a-raises": ("1 / 0", ", cell 3 failed: ZeroDivisionError: division by zero"),
    "b-is-slow": ("import time; time.sleep(600)", ", cell 3 failed: CellTimeoutError"),
}
NOISE = "import os; open(f'/proc/{os.getppid()}/fd/1', 'w').write('noise')"


def test_each_failure_is_its_chapter_s_and_the_others_go_on(tmp_path, capfd):
    bad = [run_of(tmp_path, name, code) for name, (code, _) in BAD.items()]
    bad[1] = replace(bad[1], cell_timeout_s=10)
    for run in bad:
        run.target.write_text("the last good outputs")
    good = run_of(tmp_path, "good", NOISE + "\nprint(seed, os.environ['TOY'])")
    with pytest.raises(BuildError) as caught:
        run_all([*bad, good], 3, {"TOY": "given"})

    lines = str(caught.value).splitlines()
    assert len(lines) == len(BAD)
    for line, (name, (_, says)) in zip(lines, BAD.items(), strict=True):
        assert line.startswith(f"chapter {name}{says}"), line
        assert line.endswith(f"(more in {tmp_path}/book/_build/errors/{name}.txt)")
    logs = {path.stem: path.read_text() for path in (tmp_path / "book/_build/errors").iterdir()}
    assert logs.keys() == BAD.keys(), "only what failed has a log"
    assert "1 / 0" in logs["a-raises"]
    assert {run.target.read_text() for run in bad} == {"the last good outputs"}
    assert nbformat.read(good.target, 4).cells[-1].outputs[0].text == "1 given\n"
    assert not list(good.target.parent.glob(".*")), "nothing temporary is left"
    printed = capfd.readouterr()
    assert printed.out == "" and "noise" not in printed.err
    assert printed.err.count("failed after") == len(BAD) and "good: done after" in printed.err


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_runs_on_when_the_build_ends(tmp_path, how):
    slow = "import os, time, pathlib\n"
    slow += "pathlib.Path(os.environ['TOY'], str(os.getpid())).write_text(str(os.getppid()))\n"
    slow += "time.sleep(600)"
    runs = [run_of(tmp_path, name, slow) for name in ("one", "two")]
    for run in runs:
        run.target.write_text("the last good outputs")
    pids = tmp_path / "pids"
    pids.mkdir()
    script = tmp_path / "build.py"
    script.write_text(
        "from pathlib import Path, PosixPath\n"
        "from ecglib.build.chapter import Run\nfrom ecglib.build.run import run_all\n"
        f"if __name__ == '__main__':\n    run_all({runs!r}, 2, {{'TOY': {str(pids)!r}}})\n"
    )
    build = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: build.poll() is not None or len(list(pids.glob("*"))) == 2)
        assert build.poll() is None, build.stderr.read().decode()
        started = [int(text) for path in pids.iterdir() for text in (path.name, path.read_text())]
        started += [child.pid for child in psutil.Process(build.pid).children(recursive=True)]
    finally:
        os.kill(build.pid, how)
    assert build.wait() != 0
    wait_until(lambda: not any(map(runs_on, started)))
    assert {run.target.read_text() for run in runs} == {"the last good outputs"}


def test_what_outlasts_the_limit_is_stopped_and_leaves_the_last_good_outputs(tmp_path, capfd):
    slow = "import os, pathlib, time\n"
    slow += "pathlib.Path(os.environ['TOY']).write_text(str(os.getpid()))\ntime.sleep(600)"
    run = run_of(tmp_path, "slow", slow)
    run.target.write_text("the last good outputs")
    with pytest.raises(TimeoutError, match="stopped after 8 s, when the time was up"):
        run_all([run], 1, {"TOY": str(tmp_path / "pid")}, limit_s=8)
    kernel = tmp_path / "pid"
    wait_until(lambda: not kernel.exists() or not runs_on(int(kernel.read_text())))
    assert run.target.read_text() == "the last good outputs" and not run.scratch.exists()
    assert "done after" not in capfd.readouterr().err


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what must come, for as long as a test may take."""
    while not condition():
        time.sleep(0.1)
