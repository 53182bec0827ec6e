"""LUDB, the Lobachevsky University Database: 200 ten-second records with waves marked by hand.

Kalyakulina et al., IEEE Access 8:186181 (2020), doi 10.1109/ACCESS.2020.3029211; published on
PhysioNet, doi 10.13026/eegm-h675, under ODC-By 1.0.
"""

import csv
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pooch
import wfdb

from ecglib.data.archive import in_brief, retrieve, unpack
from ecglib.data.records import FS, LEADS, Records, waves_from_symbols
from ecglib.files import reason, scratch_name, sweep
from ecglib.places import whole_path

RELEASE = "LUDB 1.0.1"
URL = (
    "https://physionet.org/static/published-projects/ludb/"
    "lobachevsky-university-electrocardiography-database-1.0.1.zip"
)
SUMS = "SHA256SUMS.txt"  # the release's list of its files and their hashes
SUMS_SHA256 = "cccef1f3529519db8f26a333c97a6872a7d0e3e5c64a1448b76b161fd87fb75f"
VARIABLE = "ECGLIB_LUDB"  # the environment variable that may name LUDB's folder
MOST_BYTES, MOST_FILES = 2**25, 4000  # more than LUDB has: 24.8 MB in 2,806 files
NORMAL_AXIS = "Electric axis of the heart: normal"


def load_ludb(root: str | os.PathLike | None = None, lead: str = "v6") -> Records:
    """LUDB's records of one lead with the waves, rhythms and findings its cardiologists gave.

    The headers' gain makes every lead span one "mV", whatever its size; the numbers in the files
    are microvolts (Einthoven's law holds in them exactly), and are read as such.

    root: LUDB's folder; else the environment variable ECGLIB_LUDB, else the user's cache, else
        it is downloaded there from PhysioNet. Every file used is checked.
    lead: one of LEADS, in either case.

    Returns signals (200, 5000) in mV at 500 Hz. Raises ValueError for an unknown lead or a
    corrupted file, FileNotFoundError for a missing one or where LUDB cannot be downloaded.
    """
    lead = str(lead).lower()
    if lead not in LEADS:
        raise ValueError(f"LUDB has no lead {lead!r}: its leads are {', '.join(LEADS)}.")
    folder = _locate(root)
    _verify(folder, ["RECORDS", "ludb.csv"])
    names = (folder / "RECORDS").read_text().split()
    _verify(folder, [f"{name}.{end}" for name in names for end in ("hea", "dat", lead)])
    signals = [_microvolts(folder / f"{name}.dat")[:, LEADS.index(lead)] / 1000 for name in names]
    annotations = [wfdb.rdann(str(folder / name), lead) for name in names]
    ids = tuple(Path(name).name for name in names)
    findings = _findings(folder / "ludb.csv")
    return Records(
        signals=np.array(signals, np.float32),
        fs=FS,
        ids=ids,
        lead=lead,
        source=RELEASE,
        waves=tuple(waves_from_symbols(a.sample, a.symbol) for a in annotations),
        rhythms=tuple(findings[i][0] for i in ids),
        diagnoses=tuple(findings[i][1:] for i in ids),
    )


def read_digital(record_id: str, root: str | os.PathLike | None = None) -> np.ndarray:
    """All leads of one record as they are in its file, (5000, 12) integer microvolts.

    Columns are in the order of LEADS. Raises as load_ludb does.
    """
    folder = _locate(root)
    name = f"data/{record_id}.dat"
    _verify(folder, [name])
    return _microvolts(folder / name)


def fetch(root: str | os.PathLike | None = None) -> Path:
    """LUDB's folder (`root`, else as load_ludb has it), downloaded if need be and wholly checked.

    Raises as load_ludb does, and FileExistsError where `root` holds something else.
    """
    if root is not None and not os.path.isfile(whole_path(root, "root") / SUMS):
        return _download(whole_path(root, "root"))
    folder = _locate(root)
    _verify(folder)
    return folder


def _locate(root: str | os.PathLike | None) -> Path:
    """LUDB's folder, found or downloaded as load_ludb says; FileNotFoundError where neither is."""
    given = root or os.environ.get(VARIABLE)
    name = "root" if root else VARIABLE
    folder = whole_path(given, name) if given else Path(pooch.os_cache("ecglib")) / "ludb"
    if os.path.isfile(folder / SUMS):
        return folder
    if given:
        what = f"{folder}, and there is no LUDB ({SUMS} is missing)"
        if os.path.isfile(folder):
            what, folder = f"the file {folder}, and no folder", folder.parent / "ludb"
        raise FileNotFoundError(
            f"{name} is {what}: give the folder that holds it, or download it there with "
            f"`python -m ecglib fetch --root {folder}`."
        )
    return _download(folder)


def _verify(folder: Path, names: Iterable[str] | None = None, remedy: str = "") -> None:
    """Check files (names relative to `folder`; None: all) against the list, and it by its hash.

    Raises ValueError for a corrupted or unlisted file, FileNotFoundError for a missing one.
    """
    remedy = remedy or f"delete {folder} and run `python -m ecglib fetch --root {folder}`"
    if _hash(folder / SUMS, remedy) != SUMS_SHA256:
        raise ValueError(f"{folder / SUMS} is not the list of {RELEASE}: {remedy}.")
    lines = (folder / SUMS).read_text().splitlines()
    sums = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    for name in sums if names is None else names:
        path = folder / name
        if name not in sums:
            raise ValueError(f"{RELEASE} has no file {name}: give a record that it has.")
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{path} is missing: {remedy}.")
        if _hash(path, remedy) != sums[name]:
            raise ValueError(f"{path} is corrupted (its SHA-256 is not that in {SUMS}): {remedy}.")


def _hash(path: Path, remedy: str) -> str:
    try:
        return pooch.file_hash(path)
    except OSError as error:
        raise OSError(f"{path} cannot be read ({reason(error)}): {remedy}.") from error


def _download(folder: Path) -> Path:
    """Download LUDB's zip and unpack it to `folder`, which appears when every file is checked.

    Raises as fetch does, ValueError for a zip that is broken or not this release's, and OSError
    where it cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(
                f"{folder} holds something that is not LUDB: give a folder that is empty or not "
                "there."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent, ".ludb-*")
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=scratch_name(".ludb"), ignore_cleanup_errors=True
        ) as scratch:
            unpacked = _unpack(_retrieve(Path(scratch)), Path(scratch) / "files")
            _verify(unpacked, remedy=f"this is what {URL} sent, so try again later")
            try:
                os.replace(unpacked, folder)
            except OSError:
                if not (folder / SUMS).is_file():  # else another process was here first
                    raise
    except OSError as error:
        if error.errno is None:  # a sentence of ours
            raise
        raise OSError(
            f"{RELEASE} cannot be written to {folder} ({reason(error)}): make room there, or name "
            "another folder with `python -m ecglib fetch --root FOLDER`."
        ) from error
    return folder


def _retrieve(folder: Path) -> Path:
    """Path of LUDB's zip, downloaded into `folder`."""
    try:
        return retrieve(URL, folder / "ludb.zip", MOST_BYTES)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        if isinstance(error, OSError) and error.errno is not None:  # the disk's
            raise
        raise FileNotFoundError(
            f"{RELEASE} is not on this machine and cannot be downloaded from {URL} "
            f"({in_brief(error)}): set {VARIABLE} to a folder that holds it, or use "
            'dataset="synthetic", which needs no download.'
        ) from error


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack LUDB's zip; the folder in it that holds the list of files."""
    try:
        unpack(archive, folder, MOST_BYTES, MOST_FILES)
    except ValueError as error:
        raise ValueError(
            f"what {URL} sent is not a whole zip of {RELEASE} ({error}): nothing of it was kept; "
            f"try again later, or set {VARIABLE} to a folder that holds LUDB."
        ) from error
    lists = sorted(folder.rglob(SUMS), key=lambda path: len(path.parts))
    if not lists:
        raise ValueError(
            f"the zip that {URL} sent holds no {SUMS}: set {VARIABLE} to a folder that holds LUDB."
        )
    return lists[0].parent


def _microvolts(path: Path) -> np.ndarray:
    """A record's .dat file, (samples, 12) integer microvolts.

    All are 16 bits with the leads side by side, and the header would add only its gains: without
    it LUDB is read in half the time. Wide integers, so that sums of leads do not overflow.
    """
    return np.fromfile(path, "<i2").reshape(-1, len(LEADS)).astype(np.int64)


def _findings(path: Path) -> dict[str, tuple[str, ...]]:
    """Rhythm and then all other findings by record id; a cell holds one finding a line."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    found = {}
    for record_id, _sex, _age, *cells in rows:
        findings = [line.strip() for cell in cells for line in cell.strip().splitlines()]
        found[record_id.strip()] = tuple(f for f in findings if f != NORMAL_AXIS)
    return found
