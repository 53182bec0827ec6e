"""What a reader calls a place: the path of a file or folder, and a data set by word or path."""

import os
from collections.abc import Mapping
from pathlib import Path

WORDS = {"synthetic": "synthetic records", "ludb": "LUDB"}  # data sets that go by a word
FOLDERS = ("ECGLIB_LUDB", "ECGLIB_CACHE")  # environment variables that name a folder


def whole_path(given: str | os.PathLike, name: str) -> Path:
    """The path that a reader gave, from the root on; links on the way to it are followed.

    name: what it was given as, for the sentence.

    Raises ValueError for what can be no path here: empty, of no user's home, with NUL or bytes
    that are not UTF-8 in it (notebooks and pages could not name it).
    """
    text = os.fspath(given)
    try:
        text.encode()
        if text.strip() and "\0" not in text:
            return Path(text).expanduser().resolve()
        reason = "that is no path"
    except UnicodeEncodeError:
        reason = "that is not UTF-8"
    except RuntimeError:  # of `expanduser`, or of `resolve`
        reason = "there is no such user" if text.startswith("~") else "its links go in a circle"
    raise ValueError(f"{name} is {text!r}, but {reason}: give the path of a file or folder.")


def whole_folders(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that name a folder, seen from here, for who is elsewhere.

    Raises ValueError as `whole_path` does.
    """
    given = {name: environment[name] for name in FOLDERS if environment.get(name)}
    return {name: str(whole_path(folder, name)) for name, folder in given.items()}


def label(dataset: str) -> str:
    """What a data set is called in pages and results: its word, or "records of" and its folder."""
    if dataset in WORDS:
        return dataset
    name = Path(dataset).name.encode(errors="replace").decode()  # as a page can hold it
    return f"records of {name}"
