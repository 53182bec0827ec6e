"""Results of fits on disk, filed by the configuration and the code that made them.

By hand, since no library for caching files a result by the code of a whole folder.

A result's key covers the fit's name, all that its spec holds, torch's version, and the code of the
folders in which the fit and the classes and functions of the spec stand. Comments and docstrings do
not count, and of an installed library only the name.
"""

import ast
import hashlib
import io
import os
import stat
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ecglib.files import reason, scratch_name, sweep
from ecglib.locks import Locks
from ecglib.places import whole_path

DIGEST_BYTES = hashlib.sha256().digest_size
TRIES = 200  # to write where another process may be deleting the folder


class FitCache:
    """One file a result, in `folder`/(first two hex digits of its key)/(key).npz.

    A file is an .npz and behind it the SHA-256 of the key and the .npz: nothing is read out of one
    that is not whole, or not the one of its key.

    folder: else the environment variable ECGLIB_CACHE, else the user's cache folder. It may be
        deleted at any time and shared by processes; OSError where it cannot be written.
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        name = "cache" if folder else "ECGLIB_CACHE"
        folder = folder or os.environ.get("ECGLIB_CACHE")
        if not folder:
            import pooch  # slow, and not needed where the folder is named

            folder = Path(pooch.os_cache("ecglib")) / "fits"
        self.folder = whole_path(folder, name)
        self.warned = False
        try:
            _persist(self._prepare)
        except OSError as error:
            raise OSError(
                f"cannot write fits to {self.folder} ({reason(error)}): "
                "set ECGLIB_CACHE to a folder that can be written."
            ) from error

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=self.folder).close()
        sweep(self.folder, "*/tmp*.part")

    def path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def locks(self) -> Locks:
        """Locks by which a process tells the others what it is at, on one file in the folder."""
        return Locks(self.folder / ".lock")

    def load(self, key: str, named: bool = False) -> dict[str, np.ndarray] | None:
        """The result kept under `key`; None where there is none or, warning, a broken one.

        named: whether it was said before that it is broken.
        """
        path = self.path(key)
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
                raise ValueError("it is no file")
            content = path.read_bytes()
            packed, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
            if digest != _digest(key, packed):
                raise ValueError("its content is not what was kept under this name")
            with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, MemoryError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error) or "out of memory"
            if not named:
                warnings.warn(
                    f"the kept fit {path} is broken ({why}) and is fitted again.", stacklevel=3
                )
            return None

    def save(self, results: Mapping[str, dict[str, Any]]) -> None:
        """Keep results by key, each file whole or not there at all.

        All are written before the first takes its name, so that an ensemble is kept together.

        Where they cannot be kept, the first time gives a warning.
        """
        try:
            _persist(lambda: self._write(results))
        except OSError as error:
            if not self.warned:
                warnings.warn(
                    f"a fit cannot be kept in {self.folder} ({reason(error)}): the run goes on, "
                    "and the next one has to fit again what is not kept.",
                    stacklevel=3,
                )
            self.warned = True

    def _write(self, results: Mapping[str, dict[str, Any]]) -> None:
        written: dict[Path, Path] = {}
        try:
            for key, result in results.items():
                packed = io.BytesIO()
                np.savez(packed, **result)
                path = self.path(key)
                path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(
                    dir=path.parent, prefix=scratch_name("tmp"), suffix=".part"
                )
                written[Path(name)] = path
                with open(handle, "wb") as file:
                    file.write(packed.getvalue() + _digest(key, packed.getvalue()))
            for part, path in written.items():
                os.replace(part, path)
        finally:
            for part in written:
                part.unlink(missing_ok=True)


def _persist(step: Callable[[], None]) -> None:
    """Take a step, and again where the folder vanished in the middle; OSError if it fails."""
    for _ in range(TRIES - 1):
        try:
            return step()
        except (FileNotFoundError, FileExistsError):  # so mkdir says both
            time.sleep(0.001)
    step()


def _digest(key: str, packed: bytes) -> bytes:
    return hashlib.sha256(key.encode() + packed).digest()


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
            for module in sorted(_feed(digest, (fit, torch_version, spec))):
                digest.update(code(module).encode())
            found.append(digest.hexdigest())
        except _NoFile:
            found.append(None)
    return found


class _NoFile(Exception):
    """Code that stands in no file."""


def _feed(digest: Any, value: Any) -> set[str]:
    """Feed a value's type and content to a digest, so that unequal values feed unequal bytes.

    Returns the modules of the classes and functions in it.
    """
    parts: list[Any] = []
    body, modules = b"", set()
    if isinstance(value, (type, types.FunctionType)):
        head, body = "name", f"{value.__module__}.{value.__qualname__}".encode()
        if "<" in value.__qualname__:  # defined inside a function
            raise _NoFile
        bases = value.__mro__ if isinstance(value, type) else ()
        modules = {value.__module__, *(base.__module__ for base in bases)}
    elif is_dataclass(value):
        named = [(field.name, getattr(value, field.name)) for field in fields(value)]
        parts, head = [type(value), *named], "dataclass"
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


def code_digest(fit: Callable, spec: Any) -> str:
    """Digest of the code that a fit of this spec is filed by; empty where it stands in no file."""
    try:
        modules = sorted(_feed(hashlib.sha256(), (fit, spec)))
        return hashlib.sha256("".join(map(_code, modules)).encode()).hexdigest()
    except _NoFile:
        return ""


def _code(module: str) -> str:
    """The code of the folder that a module stands in; empty for what is installed or built in."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return ""
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" or file is None:
        raise _NoFile
    folder = Path(file).parent
    if top != "ecglib" and {"site-packages", "dist-packages"} & set(folder.parts):
        return ""
    return repr(
        [(path.name, essence(path.read_text("utf-8"))) for path in sorted(folder.glob("*.py"))]
    )


def essence(source: str) -> str:
    """Code without comments, layout and docstrings, the same in every version of Python."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Pass()
    return repr(_as_lists(tree))


def _as_lists(node: Any) -> Any:
    """A syntax tree as lists; fields that are empty, which versions of Python add, are left out."""
    if isinstance(node, list):
        return [_as_lists(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    filled = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return [type(node).__name__, *((name, _as_lists(value)) for name, value in filled)]
