"""The WFDB records of a folder by their names: in order, with their leads, and in versions."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from ecglib.data.wfdb_header import Unfit, printable, read_header, segment_names

# What tells names of one record at several sampling rates apart: PTB-XL's 00001_lr and 00001_hr.
_RATE = r"(?:lr|hr|lo|hi|low|high|\d+ ?k?hz|\d+k|100|125|128|200|250|256|360|400|500|1000|2000)"
VERSION = re.compile(rf"^{_RATE}[-_]|[-_]{_RATE}(?=[-_]|$)", re.I)
NAMED = 10  # records that a sentence names before it only counts
VERSIONS = 4  # of one record; more of one name are a habit of naming ("p1/ecg", "p2/ecg")


def record_names(path: str | os.PathLike) -> tuple[Path, list[str], dict[str, str]]:
    """A folder, the names of the records in it, and what is no record for all its name, with why.

    path: the folder, or a record's name with or without an extension.

    Names are relative to the folder and in the order of their numbers. Subfolders are read too,
    linked ones as well, each once; a link to a folder that this one is in is not followed. Raises
    FileNotFoundError where there is no record.
    """
    given = Path(path)
    try:
        folder = given.expanduser()
    except RuntimeError as error:  # ~somebody
        raise FileNotFoundError(f'there is no data set "{path}": {error}') from error
    if str(path) and os.path.isdir(folder):
        names, unfit = _listed(folder)
        if not names and not unfit:
            raise FileNotFoundError(f"{path} holds no WFDB record: give a folder with .hea files.")
        return folder, names, unfit
    for name in (folder.name, folder.stem):
        if str(path) and os.path.isfile(folder.parent / f"{name}.hea"):
            return folder.parent, [name], {}
    raise FileNotFoundError(
        f'there is no data set "{path}": give "ludb", "synthetic", or the path of a WFDB record '
        "or of a folder of them."
    )


def whole_records(folder: Path, names: list[str]) -> Iterator[str]:
    """The names of those that are no segments of others in their folder, or in one before."""
    siblings = defaultdict(list)
    for name in names:
        siblings[os.path.dirname(name)].append(name)
    opened: set[str] = set()
    segments: set[str] = set()
    for name in names:
        inside = os.path.dirname(name)
        if inside not in opened:  # headers are opened a folder at a time, when it is reached
            opened.add(inside)
            parts = {other: segment_names(folder / other) for other in siblings[inside]}
            listed = {os.path.join(inside, part) for found in parts.values() for part in found}
            segments |= {name for name in listed if not parts.get(name)}
        if name not in segments:
            yield name


def in_versions(folder: Path, names: list[str]) -> Iterator[list[str]]:
    """The names of whole records, in lists of those that may be one at several rates.

    In a list the highest rate comes first. Almost every list has one name.
    """
    alike = defaultdict(list)
    for name in names:
        alike[VERSION.sub("", os.path.basename(name))].append(name)
    done: set[str] = set()
    for name in whole_records(folder, names):
        if name in done:
            continue
        versions = alike[VERSION.sub("", os.path.basename(name))]
        if 1 < len(versions) <= VERSIONS:
            rates = {version: _rate(folder / version) for version in versions}
            if len(set(rates.values())) > 1:
                done.update(versions)
                yield sorted(versions, key=lambda version: -rates[version])
                continue
        yield [name]


def check_lead(path: str | os.PathLike, lead: str) -> None:
    """Raise ValueError where no header of a record or folder names the lead, with those it names.

    Raises FileNotFoundError where there is no record at all.
    """
    folder, names, unfit = record_names(path)
    leads: Counter[str] = Counter()
    n = 0
    for name in whole_records(folder, names):
        n += 1
        try:
            header = read_header(folder / name)
            leads.update(dict.fromkeys(header.leads, 1))
            header.find(str(lead))
        except Unfit as error:
            unfit[name] = str(error)
        else:
            return
    if not leads:
        raise ValueError(f"{path}: no record can be used, {told(unfit, 'record ')}.")
    there = ", ".join(f"{name} ({times})" for name, times in leads.most_common(2 * NAMED))
    raise ValueError(
        f'{path} has no lead "{lead}": its leads are {there} in {n} records; '
        f'give one of them, as in --lead "{leads.most_common(1)[0][0]}".'
    )


def told(reasons: dict[str, str], before: str = "") -> str:
    """The first names and their reasons, and how many more there are."""
    some = "; ".join(
        f"{before}{printable(name)} {reason}" for name, reason in list(reasons.items())[:NAMED]
    )
    return some + (f"; and {len(reasons) - NAMED} more" if len(reasons) > NAMED else "")


def _rate(path: Path) -> float:
    """The highest sampling rate of a record's signals, Hz; 0 where it cannot be read."""
    try:
        header = read_header(path)
    except Unfit:
        return 0.0
    return header.fs * max((signal.per_frame for signal in header.signals), default=0)


def _listed(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Names of records in a folder and its subfolders, and what looks like one and is none."""
    names: list[str] = []
    unfit: dict[str, str] = {}
    waiting, linked = [folder], list[Path]()
    seen: set[Path] = set()
    while waiting or linked:  # what is linked comes last, lest it is what its target is known by
        inside = waiting.pop() if waiting else linked.pop(0)
        real = inside.resolve()
        if real in seen or (inside != folder and folder.resolve().is_relative_to(real)):
            continue
        seen.add(real)
        try:
            entries = list(os.scandir(inside))
        except OSError as error:
            unfit[inside.relative_to(folder).as_posix()] = f"cannot be read ({error.strerror})"
            continue
        for entry in entries:
            if os.path.isdir(entry.path):
                (linked if entry.is_symlink() else waiting).append(Path(entry.path))
            if not re.fullmatch(r".+\.hea", entry.name, re.I | re.S):
                continue
            name = os.path.relpath(entry.path[:-4], folder).replace(os.sep, "/")
            if not entry.name.endswith(".hea"):
                unfit[f"{name}{entry.name[-4:]}"] = 'cannot be read: headers end in ".hea"'
            elif os.path.isfile(entry.path):  # no error for a link to itself
                names.append(name)
            else:
                unfit[name] = "cannot be read: its header is a folder, a pipe or a link to nothing"
    return sorted(names, key=_in_numbers), unfit


def _in_numbers(name: str) -> str:
    return re.sub(r"\d+", lambda number: number[0].zfill(9), name)
