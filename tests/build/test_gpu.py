"""What `make gpu` does, in miniature: a toy book, with the CPU in the place of the GPU."""

import json
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell
from toy_book import PARAMETERS, save, toy_book

from ecglib import __main__ as command_line
from ecglib.build import BuildError, gpu
from ecglib.build.gpu import as_text, prove

# A chapter that measures one figure, by a network it fits on the device that it is given.
MEASURE = """\
from ecglib.estimates import Estimate
from ecglib.ledger import Ledger
import os, torch
ledger = Ledger("{name}", scale=scale, dataset=dataset, device=device, seeds=seeds)
value = float(torch.full((3,), {value}, device=device).mean())
ledger.more = {"gap": Estimate(value, value - 1, value + 1, 3, "ms")}
assert os.environ["ECGLIB_CLUSTER"] == "", "the GPU is here"
ledger.write();
"""
CPU = {"01-one": 60.0, "02-two": 30.0}  # s that the chapters took on the CPU
TEST = "import pytest\n\n\n@pytest.mark.cuda\ndef test_it():\n    assert {}\n"
BENCH = "from pathlib import Path\nimport sys\nPath(sys.argv[-1]).write_text('[]')\n"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A toy book whose chapters measure 1 and 2 ms, where the committed results have 1 and 5."""
    root = toy_book(tmp_path / "toy")
    (root / "tests").mkdir()
    (root / "tests/test_toy.py").write_text(TEST.format(True))
    for (name, wall_s), value, committed in zip(CPU.items(), (1, 2), (1, 5), strict=True):
        code = MEASURE.replace("{name}", name).replace("{value}", str(float(value)))
        parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        save(
            root / f"chapters/{name}.ipynb",
            new_markdown_cell("# T"),
            parameters,
            new_code_cell(code),
        )
        content = {"chapter": name, "scale": "paper", "dataset": "ludb", "device": "cpu"}
        content |= {"versions": {"python": "3", "torch": "2"}, "wall_s": wall_s}
        content |= {"peak_memory_mib": 1, "fits": {"fitted": 2, "kept": 1}, "claims": {}}
        gap = {"value": committed, "low": committed - 1, "high": committed + 1, "n": 3, "unit": ""}
        (root / f"chapters/results/{name}.json").write_text(json.dumps(content | {"gap": gap}))
    monkeypatch.setenv("ECGLIB_CLUSTER", "tcp://elsewhere:1")
    return root


@pytest.fixture
def no_bench(toy, monkeypatch):
    """Write a benchmark without measuring one."""
    (toy / "toy_bench.py").write_text(BENCH)
    real = gpu._module

    def module(arguments, *more):
        return real(["toy_bench" if a == "ecglib" else a for a in arguments], *more)

    monkeypatch.setattr(gpu, "_module", module)


def test_everything_is_run_compared_written_and_told(toy, no_bench, capsys):
    before = {p: p.read_bytes() for p in toy.glob("chapters/**/*") if p.is_file()}
    path = prove(5, "cpu", toy)
    assert {p: p.read_bytes() for p in before} == before, "what is published stays"
    report = json.loads(path.read_text())
    assert path == toy / "chapters/gpu.json" and (toy / "chapters/bench-gpu.json").is_file()
    assert (report["device"], report["torch"]) == ("cpu", torch.__version__)
    assert report["tests"] == {"passed": 1} and report["left_out"] == {}
    assert list(report["chapters"]) == ["02-two", "01-one"], "the shortest first"
    one, two = report["chapters"]["01-one"], report["chapters"]["02-two"]
    assert one["minutes"]["cpu"] == 1.0 and one["minutes"]["gpu"] >= 0
    assert one["fits"] == {"gpu": {"fitted": 0, "kept": 0}, "cpu": {"fitted": 2, "kept": 1}}
    assert (one["agree"], one["figures"], one["outside"]) == (1, 1, {})
    assert (two["agree"], two["figures"]) == (0, 1)
    assert two["outside"] == {"gap": {"gpu": "2 [1, 3]", "cpu": "5 [4, 6]"}}
    said = capsys.readouterr().out
    assert said == as_text(report) + "\n"
    assert re.search(r"01-one +\d+\.\d \(0, 0\) +1\.0 \(2, 1\) +1 of 1", said)
    assert "02-two, gap: GPU 2 [1, 3], CPU 5 [4, 6]\n" in said and "1 passed" in said


@pytest.fixture
def clock(monkeypatch):
    """The command's time, in seconds, which passes only by what a test adds."""
    passed = [0.0]
    monkeypatch.setattr(gpu, "time", SimpleNamespace(monotonic=lambda: sum(passed)))
    return passed.append


def step(clock, says: list[tuple], name: str, seconds: float):
    """A step of so many seconds, which notes how many it was given, and ends with those."""

    def run(*arguments) -> None:
        *_, given = arguments
        says.append((name, given))
        clock(min(seconds, given))
        if seconds > given:
            raise TimeoutError("stopped")
        if name == "chapter":
            arguments[-2][arguments[1]] = {
                "minutes": {"gpu": seconds / 60},
                "fits": {"gpu": {"fitted": 1, "kept": 0}},
                **gpu.compare({}, {}),
            }

    return run


# (minutes, s of the tests, of the benchmark and of a chapter; what is left out, and why)
TIMES = [
    (10, (60, 120, 100), {}),
    (5, (60, 120, 100), {"01-one": "not begun, 20 s before the time was up"}),
    (4, (60, 120, 100), {"02-two": "stopped", "01-one": "not begun, 0 s before the time was up"}),
    (1, (60, 1, 1), dict.fromkeys(["benchmark", *CPU], "not begun, 0 s before the time was up")),
    (
        1,
        (61, 1, 1),
        {"tests": "stopped"}
        | dict.fromkeys(["benchmark", *CPU], "not begun, 0 s before the time was up"),
    ),
]


@pytest.mark.parametrize(("minutes", "seconds", "left_out"), TIMES)
def test_what_the_time_does_not_allow_is_stopped_or_not_begun_and_named(
    toy, clock, monkeypatch, minutes, seconds, left_out
):
    says: list[tuple] = []
    names = ("tests", "benchmark", "chapter")
    for name, long in zip(names, seconds, strict=True):
        monkeypatch.setattr(gpu, f"_{name}", step(clock, says, name, long))
    monkeypatch.setattr(gpu, "LEAST_S", 20.5)
    report = json.loads(prove(minutes, "cpu", toy).read_text())
    assert report["left_out"] == left_out
    assert set(report["chapters"]) == CPU.keys() - left_out.keys()
    given = [60 * minutes - sum(seconds[: names.index(name)]) for name, _ in says[:2]]
    assert [s for _, s in says[:2]] == given, "each step is given what is left"


def test_a_step_that_fails_is_told_at_the_end_and_the_others_go_on(toy, no_bench):
    (toy / "tests/test_toy.py").write_text(TEST.format(False))
    chapter = toy / "chapters/02-two.ipynb"
    chapter.write_text(chapter.read_text().replace("ledger.write();", "1 / 0"))
    with pytest.raises(BuildError) as caught:
        prove(5, "cpu", toy)
    tests, two = str(caught.value).splitlines()
    assert tests.startswith("the tests that need CUDA did not all pass (more in ")
    assert two.startswith("chapter 02-two, cell 3 failed: ZeroDivisionError")
    report = json.loads((toy / "chapters/gpu.json").read_text())
    assert report["left_out"] == {"tests": "failed", "02-two": "failed"}
    assert report["tests"] == {"failed": 1}
    assert list(report["chapters"]) == ["01-one"]
    assert str(toy) not in (toy / "chapters/gpu.json").read_text(), "no path of this machine"


def test_a_process_that_outlasts_the_time_is_stopped(toy):
    (toy / "slow.py").write_text("import time; time.sleep(600)")
    (toy / "_build/gpu").mkdir(parents=True)
    with pytest.raises(TimeoutError, match="stopped after 0 s, when the time was up"):
        gpu._module(["slow"], toy, "slow", 0.1)


@pytest.mark.parametrize("minutes", [0, -1, 0.5, float("nan"), float("inf")])
def test_minutes_that_cannot_be_are_said_before_anything_runs(toy, minutes):
    with pytest.raises(ValueError, match=r"--minutes is .*: give 1 to 1440"):
        prove(minutes, "cpu", toy)
    assert not (toy / "_build").exists()


def test_without_cuda_one_sentence_and_nothing_is_run(toy, monkeypatch, capsys):
    monkeypatch.chdir(toy)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["ecglib", "gpu"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr()
    assert ended.value.code == 1 and said.out == "" and said.err.count("\n") == 1
    assert "finds no CUDA device here, so nothing was run" in said.err
    assert not (toy / "_build").exists()
