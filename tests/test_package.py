"""The package as a whole: its layers, and what it says of them."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import ecglib

FOLDER = Path(ecglib.__file__).parent
LAYERS = [
    line.partition(": ")[2].split(", ")
    for line in (ecglib.__doc__ or "").splitlines()[4:]
    if ": " in line
]


def imported(module: str) -> set[str]:
    """The modules of the package that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ecglib"):
            inner = (node.module or "").split(".")[1:]
            found |= set(inner) or {alias.name for alias in node.names}
    return found


def test_every_module_stands_in_one_layer():
    named = [module for layer in LAYERS for module in layer]
    there = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(named) == sorted(there)


def test_imports_go_one_way():
    known: set[str] = set()
    for layer in LAYERS:
        known |= set(layer)
        for module in layer:
            assert imported(module) <= known, module
    TopologicalSorter({m: imported(m) for m in known}).prepare()  # raises for a cycle
