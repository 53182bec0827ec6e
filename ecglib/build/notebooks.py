"""Notebooks as files: parameters, the hash of their code, and outputs equal from run to run."""

import ast
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

import ecglib
from ecglib.cache import essence
from ecglib.files import write_whole
from ecglib.markdown import escaped

INJECTED = "injected-parameters"  # papermill's tag for the cell of overridden parameters
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
DATASET = re.compile(r"^dataset = .*$", re.MULTILINE)  # as papermill writes it, on one line
LEFT_OUT = """\
```{{admonition}} Not run on these records
:class: warning
{why}
```"""
REFERENCE = re.compile(r'"IPY_MODEL_([^"]+)"')  # in a widget's state, to another widget
# What the notebooks' numbers come from; figures and tables only show them.
NUMBERS = (
    *("data", "nets", "experiments"),
    *("measures.py", "wave_course.py", "peaks.py", "bands.py", "estimates.py", "claims.py"),
)


def read(path: Path) -> NotebookNode:
    """Read a notebook; FileNotFoundError, ValueError naming the file where it is none."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError:
        raise
    except Exception as error:  # nbformat raises whatever a broken file makes it stumble over
        reason = str(error).partition("\n")[0].strip(". ")[:200]
        raise ValueError(
            f"{path} is not a notebook of format 4 ({type(error).__name__}: {reason})."
        ) from error
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, whole or not at all."""
    write_whole(path, nbformat.writes(notebook).rstrip("\n") + "\n")


def parameters(notebook: NotebookNode) -> dict[str, Any]:
    """Names and values of the cell tagged `parameters`; empty where there is none.

    Raises ValueError for a value that is not a literal, and for anything else in the cell: what is
    computed there would win over what a build gives.
    """
    found = {}
    cells = [cell.source for cell in notebook.cells if _is_tagged(cell, "parameters")]
    try:
        statements = ast.parse("\n".join(cells)).body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"the cell of parameters is no Python ({error}).") from error
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                said = " ".join(ast.unparse(statement).split())
                raise ValueError(
                    f'the cell of parameters holds "{said}": move all that is no NAME = VALUE to '
                    "another cell."
                )
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"parameter {name} is not a literal value.") from error
    return found


def code_hash(notebook: NotebookNode) -> str:
    """SHA-256 (first 16 hex digits) of the code that made a notebook's numbers.

    That is its code cells, injected parameters left out, and the package's files that they call.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cells = [cell.source for cell in code if not _is_tagged(cell, INJECTED)]
    return hashlib.sha256(json.dumps([cells, _called()]).encode()).hexdigest()[:16]


@functools.cache
def _called() -> list[tuple[str, str]]:
    """(file, code) of what the notebooks call."""
    package = Path(ecglib.__file__).parent
    files = {path: path.relative_to(package) for path in sorted(package.rglob("*.py"))}
    return [
        (name.as_posix(), essence(path.read_text(encoding="utf-8")))
        for path, name in files.items()
        if name.parts[0] in NUMBERS
    ]


def has_outputs(notebook: NotebookNode) -> bool:
    """Whether the notebook was run."""
    return bool(_outputs(notebook))


def errors(notebook: NotebookNode) -> list[str]:
    """The errors among the outputs."""
    found = [output for output in _outputs(notebook) if output.output_type == "error"]
    return [f"{error.ename}: {error.evalue}" for error in found]


def warnings(notebook: NotebookNode) -> str:
    """What its cells wrote to stderr, which is for who runs a chapter, not for who reads it."""
    return "".join(output.text for output in _outputs(notebook) if _is_warning(output))


def left_out(notebook: NotebookNode, why: str, banner: str | None, **record: Any) -> NotebookNode:
    """The page of a chapter that was not run: its heading and why, with the record `left_out`."""
    sentence = escaped(why[:1].upper() + why[1:])  # it may name records
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = next((line for line in prose.split("\n") if line.startswith("# ")), "# Not run")
    said = nbformat.v4.new_markdown_cell(
        f"{heading}\n\n{LEFT_OUT.format(why=sentence)}", id="left-out"
    )
    notebook = nbformat.from_dict({**notebook, "cells": [said]})
    return normalise(notebook, banner, **record, left_out=why)


def was_run(notebook: NotebookNode) -> bool:
    """Whether it is what a run left: outputs, or a page that says why there are none."""
    return has_outputs(notebook) or was_left_out(notebook)


def was_left_out(notebook: NotebookNode) -> bool:
    """Whether it is the page that says why a chapter was not run."""
    return "left_out" in notebook.metadata.get("ecglib", {})


def normalise(notebook: NotebookNode, banner: str | None, **record: Any) -> NotebookNode:
    """What a run leaves, less what differs between equal runs: times, ids, stray widgets.

    What cells wrote to stderr goes too.

    banner: for a copy of a chapter, what stands at its top in MyST; its cell of overridden
        parameters stays, folded. None for the chapter itself, which has neither.
    record: scale, dataset and the like, for the metadata, with the hash of the code.
    """
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))
    metadata = notebook.metadata
    metadata.pop("papermill", None)
    metadata["language_info"] = {"name": "python"}
    metadata["ecglib"] = {**record, "code_hash": code_hash(notebook)}
    if banner is None:
        notebook.cells = [cell for cell in notebook.cells if not _is_tagged(cell, INJECTED)]
    else:
        _place(banner, notebook)
    quoted = json.dumps(record.get("dataset"), ensure_ascii=False)
    count = 0
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if _is_tagged(cell, INJECTED):
            cell.id = INJECTED
            cell.metadata.tags = [INJECTED, "hide-input"]
            cell.source = DATASET.sub(lambda _: f"dataset = {quoted}", cell.source)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = _settled(cell.outputs, count)
    _settle_widgets(notebook)
    return notebook


def renamed(value: Any, folders: Mapping[str, str]) -> Any:
    """A notebook, or a part of one, with other names for folders of this machine in every string.

    folders: their paths, and what they are called instead, the longer before what it begins with.
    """
    if isinstance(value, str):
        for folder, name in folders.items():
            if folder in value:
                whole = rf"(?<![\w/+]){re.escape(folder)}(?![\w-])"
                value = re.sub(whole, name.replace("\\", "\\\\"), value)
        return value
    if isinstance(value, list):
        return [renamed(item, folders) for item in value]
    if isinstance(value, dict):
        return type(value)({key: renamed(item, folders) for key, item in value.items()})
    return value


def _place(banner: str, notebook: NotebookNode) -> None:
    """Put a banner below the first heading, where the first Markdown cell has one."""
    cell = next((cell for cell in notebook.cells if cell.cell_type == "markdown"), None)
    if cell is None or banner in cell.source:
        return
    lines = cell.source.split("\n")
    headings = [k for k, line in enumerate(lines, 1) if line.startswith("# ")]
    after = headings[0] if headings else 0
    cell.source = "\n".join([*lines[:after], "", banner, "", *lines[after:]])


def _outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def _is_tagged(cell: NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", ())


def _is_warning(output: NotebookNode) -> bool:
    return output.output_type == "stream" and output.name == "stderr"


def _settled(outputs: list[NotebookNode], count: int) -> list[NotebookNode]:
    """Outputs of cell `count`, pieces of one stream joined: where they break is chance."""
    settled: list[NotebookNode] = []
    for output in outputs:
        if _is_warning(output):
            continue
        if output.output_type == "stream" and settled and settled[-1].get("name") == output.name:
            settled[-1].text += output.text
            continue
        if output.output_type == "execute_result":
            output.execution_count = count
        if "text/plain" in output.get("data", {}):
            output.data["text/plain"] = ADDRESS.sub("", output.data["text/plain"])
        settled.append(output)
    return settled


def _settle_widgets(notebook: NotebookNode) -> None:
    """Number the widgets in the order in which the cells show them; drop what none shows.

    By hand, since no library gives equal runs equal states: their ids are drawn at random.
    """
    saved = notebook.metadata.get("widgets", {}).get(STATE)
    if saved is None:
        return
    state = saved["state"]
    names: dict[str, str] = {}

    def visit(model: str) -> None:
        if model in state and model not in names:
            names[model] = f"widget-{len(names) + 1}"
            for other in references(model):
                visit(other)

    def references(model: str) -> list[str]:
        return REFERENCE.findall(json.dumps(state[model], sort_keys=True))

    shown = [output.get("data", {}) for output in _outputs(notebook)]
    views = [data[VIEW] for data in shown if VIEW in data]
    for view in views:
        visit(view["model_id"])
    # Links are shown by none, and belong to the widgets that they join.
    links = [m for m in state if state[m]["model_name"] in ("LinkModel", "DirectionalLinkModel")]
    joined = [m for m in links if all(end in names for end in references(m))]
    for link in sorted(joined, key=lambda m: [int(names[end][7:]) for end in references(m)]):
        visit(link)
    if not names:
        del notebook.metadata["widgets"]
        return
    for model in state.values():  # a trait that is null is what it is when left out
        model["state"] = {key: v for key, v in model["state"].items() if v is not None}
    text = json.dumps({name: state[model] for model, name in names.items()})
    saved["state"] = json.loads(
        REFERENCE.sub(lambda to: f'"IPY_MODEL_{names.get(to[1], to[1])}"', text)
    )
    for view in views:
        view["model_id"] = names.get(view["model_id"], view["model_id"])
