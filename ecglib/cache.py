"""Results of fits on disk, filed by the configuration and the code that made them."""

import ast
import hashlib
import os
import sys
import tempfile
import types
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pooch

# Modules that run fits and keep results but compute none of their numbers: a change in them
# leaves results valid.


class FitCache:
    """One .npz file a result, in `folder`/(first two hex digits of its key)/(key).npz.

    folder: else the environment variable ECGLIB_CACHE, else the user's cache folder. It may be
        deleted at any time, and several processes may share it.

    Raises OSError where the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        folder = folder or os.environ.get("ECGLIB_CACHE") or Path(pooch.os_cache("ecglib")) / "fits"
        self.folder = Path(folder).expanduser()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise OSError(
                f"cannot write fits to {self.folder} ({error.strerror}): "
                "set ECGLIB_CACHE to a folder that can be written."
            ) from error

    def prefix(self, fit: Callable) -> bytes:
        """Digest of what all results of `fit` depend on: its name, its code, torch's version."""
        import torch  # slow to import, and the builds that only compare code need not wait

        digest = hashlib.sha256()
        _feed(digest, (fit.__module__, fit.__qualname__, torch.__version__, _code(fit)))
        return digest.digest()

    def key(self, prefix: bytes, spec: Any) -> str:
        """Hex digest that files the result of one spec (a dataclass)."""
        digest = hashlib.sha256(prefix)
        _feed(digest, spec)
        return digest.hexdigest()

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


def describe(spec: Any) -> str:
    """The spec's class and its scalar fields, for messages."""
    scalars = [
        f"{field.name}={value!r}"
        for field in fields(spec)
        if isinstance(value := getattr(spec, field.name), (str, int, float))
    ]
    return f"{type(spec).__name__}({', '.join(scalars)})"


def _feed(digest: Any, value: Any) -> None:
    """Feed a value's type and content to a digest, so that unequal values feed unequal bytes."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
        head, body = type(value).__qualname__, b""
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        parts, head, body = [], f"array {value.dtype} {value.shape}", value.tobytes()
    elif isinstance(value, Mapping):
        parts, head, body = sorted(value.items()), "mapping", b""
    elif isinstance(value, (tuple, list)):
        parts, head, body = list(value), "sequence", b""
    elif value is None or isinstance(value, (bool, int, float, str, bytes, np.generic)):
        parts, head, body = [], type(value).__name__, repr(value).encode()
    elif isinstance(value, (type, types.FunctionType)):
        parts, head, body = [], "name", f"{value.__module__}.{value.__qualname__}".encode()
    else:
        raise ValueError(
            f"a spec may hold numbers, text, arrays and containers of these, not {value!r}."
        )
    digest.update(f"{head}|{len(parts)}|{len(body)}|".encode() + body)
    for part in parts:
        _feed(digest, part)


def _code(fit: Callable) -> list[tuple[str, str]]:
    """(file, code) of the module that holds the fit and of all its neighbours in its folder."""
    file = getattr(sys.modules.get(fit.__module__), "__file__", None)
    if file is None or "<" in fit.__qualname__:
        raise ValueError(
            f"the fit {fit.__qualname__} must be a function of a module, so that its code can be "
            "compared: move it from the notebook, or out of the function around it, into a file."
        )
    in_package = "." in fit.__module__
    files = sorted(Path(file).parent.glob("*.py")) if in_package else [Path(file)]
    return [(path.name, essence(path.read_text(encoding="utf-8"))) for path in files]


def essence(source: str) -> str:
    """Code without comments, layout and docstrings, which compute nothing: the same text in every
    version of Python."""
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
