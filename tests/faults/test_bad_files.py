"""Broken files of the book, and data sets by paths: each named in one sentence, none mistaken."""

import html
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from papermill.parameterize import add_builtin_parameters, parameterize_path
from toy_book import toy_book

from ecglib import __main__ as command_line
from ecglib.build import book, notebooks
from ecglib.build.chapter import unformatted
from ecglib.build.plan import chapter_run, make_plan
from ecglib.ledger import Ledger, read_results
from ecglib.pages.costs import read_bench
from ecglib.pages.tables import build_time
from ecglib.places import label, whole_folders, whole_path

ONE, TOC, QUICK = "chapters/01-one.ipynb", "_toc.yml", "chapters/quick.yml"
CONFLICT = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n"
EMPTY_BOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_book(tmp_path / "toy")


def plan_of(toy, dataset=None, scale="quick", **parameters):
    return make_plan(scale, dataset, None, "cpu", parameters, toy)


# (file, what it holds, the sentence, which names the file)
BROKEN = [
    (TOC, "root: [", "_toc.yml is no table of contents: "),
    (TOC, "", "_toc.yml is no table of contents: toc is not a mapping"),
    (TOC, "[1, 2]", "_toc.yml is no table of contents: toc is not a mapping"),
    (TOC, 5000 * "[", "_toc.yml is no table of contents: "),
    (TOC, "chapters: []", "_toc.yml is no table of contents: "),
    (TOC, "format: jb-book\nroot: chapters/index\nchapters: 3\n", "is no table of contents: "),
    (TOC, b"root: \xff", "_toc.yml is no table of contents: "),
    (
        TOC,
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/03-gone}]",
        "_toc.yml names chapters/03-gone, and there is no such notebook or text",
    ),
    (QUICK, "01-one: {seeds: [", "quick.yml cannot be read: "),
    (QUICK, CONFLICT.format("01-one: {}", "01-one: []"), "quick.yml cannot be read: "),
    (QUICK, b"01-one: \xff", "quick.yml cannot be read: "),
    (QUICK, "01-one: " + 3000 * "[", "quick.yml cannot be read: "),
    (QUICK, "01-one: {}\n02-two: {}\n01-one: {fail: 1}\n", "quick.yml cannot be read: 01-one is"),
    (QUICK, "01-one: {fail: 0, fail: 1}\n02-two: {}\n", "quick.yml cannot be read: fail is given"),
    (QUICK, "01-one: &a {seeds: *a}\n02-two: {}\n", "quick.yml: seeds of 01-one is"),
    (QUICK, "01-one: {device: tpu}\n02-two: {}\n", "device of 01-one is given by --device, not"),
    (QUICK, "01-one: {dataset: a}\n02-two: {}\n", "dataset of 01-one is given by --dataset"),
    (QUICK, "01-one: {lead: no}\n02-two: {}\n", "lead is False: it must be the name"),
    (QUICK, "01-one: !!python/name:os.system\n", "quick.yml cannot be read: could not determine"),
    (QUICK, "- 01-one", "quick.yml holds no entries by the name of a chapter"),
    (QUICK, "01-one: [1]\n02-two:\n", "quick.yml: the entry 01-one holds no parameters"),
    (QUICK, "01-one: {}\n", "quick.yml has no entry 02-two"),
    (QUICK, "01-one: {}\n02-two: {}\n03-no: {}\n", "has an entry '03-no', which is no chapter"),
    (QUICK, "01-one: {fial: 1}\n02-two: {}\n", "chapter 01-one has no parameter 'fial'"),
    (QUICK, "01-one: {seeds: 2020-01-01}\n02-two: {}\n", "quick.yml: seeds of 01-one is datetime"),
    (QUICK, "01-one: {fail: .inf}\n02-two: {}\n", "quick.yml: fail of 01-one is inf"),
    (QUICK, "01-one: {seeds: [1.5]}\n02-two: {}\n", "seeds is [1.5]: it must be"),
    (ONE, "", "01-one.ipynb is not a notebook"),
    (ONE, "[]", "01-one.ipynb is not a notebook"),
    (ONE, "{}", "01-one.ipynb is not a notebook"),
    (ONE, "3", "01-one.ipynb is not a notebook"),
    (ONE, b"\x89PNG\xff", "01-one.ipynb is not a notebook"),
    (ONE, CONFLICT, "01-one.ipynb is not a notebook"),
    (ONE, EMPTY_BOOK.replace("4,", "9,"), "01-one.ipynb is not a notebook"),
    (ONE, EMPTY_BOOK.replace("[]", "null"), "01-one.ipynb is not a notebook"),
    (ONE, EMPTY_BOOK, "chapter 01-one has no parameter 'seeds'"),
]


@pytest.mark.parametrize(("file", "text", "sentence"), BROKEN)
def test_a_broken_file_of_the_book_is_named_before_anything_runs(toy, file, text, sentence):
    (toy / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        plan_of(toy)
    said = str(caught.value)
    assert sentence in said and "\n" not in said


# (the line that is added to the cell of parameters, the sentence)
CELLS = [
    ("steps = 10 * 100", "parameter steps is not a literal value"),
    ("steps = list(range(3))", "parameter steps is not a literal value"),
    ("steps = {[]: 1}", "parameter steps is not a literal value"),
    ("steps = ", "the cell of parameters is no Python"),
    ("%matplotlib inline", "the cell of parameters is no Python"),
    ("a = b = 1", 'the cell of parameters holds "a = b = 1"'),
    ("if True:\n    steps = 1", 'holds "if True: steps = 1": move'),
    ("a, b = 1, 2", "the cell of parameters holds"),
    ("seeds += [1]", 'the cell of parameters holds "seeds += [1]"'),
    # The quick scale, left in by a live reader, would win over what a build gives.
    (
        "globals().update(quick('01'))",
        "the cell of parameters holds \"globals().update(quick('01'))",
    ),
    ("steps: int = 5", None),
]


@pytest.mark.parametrize(("line", "sentence"), CELLS)
def test_a_cell_of_parameters_holds_literals_and_nothing_else(toy, line, sentence):
    notebook = notebooks.read(toy / ONE)
    notebook.cells[1].source += line
    notebooks.write(notebook, toy / ONE)
    if sentence is None:
        assert plan_of(toy).own["01-one"]["steps"] == 5
        return
    with pytest.raises(ValueError) as caught:
        plan_of(toy)
    assert str(toy / ONE) in str(caught.value) and sentence in str(caught.value)


def whole() -> dict:
    """A file of results as a chapter writes it, with one claim."""
    estimate = {"value": 1.0, "low": 0.5, "high": 2.0, "n": 3, "unit": ""}
    entry = {"estimate": estimate, "evidence": {"a": estimate}, "rule": "", "verdict": "holds"}
    measured = {"wall_s": 1.0, "peak_memory_mib": 2, "fits": {"fitted": 1, "kept": 0}}
    run = {"chapter": "01-one", "scale": "quick", "dataset": "synthetic", "device": "cpu"}
    versions = {"versions": {"python": "3.13.0", "torch": "2.8.0"}}
    return run | measured | versions | {"claims": {"C1": entry}}


def without(key: str) -> str:
    return json.dumps({name: value for name, value in whole().items() if name != key})


# (what a file of results holds, the sentence)
RESULTS = [
    ("", "01-one.json is no JSON"),
    (CONFLICT, "01-one.json is no JSON"),
    (json.dumps(whole())[:-9], "01-one.json is no JSON"),
    (b"\xff\xfe", "01-one.json is no JSON"),
    ("[" * 100_000, "01-one.json is no JSON"),
    ("[]", "01-one.json holds no JSON object"),
    ("null", "01-one.json holds no JSON object"),
    (json.dumps(whole() | {"claims": None}), "01-one.json has None as its claims"),
    (json.dumps(whole() | {"wall_s": "long"}), "01-one.json has 'long' as its wall_s"),
    (json.dumps(whole() | {"claims": {"C1": None}}), "01-one.json has no whole entry of claim C1"),
    (json.dumps(whole() | {"claims": {"C1": {}}}), "01-one.json has no whole entry of claim C1"),
    (json.dumps(whole()).replace('"low": 0.5, ', ""), "has no whole entry of claim C1"),
    (json.dumps(whole()).replace("0.5", '"x"'), "has no whole entry of claim C1"),
    (json.dumps(whole()).replace("0.5", "null"), "has no whole entry of claim C1"),
    (json.dumps(whole()).replace('"holds"', "7"), "has no whole entry of claim C1"),
    (json.dumps(whole()).replace('"n": 3', '"n": "many"'), "has no whole entry of claim C1"),
    (json.dumps(whole()).replace('"unit": ""', '"unit": 0'), "has no whole entry of claim C1"),
    (json.dumps(whole() | {"wall_s": float("nan")}), "01-one.json is no JSON (it holds NaN)"),
    (json.dumps(whole() | {"fits": {}}), "01-one.json has no fitted or no kept in its fits"),
    (json.dumps(whole() | {"versions": {"torch": "2"}}), "no python or no torch in its versions"),
    (json.dumps(whole() | {"chapter": "02-two"}), "01-one.json is of chapter 02-two"),
    (json.dumps(whole()) * 2, "01-one.json is no JSON (Extra data"),
    ('{"wall_s": ' + 5000 * "9" + "}", "01-one.json is no JSON (Exceeds the limit"),
    (json.dumps(whole()).encode("utf-16"), "01-one.json is no JSON"),
    (without("dataset"), "01-one.json has no dataset"),
    (without("claims"), "01-one.json has no claims"),
    (without("fits"), "01-one.json has no fits"),
]


@pytest.mark.parametrize(("text", "sentence"), RESULTS)
def test_a_broken_result_is_named(tmp_path, text, sentence):
    path = tmp_path / "01-one.json"
    path.write_text(json.dumps(whole()))
    assert read_results(tmp_path) == {"01-one": whole()}
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError) as caught:
        read_results(tmp_path)
    assert sentence in str(caught.value) and "delete" in str(caught.value)


def test_what_is_no_file_among_the_results_is_named_and_what_is_hidden_is_none(tmp_path):
    (tmp_path / "._01-one.json").write_bytes(b"\0\5\x16\7")  # as macOS leaves them
    (tmp_path / ".#01-one.json").symlink_to("user@host.1")  # and Emacs
    assert read_results(tmp_path) == {}
    for make in (Path.mkdir, os.mkfifo):
        make(tmp_path / f"{make.__name__}.json")
        with pytest.raises(ValueError, match=rf"{make.__name__}\.json is no file: move it out"):
            read_results(tmp_path)
        (tmp_path / "mkdir.json").rmdir() if make is Path.mkdir else None


@pytest.mark.parametrize("text", ["", "[]", CONFLICT, '{"wall_s": null}', '{"claims": null}'])
def test_a_broken_result_stops_a_build_only_where_its_chapter_is_not_run(toy, monkeypatch, text):
    ran = []
    monkeypatch.setattr(book, "run_all", lambda runs, *_: ran.extend(run.name for run in runs))
    monkeypatch.setattr(book, "render", lambda place, site: site)
    options = {"scale": "paper", "device": "cpu", "jobs": 1, "root": toy}
    broken = toy / "chapters/results/01-one.json"
    broken.write_text(text)
    book.build(**options)
    assert ran == ["01-one", "02-two", "index"] or ran == ["02-two", "01-one", "index"]
    monkeypatch.setattr(notebooks, "has_outputs", lambda _: True)
    with pytest.raises(ValueError, match=r"01-one\.json"):
        book.build(chapters=["02"], **options)


@pytest.mark.parametrize("text", ["", CONFLICT, "3", "{}", '[{"ratio": 1}]', '{"jobs": "2"}'])
def test_a_broken_time_or_benchmark_is_named(toy, monkeypatch, text):
    monkeypatch.chdir(toy)
    for name in ("build.json", "bench.json"):
        (toy / "chapters" / name).write_text(text)
    with pytest.raises(ValueError, match=r"bench\.json .*restore it"):
        read_bench()
    with pytest.raises(ValueError, match=r"build\.json .*restore it"):
        build_time({})


# (what is given as a path, the reason)
PATHS = [
    ("", "that is no path"),
    ("  ", "that is no path"),
    ("a\0b", "that is no path"),
    ("~nosuchuser/x", "there is no such user"),
    ("a\udcffb", "that is not UTF-8"),
]


@pytest.mark.parametrize(("given", "reason"), PATHS)
def test_what_is_no_path_is_said_by_its_name(toy, given, reason):
    for take in (
        lambda: whole_path(given, "--dataset"),
        lambda: plan_of(toy, given),
    ):
        with pytest.raises(ValueError, match="--dataset is ") as caught:
            take()
        assert reason in str(caught.value)
    with pytest.raises(ValueError, match=f"ECGLIB_CACHE is .*{reason}"):
        whole_folders({"ECGLIB_CACHE": given or " "})


def test_folders_in_the_environment_are_seen_from_where_the_command_was_given(
    toy, tmp_path, monkeypatch
):
    seen = {}
    monkeypatch.setattr(book, "run_all", lambda _, __, environment: seen.update(environment))
    monkeypatch.setattr(book, "render", lambda place, site: site)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECGLIB_LUDB", "mine/ludb")
    monkeypatch.setenv("ECGLIB_CACHE", "../cache")
    book.build(device="cpu", jobs=1, root=toy)
    assert seen["ECGLIB_LUDB"] == str(tmp_path / "mine/ludb")
    assert seen["ECGLIB_CACHE"] == str(tmp_path.parent / "cache")


def record(path: Path) -> Path:
    """A record's header, of lead V6, and the folder that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}.hea").write_text(
        f"{path.name} 1 500 5000\na.dat 16 1000/mV 16 0 0 0 0 V6\n"
    )
    return path


# Two spellings of a data set, from the folder that holds all: (one, other, whether they are one)
SPELLINGS = [
    ("a/data", "b/data", False),
    ("a b", "a-b", False),
    ("mine", "Mine", False),
    ("%%", "&&", False),
    ("long" * 60, "long" * 60 + "x", False),
    ("ludb", "a/ludb", False),
    ("mine", "./mine/", True),
    ("mine", "a/../mine", True),
    ("mine", "link", True),
    ("mine/1", "mine/1.hea", True),
    ("mine/1", "mine/1.dat", True),
    ("mine/1", "link/1", True),
    ("mine/1", "mine", False),
    ("mine/1", "mine/1.5", False),
    ("mine/1.5", "mine/1.5.hea", True),
]


@pytest.mark.parametrize(("one", "other", "same"), SPELLINGS)
def test_two_data_sets_share_a_folder_only_where_they_are_one(
    toy, tmp_path, monkeypatch, one, other, same
):
    monkeypatch.setattr("ecglib.data.check", lambda *_: None)
    for folder in ("a", "b", "mine"):
        record(tmp_path / folder / "1")
        record(tmp_path / folder / "1.5")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for given in (one, other):
        if not (tmp_path / given).exists() and "mine/" not in given and "link" not in given:
            record(tmp_path / given / "1")
    monkeypatch.chdir(tmp_path)
    plans = [plan_of(toy, os.path.join(".", given), "paper") for given in (one, other)]
    monkeypatch.chdir("/")
    plans.append(plan_of(toy, str(tmp_path / one), "paper"))
    assert plans[0].place == plans[2].place, "whatever folder it is named from"
    assert (plans[0].place == plans[1].place) == same
    assert not any(plan.in_place for plan in plans)


@pytest.mark.parametrize("name", ["ludb", "synthetic"])
def test_a_folder_with_the_name_of_a_data_set_is_not_taken_for_it(toy, tmp_path, monkeypatch, name):
    monkeypatch.setattr("ecglib.data.check", lambda *_: None)
    record(tmp_path / name / "1")
    monkeypatch.chdir(tmp_path)
    for path in (f"./{name}", f"{name}/", str(tmp_path / name)):
        for scale in ("paper", "quick"):
            plan = plan_of(toy, path, scale)
            assert not plan.in_place and plan.dataset == str(tmp_path / name)
            said = chapter_run(plan, "01-one")
            assert said.record["dataset"] == f"records of {name}" in said.banner
    assert plan_of(toy, name, "paper").dataset == name, "the word is the data set"


def test_results_name_no_path_of_this_machine(tmp_path):
    given = {"scale": "quick", "device": "cpu"}
    assert Ledger("01-data", dataset=str(tmp_path / "mine"), **given).run["dataset"] == (
        "records of mine"
    )
    assert [
        Ledger("01-data", dataset=w, **given).run["dataset"] for w in ("ludb", "synthetic")
    ] == [
        "ludb",
        "synthetic",
    ]
    assert label("/x/a\udcff") == "records of a?"


def test_a_folder_that_is_no_text_of_html_stays_text(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("ecglib.data.check", lambda *_: None)
    name = "<img src=x onerror=alert(1)>`[a](b)$x$"
    record(tmp_path / name / "1")
    plan = plan_of(toy, str(tmp_path / name), lead="`<img src=x onerror=alert(2)>``")
    run = chapter_run(plan, "01-one")
    said = "\n".join(run.banner.splitlines()[2:-1])  # between the fences
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(said)
    assert f"records of {html.escape(name)}" in shown and "<img" not in shown and "<a " not in shown
    assert "<code>lead = '`&lt;img src=x onerror=alert(2)&gt;``'</code>" in shown
    page = (
        notebooks.left_out(notebooks.read(toy / ONE), f"none of {name}\n```", None).cells[0].source
    )
    assert "<img" not in page and page.count("```") == 2


@pytest.mark.parametrize("name", ["{x}", "{0}", "{", "}}", "{pm[run_uuid]}", "a b%s"])
def test_papermill_takes_a_path_as_it_is(name):
    path = Path(name) / "01-one.ipynb"
    assert parameterize_path(unformatted(path), add_builtin_parameters({})) == str(path)


@pytest.mark.slow
def test_a_book_in_a_folder_with_braces_is_built(tmp_path):
    toy = toy_book(tmp_path / "{x} {0}")
    command = [sys.executable, "-m", "ecglib", "build", "--jobs", "1"]
    done = subprocess.run(command, cwd=toy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{toy}/_build/quick/html/index.html\n"


# (arguments, what the one line says)
COMMANDS = [
    (["build", "--dataset", ""], "--dataset is '', but that is no path"),
    (["build", "--lead", ""], "lead is '': it must be the name of a lead"),
    (["build", "--lead", "i", "-p", "lead=ii"], "lead is given twice, by --lead and by -p"),
    (["build", "--chapters", ""], "there is no chapter ''"),
    (["build", "--jobs", "0"], "jobs is 0: it must be 1 or more"),
    (["build", "--cluster", ""], "--cluster is empty: give a scheduler's address"),
    (["build", "--dataset", "_toc.yml"], "there is no data set '_toc.yml'"),
    (["claims", "--results", ""], "--results is '', but that is no path"),
    (["claims", "--results", "_toc.yml"], "there is no folder of results _toc.yml"),
    (["fetch", "--root", "~nosuchuser/x"], "--root is '~nosuchuser/x', but there is no such user"),
    (["bench", "--json", "nowhere/a.json"], "but there is no folder nowhere"),
    (["bench", "--json", "."], "--json is ., a folder: give the name of a file"),
    (["gpu", "--minutes", "0"], "--minutes is 0: give 1 to 1440"),
]


@pytest.mark.parametrize(("arguments", "says"), COMMANDS)
def test_the_command_line_says_it_in_one_line(toy, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(toy)
    monkeypatch.setattr(sys, "argv", ["ecglib", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr()
    assert ended.value.code == 1 and said.out == ""
    assert says in said.err and said.err.count("\n") == 1
