"""Building a book, on a toy book; then the quick book itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from toy_book import toy_book

from ecglib.build import BuildError, book, notebooks, workspace
from ecglib.build.book import build
from ecglib.build.plan import make_plan


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return toy_book(tmp_path / "toy")


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the rendering, which takes the longest."""
    monkeypatch.setattr(book, "render", lambda place, site: site / "index.html")


def printed(path: Path, cell: int = -1) -> str:
    return nbformat.read(path, 4).cells[cell].outputs[0].text.strip()


def test_quick_scale_runs_a_copy_and_builds_its_pages(toy):
    committed = {path: path.read_bytes() for path in toy.rglob("*") if path.is_file()}
    options = ["--jobs", "5", "--cluster", "tcp://here:1"]
    command = [sys.executable, "-m", "ecglib", "build", *options]
    environment = {name: value for name, value in os.environ.items() if "OMP" not in name}
    done = subprocess.run(
        command, cwd=toy, env=environment, capture_output=True, text=True, check=True
    )
    first = toy / "_build/quick/html/index.html"
    assert done.stdout == f"{first}\n" and first.is_file()
    place = toy / "_build/quick/book/chapters"
    said = {"scale": "quick", "dataset": "synthetic", "seeds": [7], "lead": "v6"}
    said |= {"jobs": "2", "cluster": "tcp://here:1", "threads": "1"}
    assert json.loads((place / "results/01-one.json").read_text()) == said
    assert printed(place / "01-one.ipynb") == str(said)
    read = printed(place / "index.ipynb")
    assert read == "['01-one', '02-two']", "it reads what the others write"
    assert json.loads((place / "build.json").read_text()).keys() == {"jobs", "wall_s"}
    assert {path: path.read_bytes() for path in committed} == committed
    assert not list(place.glob(".*")), "nothing temporary is left"
    page = (toy / "_build/quick/html/chapters/01-one.html").read_text()
    assert "well 1.0" in page and "Not the published figures" in page


def test_parameters_from_outside_run_in_a_folder_of_their_own(toy, no_pages):
    first = build("paper", parameters={"lead": "i", "seeds": [3]}, jobs=2, root=toy)
    place = first.parents[1] / "book"
    assert first.is_relative_to(toy / "_build") and place != toy
    notebook = nbformat.read(place / "chapters/01-one.ipynb", 4)
    assert notebook.metadata.ecglib == {
        "scale": "paper",
        "dataset": "ludb",
        "parameters": {"lead": "i", "seeds": [3]},
        "code_hash": notebooks.code_hash(notebook),
    }
    assert notebook.cells[0].source.startswith("# 01-one\n\n```{admonition} Not the published")
    assert (
        "LUDB at the paper's scale, with `lead = 'i'`, `seeds = [3]`." in notebook.cells[0].source
    )
    assert json.loads((place / "chapters/results/02-two.json").read_text())["lead"] == "i"


def test_a_chapter_that_was_not_run_in_a_copy_is_the_committed_one(toy, no_pages):
    build("paper", jobs=2, root=toy)
    copy = build("paper", chapters=["01"], parameters={"lead": "i"}, jobs=1, root=toy).parents[1]
    run, committed = (nbformat.read(toy / f"chapters/{n}.ipynb", 4) for n in ("01-one", "02-two"))
    committed.cells[0].source = run.cells[0].source = "# Written anew"
    for name, notebook in (("01-one", run), ("02-two", committed)):
        nbformat.write(notebook, toy / f"chapters/{name}.ipynb")
    (copy / "book/chapters/01-one.ipynb").write_text(before := "as it was run")
    workspace.copy_sources(make_plan("paper", "ludb", ["01"], "auto", {"lead": "i"}, toy))
    assert (copy / "book/chapters/01-one.ipynb").read_text() == before
    unrun = nbformat.read(copy / "book/chapters/02-two.ipynb", 4)
    assert unrun.cells[0].source == "# Written anew"


def test_paper_scale_runs_in_place_and_twice_the_same(toy, no_pages):
    build("paper", jobs=1, root=toy)
    chapter = toy / "chapters/01-one.ipynb"
    once = chapter.read_bytes()
    notebook = nbformat.read(chapter, 4)
    assert len(notebook.cells) == 4, "no cell of injected parameters is committed"
    assert notebook.cells[0].source == "# 01-one\n\nWords.", "nor a banner"
    assert notebook.metadata.ecglib == {
        "scale": "paper",
        "dataset": "ludb",
        "parameters": {},
        "code_hash": notebooks.code_hash(notebook),
    }
    assert json.loads((toy / "chapters/build.json").read_text())["jobs"] == 1
    build("paper", chapters=["01"], jobs=1, root=toy)
    assert chapter.read_bytes() == once
    assert not (toy / "chapters/build.json").exists(), "no one run made both chapters"


def test_error_names_chapter_and_cell_and_leaves_the_last_good_outputs(toy, no_pages):
    build(jobs=2, root=toy)
    place = toy / "_build/quick/book/chapters"
    good = (place / "02-two.ipynb").read_bytes()
    (toy / "chapters/quick.yml").write_text("01-one: {seeds: [8]}\n02-two: {fail: 1}\n")
    with pytest.raises(BuildError, match=r"^chapter 02-two, cell 3 failed: ZeroDivisionError"):
        build(jobs=2, root=toy)
    assert (place / "02-two.ipynb").read_bytes() == good
    assert "[8]" in printed(place / "01-one.ipynb"), "the other chapter went on"


def test_failed_rendering_leaves_the_last_good_book(toy):
    site = toy / "_build" / "html"
    (toy / "chapters/index.ipynb").unlink()
    (toy / "chapters/index.md").write_text("# Good\n")
    book.render(toy, site)
    (toy / "chapters/index.md").write_text("# Bad\n\n{doc}`nowhere`\n")
    with pytest.raises(BuildError, match=r"1 complaints, the first: .*nowhere"):
        book.render(toy, site)
    assert "Good" in (site / "chapters/index.html").read_text()


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"scale": "big"}, "no scale 'big': choose quick or paper"),
        ({"dataset": "mitdb"}, "no data set 'mitdb'"),
        ({"chapters": ["07"]}, "no chapter '07': the chapters are 01-one, 02-two"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"jobs": 0}, "jobs is 0"),
        ({"chapters": ["01"]}, "chapter 02-two was never run"),
        ({"parameters": {"sedes": 1}}, "no chosen chapter has a parameter 'sedes'"),
        ({"parameters": {"dataset": "ludb"}}, "--dataset instead of -p dataset="),
    ],
)
def test_what_does_not_exist_is_said_before_anything_runs(toy, choice, says):
    with pytest.raises(ValueError, match=says):
        build(**choice, root=toy)
    assert not (toy / "_build").exists()


def test_unknown_parameter_is_an_error(toy):
    (toy / "chapters/quick.yml").write_text("01-one: {sedes: [1]}\n02-two: {}\n")
    with pytest.raises(ValueError, match="chapter 01-one has no parameter 'sedes'"):
        build(root=toy)


def test_whether_there_is_a_gpu_is_asked_without_pytorch_where_there_is_no_driver():
    code = "import sys; from ecglib.build import book; book.GPU_DRIVERS = ()\n"
    code += "book.shutil.which = lambda name: None\n"
    code += "print(book._on_gpu('auto'), book._on_gpu('cpu'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3


# The quick book itself


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, BeautifulSoup]:
    return {
        path: BeautifulSoup(path.read_text(), "html.parser")
        for path in sorted((site / "chapters").glob("*.html"))
    }


def test_chapters_ran_at_quick_scale_without_error_or_warning(chapters):
    assert chapters
    for path in chapters:
        notebook = notebooks.read(path)
        assert notebook.metadata.ecglib.scale == "quick", path.name
        assert notebooks.has_outputs(notebook) and not notebooks.errors(notebook), path.name
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                assert output.get("name") != "stderr", f"{path.name}: {output.text}"


def test_every_figure_has_a_caption_and_an_alternative_text(pages, chapters):
    for path in chapters:
        figures = [
            cell
            for cell in notebooks.read(path).cells
            if any("image/png" in o.get("data", {}) for o in cell.get("outputs", ()))
        ]
        for cell in figures:
            given = cell.metadata.get("mystnb", {})
            where = f"{path.name}: {cell.source[:60]}"
            assert len(given.get("figure", {}).get("caption", "")) > 20, where
            assert len(given.get("image", {}).get("alt", "")) > 20, where
    for path, page in pages.items():
        for image in page.select("article img"):
            assert image.get("alt", "").strip(), f"{path.name}: {image.get('src')}"
            assert not image["alt"].endswith(".png"), f"{path.name}: {image['alt']}"


def test_no_internal_link_is_broken(pages):
    for path, page in pages.items():
        for element in page.select("a[href], img[src], script[src], link[href]"):
            link = urlsplit(element.get("href") or element.get("src"))
            if link.scheme or link.netloc or not (link.path or link.fragment):
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            assert target.exists(), f"{path.name} links to {link.path}"
            if link.fragment and target in pages:
                found = pages[target].find(id=unquote(link.fragment))
                assert found is not None, f"{path.name} links to {link.path}#{link.fragment}"


def test_pages_name_nothing_to_load_outside_the_book(pages):
    for path, page in pages.items():
        for element in page.select("script[src], link[href], img[src], iframe[src]"):
            if element.name == "link" and "stylesheet" not in element.get("rel", []):
                continue
            address = element.get("src") or element.get("href")
            assert not re.match(r"(https?:)?//", address), f"{path.name} loads {address}"


def test_pages_are_light(pages):
    for path, page in pages.items():
        figures = {img["src"] for img in page.select("article img[src^='../']")}
        weight = path.stat().st_size + sum((path.parent / f).stat().st_size for f in figures)
        assert weight < 4e6, f"{path.name} weighs {weight / 1e6:.1f} MB"
