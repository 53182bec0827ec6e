"""Results of fits on disk, filed by the configuration and the code that made them.

A result's key covers the fit's name, all that its spec holds, torch's version, and the code of the
fit and of the classes and functions in the spec. Code is compared file by file: of a module inside
a package its whole folder, of another its own file, and what these import of what is not installed.
Comments and docstrings do not count, and of an installed library only the name.
"""

import ast
import hashlib
import os
import sys
import tempfile
import types
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import metadata, util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np

# They run fits and keep results but compute none of their numbers: changed, results stay valid.
UNCOUNTED = {"ecglib.fits", "ecglib.cache"}
LIBRARIES = {"site-packages", "dist-packages"}  # folders of what is installed


class FitCache:
    """One .npz file a result, in `folder`/(first two hex digits of its key)/(key).npz.

    folder: else the environment variable ECGLIB_CACHE, else the user's cache folder. It may be
        deleted at any time, and several processes may share it.

    Raises OSError where the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        self.folder = Path(folder or os.environ.get("ECGLIB_CACHE") or _default()).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise OSError(
                f"cannot write fits to {self.folder} ({error.strerror}): "
                "set ECGLIB_CACHE to a folder that can be written."
            ) from error

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def load(self, key: str) -> dict[str, np.ndarray] | None:
        """The result kept under `key`; None where there is none or, warning, a broken one."""
        try:
            with np.load(self.path(key), allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            warnings.warn(
                f"the kept fit {self.path(key)} is broken ({error}) and is fitted again.",
                stacklevel=3,
            )
            return None

    def save(self, results: Mapping[str, dict[str, Any]]) -> None:
        """Keep results by key, each file whole or not there at all.

        All are written before the first takes its name, so that an ensemble is kept together:
        its numbers could differ in the last bits if only a part of it were fitted again.
        """
        written: dict[Path, Path] = {}
        try:
            for key, result in results.items():
                path = self.path(key)
                path.parent.mkdir(exist_ok=True)
                handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
                written[Path(name)] = path
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, **result)
            for part, path in written.items():
                os.replace(part, path)
        finally:
            for part in written:
                part.unlink(missing_ok=True)


def _default() -> Path:
    import pooch  # slow, and not needed where the folder is named

    return Path(pooch.os_cache("ecglib")) / "fits"


def keys(fit: Callable, specs: Sequence[Any]) -> list[str | None]:
    """Hex digest that files the result of each spec (a dataclass) of a fit.

    None where the code of the fit, or of a class or function in the spec, cannot be compared: it
    is defined in a notebook, in a script that is run, or inside a function.

    Raises ValueError for a spec that holds what has no content to compare.
    """
    code = cache(_code)
    torch_version = metadata.version("torch")
    found: list[str | None] = []
    for spec in specs:
        digest = hashlib.sha256()
        try:
            modules = _feed(digest, (fit, torch_version, spec))
            digest.update(code(frozenset(modules)))
        except _NoFile:
            found.append(None)
        else:
            found.append(digest.hexdigest())
    return found


class _NoFile(Exception):
    """Code that stands in no file, or in none that can be read."""


def _feed(digest: Any, value: Any) -> set[str]:
    """Feed a value's type and content to a digest, so that unequal values feed unequal bytes.

    Returns the modules of the classes and functions in it.
    """
    parts: list[Any] = []
    body, modules = b"", set()
    if isinstance(value, (type, types.FunctionType)):
        head, body = "name", f"{value.__module__}.{value.__qualname__}".encode()
        if "<" in value.__qualname__ or _find(value.__module__) is None:
            raise _NoFile
        modules = {value.__module__}
    elif is_dataclass(value):
        parts = [
            type(value),
            *((field.name, getattr(value, field.name)) for field in fields(value)),
        ]
        head = "dataclass"
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        head, body = f"array {value.dtype} {value.shape}", value.tobytes()
    elif isinstance(value, Mapping):
        parts, head = sorted(value.items()), "mapping"
    elif isinstance(value, (tuple, list)):
        parts, head = list(value), "sequence"
    elif value is None or isinstance(value, (bool, int, float, str, bytes, np.generic)):
        head, body = type(value).__name__, repr(value).encode()
    else:
        raise ValueError(
            "a spec may hold numbers, text, arrays, classes, functions and containers of these, "
            f"not {value!r}."
        )
    digest.update(f"{head}|{len(parts)}|{len(body)}|".encode() + body)
    return modules.union(*[_feed(digest, part) for part in parts])


def _code(modules: frozenset[str]) -> bytes:
    """Digest of the code of modules and of what they import."""
    code: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        for package, path in _files(waiting.pop()):
            name = f"{package}/{path.name}"
            if name in code:
                continue
            try:
                tree = ast.parse(path.read_bytes())
                waiting += _imports(tree, package)
            except (OSError, SyntaxError, ValueError, ImportError) as error:
                raise _NoFile from error
            code[name] = _essence(tree)
    return hashlib.sha256(repr(sorted(code.items())).encode()).digest()


def _files(name: str) -> Iterator[tuple[str, Path]]:
    """(package, file) of each file that makes a module, or the module that something is taken from.

    Nothing for what is installed. Files are looked for by name: to import would be to run code.
    """
    top, *below = name.split(".")
    spec = _find(top)
    if spec is None or _installed(spec):
        return
    if not spec.submodule_search_locations and spec.origin:
        yield "", Path(spec.origin)
    for root in spec.submodule_search_locations or []:
        place = Path(root, *below)
        if not place.is_dir() and not place.with_suffix(".py").is_file():
            place = place.parent
        files: Iterator[Path] = iter(())
        if place.is_dir():  # by a package's own name all that is in it can be reached
            files = place.rglob("*.py")
        elif ".".join([top, *place.relative_to(root).parts]) not in UNCOUNTED:
            files = place.parent.glob("*.py")
        for path in files:
            yield ".".join([top, *path.parent.relative_to(root).parts]), path


def _installed(top: ModuleSpec) -> bool:
    """Whether a top-level module is of a library; this package's own code always counts."""
    places = [top.origin or "", *(top.submodule_search_locations or [])]
    folders = {part for place in places for part in Path(place).parts}
    ours = top.name == __name__.partition(".")[0]
    return top.name in sys.stdlib_module_names or not (ours or folders.isdisjoint(LIBRARIES))


def _find(module: str) -> ModuleSpec | None:
    """Where a module comes from; None for a notebook's or a script's own, and what is no module."""
    try:
        return None if module == "__main__" else util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Names of the modules that code imports, anywhere in it, or of what it takes from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _essence(tree: ast.Module) -> str:
    """The code without comments, layout and docstrings, which compute nothing."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Pass()
    return ast.dump(tree)
