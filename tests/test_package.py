"""The package as a whole: which folder may import from which, and how quickly it starts."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ecglib

FOLDER = Path(ecglib.__file__).parent
# Single files that a folder may use, since they use no folder themselves; `bench`, `build` and the
# command line use anything, and nothing uses them.
BELOW = {
    "fits",
    "cache",
    "cluster",
    "files",
    "lifetime",
    "locks",
    "markdown",
    "measures",
    "wave_course",
    "peaks",
    "bands",
    "estimates",
    "claims",
    "ledger",
    "places",
    "workers",
}


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


# Networks compute with their own folder alone, which is the code that their fits are filed by.
ALLOWED = {name: BELOW for name in sorted(BELOW)} | {
    "data": {"data"} | BELOW,
    "nets": {"nets", "fits"},
    "experiments": {"data", "nets", "experiments"} | BELOW,
    "pages": {"data", "nets", "experiments", "pages"} | BELOW,
}


@pytest.mark.parametrize("place", ALLOWED)
def test_a_place_imports_only_from_those_before_it(place):
    for name, targets in ARROWS.items():
        if name.split(".")[0] == place:
            assert {target.split(".")[0] for target in targets} <= ALLOWED[place], name


def test_public_names_are_imported_when_asked_for():
    for name in dir(ecglib):
        assert getattr(ecglib, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ecglib.nothing


@pytest.mark.parametrize("module", ["__main__", "fits", "ledger", "build.book"])
def test_what_needs_no_network_does_not_wait_for_pytorch(module):
    assert not imported_by(module) & {"torch", "wfdb", "scipy", "matplotlib", "distributed"}


@pytest.mark.parametrize("module", ["pages.tables", "pages.costs"])
def test_pages_that_only_read_results_do_not_wait_for_pytorch(module):
    assert not imported_by(module) & {"torch", "distributed"}


def imported_by(module: str) -> set[str]:
    """What a fresh interpreter holds once it has imported a module of the package."""
    code = f"import sys, ecglib.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
