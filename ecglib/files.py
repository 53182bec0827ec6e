"""Files that are written whole or not at all, and what is left of them."""

import errno
import glob
import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil


def write_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and move it there; readable by everybody, UTF-8."""
    sweep(path.parent, f".{glob.escape(path.name)}-*.part")
    prefix = scratch_name(f".{path.name}")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    part = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        part.chmod(0o644)
        os.replace(part, path)
    except OSError as error:  # that of a write does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def scratch_name(start: str) -> str:
    """How the name of a scratch file or folder begins that `sweep` shall know as this process's."""
    return f"{start}-{os.getpid()}-"


def sweep(folder: Path, pattern: str) -> None:
    """Delete the scratch files and folders in `folder` whose process did not live to do so."""
    for path in folder.glob(pattern):
        if _at_work(path):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _at_work(path: Path) -> bool:
    """Whether the process that its name tells may still write it.

    A process that began after the last change was only given the same number; a minute's grace,
    since the clocks of files and processes differ.
    """
    pid = re.search(r"-(\d+)-", path.name)
    try:
        began = psutil.Process(int(pid[1])).create_time() if pid else float("inf")
        return began <= path.stat().st_mtime + 60
    except (psutil.NoSuchProcess, FileNotFoundError, OverflowError):
        return False


def reason(error: OSError) -> str:
    """Why a file could not be written or read, in words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "the disk is full" if full else error.strerror or type(error).__name__
