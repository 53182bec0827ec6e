"""A book of two tiny chapters, and single ones, for tests of what runs and builds books."""

from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ecglib.build.chapter import Run

PARAMETERS = (
    'dataset = "ludb"\nlead = "v6"\ndevice = "auto"\nscale = "paper"\nseeds = [0, 1]\nfail = 0\n'
)
CODE = """\
import json, os, pathlib
said = {"scale": scale, "dataset": dataset, "seeds": seeds, "lead": lead}
said |= {name: os.environ.get(f"ECGLIB_{name.upper()}") for name in ("jobs", "cluster")}
said["threads"] = os.environ.get("OMP_NUM_THREADS")
pathlib.Path(os.environ["ECGLIB_RESULTS"], "{name}.json").write_text(json.dumps(said))
print(said)
"""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
FIRST = "import pathlib\nprint(sorted(p.stem for p in pathlib.Path('results').glob('*.json')))"


def save(path: Path, *cells: nbformat.NotebookNode) -> None:
    notebook = new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})
    notebook.metadata.language_info = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    nbformat.write(notebook, path)


def toy_book(root: Path) -> Path:
    """Write chapters 01-one and 02-two, and a first page that reads their results."""
    chapters = root / "chapters"
    (chapters / "results").mkdir(parents=True)
    (root / "_config.yml").write_text(
        "title: Toy\nexecute: {execute_notebooks: 'off'}\nonly_build_toc_files: true\n"
    )
    names = ("01-one", "02-two")
    toc = {"format": "jb-book", "root": "chapters/index"}
    toc["chapters"] = [{"file": f"chapters/{name}"} for name in names]
    (root / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))
    (chapters / "quick.yml").write_text("01-one: {seeds: [7]}\n02-two: {}\n")
    for name in names:
        save(
            chapters / f"{name}.ipynb",
            new_markdown_cell(f"# {name}\n\nWords."),
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            new_code_cell("print('well', 1 / (1 - fail))"),
            new_code_cell(CODE.replace("{name}", name)),
        )
    save(chapters / "index.ipynb", new_markdown_cell("# Toy"), new_code_cell(FIRST))
    return root


def run_of(folder: Path, name: str, code: str) -> Run:
    """A chapter of three cells, of which the last is `code`."""
    source = folder / "sources" / f"{name}.ipynb"
    source.parent.mkdir(exist_ok=True)
    parameters = new_code_cell("seed = 0", metadata={"tags": ["parameters"]})
    save(source, new_markdown_cell("# Toy"), parameters, new_code_cell(code))
    target = folder / "book" / "chapters" / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    record = {"scale": "quick", "dataset": "synthetic"}
    return Run(name, source, target, {"seed": 1}, record, "banner", 600)
