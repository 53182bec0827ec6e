"""Paths that users give, and files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def user_path(text: str | os.PathLike) -> Path:
    """A path as a user gave it, absolute, with `~` and `~name` put in.

    Raises ValueError for what names no path: nothing, an unknown user, a NUL character.
    """
    given = os.fspath(text)
    if not given.strip():
        raise ValueError("an empty text is no path: give the name of a file or folder.")
    if "\0" in given:
        raise ValueError(f"{given!r} is no path: a path holds no NUL character.")
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(
            f"the home folder in the path {given} cannot be found: write the path without `~`."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and move it there; readable by everybody, UTF-8."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    part = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        part.chmod(0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
