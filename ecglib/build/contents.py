"""What a book says of itself: its pages, their own parameters, and those of the quick scale."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from ecglib.build import notebooks

NUMBERED = re.compile(r"\d\d-")
QUICK = "chapters/quick.yml"  # in the root: what the quick scale changes, by chapter
OPTIONS = ("scale", "dataset", "device")  # parameters with an option of the command line
UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)  # of who parses it
PLAIN = "a number, a text, True, False, None, or a list or dictionary of these"


def pages(root: Path) -> tuple[list[str], list[str]]:
    """Names of the notebooks: numbered chapters, and the others, the first page last.

    Raises ValueError for a table of contents that cannot be read, FileNotFoundError for a page in
    it that is not there.
    """
    path = root / "_toc.yml"
    if not path.is_file():
        raise FileNotFoundError(f"there is no table of contents {path}: restore it.")
    try:
        contents = parse_toc_yaml(path)
    except (MalformedError, yaml.YAMLError, *UNREADABLE) as error:
        raise ValueError(f"{path} is no table of contents: {_on_one_line(error)}.") from error
    first = contents.root.docname
    files = [*(file for file in contents if file != first), first]
    names = []
    for file in files:
        there = [end for end in ("", ".ipynb", ".md") if (root / f"{file}{end}").is_file()]
        if not there:
            raise FileNotFoundError(f"{path} names {file}, and there is no such notebook or text.")
        if f"{file}{there[0]}".endswith(".ipynb"):
            names.append(Path(f"{file}{there[0]}").stem)
    numbered = [name for name in names if NUMBERED.match(name)]
    return numbered, [name for name in names if name not in numbered]


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def source_of(root: Path, name: str) -> Path:
    """The notebook of a page."""
    return root / "chapters" / f"{name}.ipynb"


def own_parameters(root: Path, name: str) -> dict[str, Any]:
    """A page's parameters as its notebook has them; ValueError as `notebooks` raises it."""
    path = source_of(root, name)
    notebook = notebooks.read(path)
    try:
        return notebooks.parameters(notebook)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def quick_parameters(root: Path, name: str) -> dict[str, Any]:
    """A chapter's parameters at quick scale; ValueError where `quick.yml` does not name it."""
    found = _entries(root).get(name)
    if found is None and NUMBERED.match(name):
        raise ValueError(f"{root / QUICK} has no entry {name}: add its parameters there.")
    return found or {}


class _Once(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"{name} is given twice")
        return super().construct_mapping(node, deep)


def _entries(root: Path) -> dict[str, Any]:
    """The entries of `quick.yml` by the name of the chapter; ValueError where it holds others."""
    path = root / QUICK
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), _Once) or {}
    except (yaml.YAMLError, *UNREADABLE) as error:
        raise ValueError(f"{path} cannot be read: {_on_one_line(error)}.") from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} holds no entries by the name of a chapter.")
    for name, entry in entries.items():
        if not isinstance(entry, dict | None):
            raise ValueError(f"{path}: the entry {name} holds no parameters by their names.")
        for key, value in (entry or {}).items():
            if key in OPTIONS:
                raise ValueError(f"{path}: {key} of {name} is given by --{key}, not here.")
            if not is_plain(value):
                raise ValueError(f"{path}: {key} of {name} is {value!r}, which is not {PLAIN}.")
    return entries


def check_entries(root: Path, names: Sequence[str]) -> None:
    """ValueError where `quick.yml` has an entry that is none of the pages `names`."""
    for name in _entries(root):
        if name not in names:
            raise ValueError(
                f"{root / QUICK} has an entry {name!r}, which is no chapter: the chapters are "
                f"{', '.join(names)}."
            )


def is_plain(value: Any) -> bool:
    """Whether a notebook's cell, and JSON, can hold the value."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True
