"""Runs that fail: whatever goes wrong with a chapter is that chapter's failure, in one sentence.

All failing chapters of the table run in one build beside a good one. The site and the last good
outputs stay.
"""

from dataclasses import replace
from datetime import date

import nbformat
import pytest
from toy_book import run_of

from ecglib.build import BuildError
from ecglib.build.run import run_all

KILL = "import os, signal; os.kill(os.getppid(), signal.SIG{})"
DISK = "raise OSError(28, 'No space left on device', 'result.json')"
QUOTA = "raise OSError(122, 'Disk quota exceeded')"
BIG = "import numpy; numpy.empty(1 << 60, dtype='u1')"
GARBAGE = "import os; [os.write(int(n), b'x' * 9) for n in os.listdir('/proc/self/fd')]"

# What a chapter's cell does (or has as its parameters), and what is said of it.
CELLS = {
    "raises": ("1 / 0", "cell 3 failed: ZeroDivisionError: division by zero"),
    "says nothing": ("raise KeyError", "cell 3 failed: KeyError"),
    "many lines": ("raise ValueError('one\\ntwo')", "cell 3 failed: ValueError: one"),
    "no syntax": ("x = (", "cell 3 failed: SyntaxError: "),
    "no module": ("import nowhere", "cell 3 failed: ModuleNotFoundError: No module named"),
    "group": ("raise ExceptionGroup('g', [OSError(2, 'x')])", "cell 3 failed: CellExecutionError"),
    "interrupts": ("raise KeyboardInterrupt", "cell 3 failed: KeyboardInterrupt"),
    "disk full": (DISK, "cell 3 failed: the disk is full: OSError: "),
    "quota": (QUOTA, "cell 3 failed: the disk is full: OSError: "),
    "memory": ("raise MemoryError", "cell 3 failed: memory ran out: MemoryError"),
    "array": (BIG, "cell 3 failed: memory ran out: MemoryError: Unable to allocate"),
    "sys.exit": ("import sys; sys.exit(0)", "cell 3 failed: SystemExit: 0"),
    "exit": ("exit(0)", "cell 3 failed: SystemExit: 0"),
    "quit": ("quit()", "cell 3 failed: SystemExit"),
    "os._exit": ("import os; os._exit(0)", "cell 3 failed: DeadKernelError: Kernel died"),
    "abort": ("import os; os.abort()", "cell 3 failed: DeadKernelError: Kernel died"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "cell 3 failed: DeadKernelError"),
    "kills itself": (
        "import os; os.kill(os.getpid(), 9)",
        "cell 3 failed: DeadKernelError: Kernel died (perhaps for lack of memory)",
    ),
    "SIGKILL": (KILL.format("KILL"), "failed: its process ended without a word (killed by SIGKILL"),
    "SIGQUIT": (KILL.format("QUIT"), "failed: its process ended without a word (killed by SIGQUIT"),
    "SIGHUP": (KILL.format("HUP"), "failed: its process ended without a word (killed by SIGHUP"),
    "SIGSEGV": (KILL.format("SEGV"), "failed: its process ended without a word (killed by SIGSEGV"),
    "SIGTERM": (KILL.format("TERM") + "\nimport time; time.sleep(60)", "failed: its process"),
    "SIGINT": (
        KILL.format("INT") + "\nimport time; time.sleep(60)",
        "cell 3 failed: KeyboardInterrupt",
    ),
    "no scratch": (
        "import os, shutil; shutil.rmtree(os.path.dirname(os.environ['ECGLIB_RESULTS']))",
        "failed: FileNotFoundError: ",
    ),
    "target": ("x = 1", "cell 3 failed: IsADirectoryError: "),
    "log": ("x = 1", "failed: IsADirectoryError: "),
    "source": ("x = 1", "failed: NotJSONError: Notebook does not appear to be JSON"),
    "a date": ("x = 1", "failed: TypeError: Object of type date is not JSON serializable"),
    "no pickle": ("x = 1", "failed: "),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each chapter, all of them run at once."""
    folder = tmp_path_factory.mktemp("failing")
    runs = {name: run_of(folder, name, code) for name, (code, _) in CELLS.items()}
    for run in runs.values():
        run.target.write_text("the last good outputs")
    runs["target"].target.unlink()
    runs["target"].target.mkdir()
    runs["log"].log.mkdir(parents=True)
    runs["source"].source.write_text("{")
    for name, value in (("a date", date(2020, 1, 1)), ("no pickle", lambda: None)):
        runs[name] = replace(runs[name], parameters={"seed": value})
    good = run_of(folder, "good", "print(seed)")
    with pytest.raises(BuildError) as caught:
        run_all([*runs.values(), good], 4, {})
    assert nbformat.read(good.target, 4).cells[-1].outputs[0].text == "1\n"
    kept = [run for run in runs.values() if run.target.is_file()]
    assert {run.target.read_text() for run in kept} == {"the last good outputs"}
    assert len(kept) == len(runs) - 1
    assert not list(good.target.parent.glob(".*")), "nothing temporary is left"
    lines = str(caught.value).splitlines()
    assert len(lines) == len(CELLS)
    return {name: line for name in CELLS for line in lines if line.startswith(f"chapter {name}")}


@pytest.mark.parametrize("name", CELLS)
def test_failure_is_told_in_one_sentence(told, name):
    assert told[name].removeprefix(f"chapter {name}").lstrip(", ").startswith(CELLS[name][1])
