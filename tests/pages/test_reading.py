"""Live reading: what a reader sees below the cells, in a shell and in a kernel."""

import matplotlib
import nbclient
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ecglib.pages import open_page, reading, tables

SET_UP = (
    'from ecglib.pages import open_page\nfrom ecglib.pages.tables import say\nopen_page("02-x")'
)
CAPTION = "Two curves, as {cite}`kingma2014adam` draws them."
TEXT = """## Title

We have {glue:text}`n-records` records.

Of these {glue:text}`share` are good {cite}`a2020,b2021`, of {glue:text}`n-records`.
The rest is in {numref}`fig-x`.

No number here."""


def chapter(*cells):
    return new_notebook(cells=[new_markdown_cell(TEXT), new_code_cell(SET_UP), *cells])


@pytest.fixture(autouse=True)
def no_style_left():
    with matplotlib.rc_context():
        yield


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell in the folder of a chapter, outside a build; what it shows is what `run` returns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECGLIB_RESULTS", raising=False)
    monkeypatch.setattr(reading, "SAID", said := {})
    monkeypatch.setattr(tables, "SAID", said)
    figure = {"mystnb": {"figure": {"caption": CAPTION, "name": "fig-x"}}}
    checked = {"tags": ["nbval-check-output"]}
    cells = [new_code_cell("1;", metadata=figure), new_code_cell("2;", metadata=checked)]
    nbformat.write(chapter(*cells), tmp_path / "02-x.ipynb")
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def read(data):
    """The text of a Markdown output, which the built book must not show."""
    div, text, end = data["text/markdown"].split("\n\n")
    assert div == '<div class="ecglib-needs-kernel">' and end == "</div>"
    return text


def run(shell, code, **how):
    with capture_output() as seen:
        shell.run_cell(code, **how)
    assert not seen.stderr and "Traceback" not in seen.stdout
    return [read(out.data) for out in seen.outputs if "text/markdown" in out.data]


def test_a_paragraph_appears_below_the_cell_that_gives_its_last_number(shell):
    assert run(shell, SET_UP) == []
    assert run(shell, "say(n_records=60)") == ["We have 60 records."]
    assert run(shell, "say(share=0.5)") == [
        "Of these 0.50 are good [a2020,b2021], of 60.\nThe rest is in fig-x."
    ]


def test_a_paragraph_is_shown_again_only_with_another_number_or_below_its_own_cell(shell):
    run(shell, SET_UP)
    assert run(shell, "say(n_records=60)") == ["We have 60 records."]
    assert run(shell, "3;") == []
    assert run(shell, "say(n_records=60);") == []
    assert run(shell, "say(n_records=60)") == ["We have 60 records."]
    assert run(shell, "say(n_records=61)") == ["We have 61 records."]


def test_a_figure_s_caption_is_shown_by_the_cell_s_code_or_its_id(shell, tmp_path):
    run(shell, SET_UP)
    told = ["Two curves, as [kingma2014adam] draws them."]
    assert run(shell, "1;") == told
    cell = nbformat.read(tmp_path / "02-x.ipynb", 4).cells[2]
    assert run(shell, "1 + 1;", cell_id=cell.id) == told


def test_nothing_is_shown_below_a_cell_that_failed_or_whose_output_is_compared(shell):
    run(shell, SET_UP)
    with capture_output() as seen:
        shell.run_cell("say(n_records=60); 1 / 0")
    assert not any("text/markdown" in out.data for out in seen.outputs)
    assert run(shell, "2;") == []
    assert run(shell, "3;") == ["We have 60 records."]


def test_opening_a_page_again_does_not_show_things_twice(shell):
    run(shell, SET_UP)
    run(shell, SET_UP)
    assert run(shell, "say(n_records=60)") == ["We have 60 records."]


@pytest.mark.parametrize("text", [None, "", '{"cells": [{"cell_'])
def test_a_notebook_that_is_gone_or_half_saved_is_no_error(shell, tmp_path, text):
    run(shell, SET_UP)
    (tmp_path / "02-x.ipynb").unlink()
    if text is not None:
        (tmp_path / "02-x.ipynb").write_text(text)
    assert run(shell, "say(n_records=60)") == []


def test_a_notebook_that_is_not_here_is_read_in_the_book(shell, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(reading, "find_book", lambda: tmp_path)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "02-x.ipynb").rename(tmp_path / "chapters" / "02-x.ipynb")
    run(shell, SET_UP)
    assert run(shell, "say(n_records=60)") == ["We have 60 records."]


def test_a_build_reads_nothing_aloud(shell, monkeypatch):
    monkeypatch.setenv("ECGLIB_RESULTS", "results")
    run(shell, SET_UP)
    assert run(shell, "say(n_records=60)") == []


def test_outside_a_shell_a_page_opens_in_silence(capsys):
    open_page("02-x")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("live", [True, False])
def test_in_a_kernel_sentences_and_captions_follow_the_cells_unless_it_is_a_build_s(
    tmp_path, monkeypatch, live
):
    monkeypatch.setenv("ECGLIB_RESULTS", str(tmp_path))
    if live:
        monkeypatch.delenv("ECGLIB_RESULTS")
    draw = "import matplotlib.pyplot as plt\nsay(n_records=60)\nplt.plot([1, 2]);"
    figure = {"mystnb": {"figure": {"caption": CAPTION, "name": "fig-x"}}}
    notebook = chapter(new_code_cell(draw, metadata=figure))
    nbformat.write(notebook, tmp_path / "02-x.ipynb")
    before = (tmp_path / "02-x.ipynb").read_bytes()
    client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    glued, drawn, *texts = (output.data for output in notebook.cells[2].outputs)
    assert "application/papermill.record/text/plain" in glued and "image/png" in drawn
    told = ["Two curves, as [kingma2014adam] draws them.", "We have 60 records."]
    assert [read(data) for data in texts] == (told if live else [])
    assert (tmp_path / "02-x.ipynb").read_bytes() == before
