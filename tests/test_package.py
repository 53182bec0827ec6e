"""The package as a whole: which folder may import from which, and how quickly it starts."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ecglib

FOLDER = Path(ecglib.__file__).parent
FOLDERS = ("data", "nets", "experiments", "pages")
# Single files (and `build`) that a folder may use, since they use no folder themselves; `bench`,
# `build` and the command line use anything, and nothing uses them.
BELOW = {"fits", "cache", "measures", "estimates", "claims", "ledger"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name inside it; a folder's own is its name."""
    names = {path: path.relative_to(FOLDER).with_suffix("").parts for path in FOLDER.rglob("*.py")}
    return {
        ".".join(p for p in parts if p != "__init__"): path
        for path, parts in names.items()
        if parts not in (("__init__",), ("__main__",))
    }


def imported(path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a file imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ecglib":
            inner = (node.module or "").partition(".")[2]
            names = {f"{inner}.{alias.name}".strip(".") for alias in node.names}
            found |= {name if name in known else inner for name in names}
        assert not isinstance(node, ast.ImportFrom) or not node.level, f"{path}: relative import"
    return found & known


ARROWS = {name: imported(path, set(modules())) for name, path in modules().items()}


def test_no_import_goes_in_a_circle():
    TopologicalSorter(ARROWS).prepare()  # raises for a cycle


@pytest.mark.parametrize("place", range(len(FOLDERS)))
def test_a_folder_imports_only_from_those_before_it(place):
    allowed = set(FOLDERS[: place + 1]) | BELOW
    for name, targets in ARROWS.items():
        if name.split(".")[0] == FOLDERS[place]:
            assert {target.split(".")[0] for target in targets} <= allowed, name


def test_networks_compute_with_their_own_folder_alone_which_is_the_code_their_fits_are_filed_by():
    for name, targets in ARROWS.items():
        if name.split(".")[0] == "nets":
            assert {target.split(".")[0] for target in targets} <= {"nets", "fits"}, name


def test_what_the_folders_use_uses_no_folder():
    for name, targets in ARROWS.items():
        if name in BELOW:
            assert targets <= BELOW, name


def test_public_names_are_imported_when_asked_for():
    for name in dir(ecglib):
        assert getattr(ecglib, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ecglib.nothing


@pytest.mark.parametrize("module", ["ecglib.__main__", "ecglib.ledger", "ecglib.build.book"])
def test_what_needs_no_network_does_not_wait_for_pytorch(module):
    slow = "{'torch', 'wfdb', 'scipy', 'matplotlib'}"
    code = f"import sys, {module}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
