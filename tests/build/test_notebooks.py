"""Parameters, code hashes, and outputs made equal from run to run."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import ecglib
from ecglib.build import notebooks
from ecglib.build.notebooks import STATE, VIEW

# The absolute path of a file of code, as a traceback or a warning would print it.
ABSOLUTE_FILE = re.compile(r"(?<![\w:/.])/(?:[\w.-]+/)+[\w.-]+\.(?:py|ipynb)\b")

BANNER = "```{note}\nA copy.\n```"
PARAMETERS = 'dataset = "ludb"  # or a path\nseeds = [0, 1]\nn_records = None\nrate = -0.5\n'


def chapter(code: str = "x = 1") -> nbformat.NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell("# Chapter"),
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            new_code_cell(code),
        ]
    )


def executed(ids: tuple[str, ...], when: str, seed: str) -> nbformat.NotebookNode:
    """What a run leaves: a slider `ids[0]` linked to a stack `ids[1]`, and a widget none shows."""
    notebook = chapter()
    injected = new_code_cell("n_records = 3", metadata={"tags": ["injected-parameters"]})
    injected.id = seed
    notebook.cells.insert(2, injected)
    for cell in notebook.cells:
        cell.id = cell.id if cell is injected else f"cell-{notebook.cells.index(cell)}"
        cell.metadata.papermill = {"start_time": when, "duration": 0.5}
    slider, stack, link, stray, box = ids
    notebook.cells[3].outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b\n"),
        new_output("display_data", {VIEW: {"model_id": box}, "text/plain": f"<Box at 0x{seed}>"}),
        new_output("execute_result", {"text/plain": "3"}, execution_count=17),
    ]

    def model(name: str, **state: object) -> dict:
        return {"model_name": name, "model_module": "m", "state": {**state, "tooltip": None}}

    point = "IPY_MODEL_{}".format
    notebook.metadata.widgets = {
        STATE: {
            "state": {
                stray: model("ButtonModel"),
                link: model("LinkModel", source=[point(slider), "i"], target=[point(stack), "j"]),
                stack: model("StackModel"),
                slider: model("SliderModel"),
                box: model("BoxModel", children=[point(slider), point(stack)]),
            },
            "version_major": 2,
        }
    }
    notebook.metadata.papermill = {"output_path": f"/somewhere/{seed}.ipynb", "start_time": when}
    return notebook


RUNS = [
    (("9f", "0a", "77", "31", "c2"), "2026-01-01", "aa01"),
    (("11", "ee", "05", "d4", "6b"), "2026-02-02", "ff02"),
]


def test_two_runs_are_normalised_to_the_same_bytes_and_so_are_these():
    given = executed(*RUNS[0])
    before = copy.deepcopy(given)
    first = notebooks.normalise(given, BANNER, scale="quick")
    assert given == before, "the argument is left alone"
    for other in (executed(*RUNS[1]), first):
        again = notebooks.normalise(other, BANNER, scale="quick")
        assert nbformat.writes(again) == nbformat.writes(first)


def test_normalised_widgets_keep_their_links_and_lose_strays():
    state = notebooks.normalise(executed(*RUNS[0]), BANNER).metadata.widgets[STATE]["state"]
    kinds = ["BoxModel", "SliderModel", "StackModel", "LinkModel"]
    assert [state[m]["model_name"] for m in state] == kinds
    assert state["widget-4"]["state"]["source"] == ["IPY_MODEL_widget-2", "i"]
    assert "tooltip" not in json.dumps(state)


def test_outputs_survive_normalising():
    outputs = notebooks.normalise(executed(*RUNS[0]), BANNER).cells[3].outputs
    assert outputs[0].text == "ab\n"
    assert outputs[1].data[VIEW]["model_id"] == "widget-1"
    assert outputs[1].data["text/plain"] == "<Box>"
    assert outputs[2].data["text/plain"] == "3" and outputs[2].execution_count == 3


def test_injected_parameters_are_kept_folded_or_dropped():
    kept = notebooks.normalise(executed(*RUNS[0]), BANNER).cells
    assert "hide-input" in kept[2].metadata.tags and kept[2].source == "n_records = 3"
    assert len(notebooks.normalise(executed(*RUNS[0]), None).cells) == 3


def test_parameters_are_the_literals_of_their_cell():
    assert notebooks.parameters(chapter()) == {
        "dataset": "ludb",
        "seeds": [0, 1],
        "n_records": None,
        "rate": -0.5,
    }
    assert notebooks.parameters(new_notebook(cells=[new_code_cell("a = 1")])) == {}


def test_a_copy_says_what_it_is_below_its_first_heading():
    notebook = executed(*RUNS[0])
    notebook.cells[0].source = "(top)=\n# Chapter\nText."
    copy_of_it = notebooks.normalise(notebook, BANNER)
    assert copy_of_it.cells[0].source == f"(top)=\n# Chapter\n\n{BANNER}\n\nText."
    assert notebooks.normalise(notebook, None).cells[0].source == notebook.cells[0].source


def test_hash_depends_on_code_alone():
    bare = notebooks.code_hash(chapter())
    assert notebooks.code_hash(executed(*RUNS[0])) == bare
    assert notebooks.code_hash(chapter("x = 2")) != bare
    prose = chapter()
    prose.cells[0].source = "# Another title"
    assert notebooks.code_hash(prose) == bare


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("data/records.py", True),
        ("experiments/paths.py", True),
        ("measures.py", True),
        ("wave_course.py", True),
        ("peaks.py", True),
        ("bands.py", True),
        ("claims.py", True),
        ("pages/tables.py", False),
        ("build/plan.py", False),
    ],
)
def test_hash_depends_on_the_code_that_makes_the_numbers(tmp_path, monkeypatch, file, counts):
    package = Path(shutil.copytree(Path(ecglib.__file__).parent, tmp_path / "ecglib"))
    monkeypatch.setattr(ecglib, "__file__", str(package / "__init__.py"))

    def fresh_hash(added: str) -> str:
        with (package / file).open("a") as text:
            text.write(added)
        notebooks._called.cache_clear()
        return notebooks.code_hash(chapter())

    try:
        before = fresh_hash("")
        assert fresh_hash("\n# a comment\n") == before
        assert (fresh_hash("\nADDED = 1\n") != before) == counts
    finally:
        notebooks._called.cache_clear()


def test_broken_notebook_is_named(tmp_path):
    (tmp_path / "a.ipynb").write_text("{")
    with pytest.raises(ValueError, match=r"a\.ipynb is not a notebook"):
        notebooks.read(tmp_path / "a.ipynb")


def test_error_outputs_are_found():
    notebook = chapter()
    notebook.cells[2].outputs = [new_output("error", ename="KeyError", evalue="'a'", traceback=[])]
    assert notebooks.errors(notebook) == ["KeyError: 'a'"]


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda p: p.stem)
def test_committed_outputs_are_those_of_the_committed_code(path: Path):
    notebook = notebooks.read(path)
    if not notebooks.has_outputs(notebook):
        pytest.skip(f"{path.stem} is committed without outputs")
    record = notebook.metadata.ecglib
    assert record.code_hash == notebooks.code_hash(notebook), (
        f"the code of {path.name} changed since it was run: run `python -m ecglib build "
        f"--scale paper --chapters {path.stem}`"
    )
    assert (record.scale, record.dataset) == ("paper", "ludb")
    assert not notebooks.errors(notebook)
    assert "papermill" not in notebook.metadata
    text = path.read_text()
    assert not ABSOLUTE_FILE.search(text)
    assert str(ROOT) not in text and f"{Path.home()}/" not in text


def test_scripts_of_the_pages_are_the_ones_listed():
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"],
        cwd=ROOT / "vendor",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line.split()[1] for line in (ROOT / "vendor/SHA256SUMS").read_text().splitlines()}
    there = {str(p.relative_to(ROOT / "vendor")) for p in (ROOT / "vendor/html").rglob("*.*")}
    assert {name for name in there if (ROOT / "vendor" / name).is_file()} == listed
