"""Builds on a machine that is not as expected, on a toy book: each with its right outcome."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import wfdb
from nbformat.v4 import new_code_cell, new_markdown_cell
from toy_book import PARAMETERS, run_of, save, toy_book

from ecglib.build import BuildError, book, render, workspace
from ecglib.build.book import build
from ecglib.build.plan import make_plan
from ecglib.build.run import run_all
from ecglib.files import write_whole

ELSEWHERE = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_book(tmp_path / "toy")


def in_shell(toy: Path, **environment: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ecglib", "build", "--jobs", "2"],
        cwd=toy,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def cell(toy: Path, chapter: str, code: str) -> None:
    """Let a chapter's first cell after its parameters be `code`, the one at its end be gone."""
    save(
        toy / f"chapters/{chapter}.ipynb",
        new_markdown_cell(f"# {chapter}\n\nWords."),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(code),
    )


def test_this_interpreter_runs_whatever_the_machine_calls_python3(tmp_path, monkeypatch):
    for place in ("share/kernels", "path/kernels", "ipython/kernels"):
        (tmp_path / place / "python3").mkdir(parents=True)
        (tmp_path / place / "python3/kernel.json").write_text(json.dumps(ELSEWHERE))
    startup = tmp_path / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("print('mine'); seed = 'mine'; import os; os.chdir('/')")
    environment = {
        "JUPYTER_DATA_DIR": str(tmp_path / "share"),
        "JUPYTER_PATH": str(tmp_path / "path"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    run = run_of(tmp_path, "good", "import os, sys\nprint(seed, sys.executable, os.getcwd())")
    run_all([run], 1, environment)
    outputs = nbformat.read(run.target, 4).cells[-1].outputs
    here = f"{Path(sys.executable).name} book/chapters\n"
    assert outputs[0].text.startswith("1 ") and outputs[0].text.endswith(here)


@pytest.mark.slow
def test_sites_own_start_up_may_print(toy, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('hello from this site')")
    done = in_shell(toy, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert done.returncode == 0, done.stderr
    first = toy / "_build/quick/html/index.html"
    assert done.stdout.splitlines()[-1] == str(first) and first.is_file()


DIES = "import os, sys\nif 'JPY_PARENT_PID' in os.environ: os._exit(3)"
HANGS = "import os, time\nif 'JPY_PARENT_PID' in os.environ: time.sleep(600)"


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (DIES, "failed: RuntimeError: Kernel died before replying to kernel_info"),
        pytest.param(
            HANGS, "failed: RuntimeError: Kernel didn't respond in 60", marks=pytest.mark.slow
        ),
    ],
)
def test_kernel_that_does_not_start(tmp_path, start, says):
    (tmp_path / "sitecustomize.py").write_text(start)
    run = run_of(tmp_path, "bad", "x = 1")
    paths = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with pytest.raises(BuildError, match=says):
        run_all([run], 1, {"PYTHONPATH": paths})


def test_failed_chapter_leaves_the_last_good_outputs_and_site(toy, monkeypatch):
    monkeypatch.setattr(book, "render", lambda place, site: site)
    site = build(jobs=2, root=toy)
    site.mkdir()
    (site / "index.html").write_text("the last good site")
    chapters = site.parent / "book/chapters"
    kept = [chapters / "02-two.ipynb", chapters / "results/02-two.json", site / "index.html"]
    before = {path: path.read_bytes() for path in kept}
    (toy / "chapters/quick.yml").write_text("01-one: {seeds: [8]}\n02-two: {fail: 1}\n")
    with pytest.raises(BuildError, match=r"^chapter 02-two, cell 3 failed: Zero"):
        build(jobs=2, root=toy)
    assert {path: path.read_bytes() for path in kept} == before
    assert json.loads((chapters / "results/01-one.json").read_text())["seeds"] == [8]


UNSUITED = """\
class Unsuited(ValueError):
    pass
raise Unsuited("chapter 2 needs 2 records: there is 1 in " + dataset)"""


def test_chapter_that_the_records_cannot_do_is_a_page_that_says_so(toy, tmp_path):
    result = toy / "_build/quick/book/chapters/results/02-two.json"
    result.parent.mkdir(parents=True)
    result.write_text("{}")  # of an earlier run, on other records
    cell(toy, "02-two", UNSUITED)
    done = in_shell(toy)
    says = "chapter 2 needs 2 records: there is 1 in synthetic"
    assert done.returncode == 0, done.stderr
    assert f"02-two: left out: {says}\n" in done.stderr
    page = (toy / "_build/quick/html/chapters/02-two.html").read_text()
    assert "Not run on these records" in page and says[1:] in page and "raise Unsuited" not in page
    assert "Not the published figures" in page
    first = nbformat.read(toy / "_build/quick/book/chapters/index.ipynb", 4)
    assert first.cells[-1].outputs[0].text == "['01-one']\n" and not result.exists()
    place = make_plan("quick", None, ["01"], "auto", {}, toy)
    book._check_rest(place)
    workspace.copy_sources(place)
    kept = nbformat.read(toy / "_build/quick/book/chapters/02-two.ipynb", 4)
    assert kept.metadata.ecglib.left_out == says, "it was run, and is not taken for the committed"


def test_pages_hold_no_warnings_and_no_path_of_the_machine(toy, tmp_path, monkeypatch, capfd):
    records = tmp_path / "own records"
    records.mkdir()
    wave = np.round(1000 * np.sin(np.arange(5000) / 50)).astype(np.int16)
    wfdb.wrsamp(
        "100",
        500,
        ["mV"],
        ["v6"],
        d_signal=wave[:, None],
        fmt=["16"],
        adc_gain=[1000.0],
        baseline=[0],
        write_dir=str(records),
    )
    cell(
        toy,
        "01-one",
        "import os, pathlib, warnings\nwarnings.warn('careful')\n"
        "print(dataset, os.getcwd(), pathlib.Path.home() / 'x', pathlib.__file__)\n"
        "pathlib.Path(dataset), {'a': [dataset + '/100.dat']}",
    )
    site = build(dataset=str(records), jobs=2, root=toy).parent
    text = "".join(path.read_text() for path in site.parent.rglob("*.ipynb"))
    pages = [path for path in site.rglob("*") if path.suffix in (".html", ".ipynb", ".js", ".json")]
    text += "".join(path.read_text() for path in pages)
    for name in (str(tmp_path), str(Path.home()), "UserWarning", "/ipykernel_"):
        assert name not in text, name
    assert 'dataset = \\"records of own records\\"' in text
    assert "01-one: " in (said := capfd.readouterr().err) and "UserWarning: careful" in said


def test_two_builds_in_one_folder_do_not_meet(toy):
    with (
        workspace.held(make_plan("quick", None, None, "auto", {}, toy)),
        pytest.raises(BuildError, match=rf"another build is running in {toy}/_build/quick"),
    ):
        build(root=toy)


def test_full_disk_is_named(toy, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/the/file")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(BuildError, match=r"^the disk is full: /the/file could not be written\.$"):
        build(root=toy)


def test_a_file_that_a_full_disk_cuts_is_named_and_leaves_the_old(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "01-one.json"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*01-one\.json'$"):
        write_whole(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_jupyter_book_that_hangs_is_given_up(toy, monkeypatch):
    monkeypatch.setattr(render, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(render, "CODE", "import time; time.sleep(600)")
    with pytest.raises(BuildError, match="jupyter-book did not end within"):
        render.render(toy, toy / "html")
    assert not list(toy.glob(".pages-*"))


@pytest.mark.parametrize("can_exchange", [True, False])
def test_new_pages_take_the_place_of_the_old(tmp_path, monkeypatch, can_exchange):
    new, site, old = (tmp_path / name for name in ("new", "site", "old"))
    for folder in (new, site):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    if not can_exchange:
        monkeypatch.setattr(render, "_exchange", lambda *_: False)
    render._put(new, site, old)
    assert (site / "name").read_text() == "new"
    assert ((new if can_exchange else old) / "name").read_text() == "site"


def test_what_killed_builds_left_is_swept_and_what_they_held_put_back(toy):
    plan = make_plan("quick", None, None, "auto", {}, toy)
    results = plan.place / "chapters/results"
    pages = plan.site.parent / ".pages-killed"
    for folder in (results, pages / "old", plan.place / "_build/errors"):
        folder.mkdir(parents=True)
    (pages / "old/index.html").write_text("whole")
    (plan.place / "chapters/.01-one.running").mkdir()
    left = ["chapters/.a.part", "chapters/results/.b.part", "_build/errors/01-one.txt"]
    for name in left:
        (plan.place / name).write_text("half")
    workspace.sweep(plan)
    assert (plan.site / "index.html").read_text() == "whole"
    there = {path for path in plan.site.parent.rglob("*") if path.is_file()}
    assert there == {plan.site / "index.html"} and not pages.exists()
    assert not list((plan.place / "chapters").glob(".*"))
