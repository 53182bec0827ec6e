"""LUDB, the Lobachevsky University Database: 200 ten-second records with waves marked by hand.

Kalyakulina et al., IEEE Access 8:186181 (2020), doi 10.1109/ACCESS.2020.3029211; published on
PhysioNet, doi 10.13026/eegm-h675, under ODC-By 1.0.
"""

import csv
import os
from pathlib import Path

import numpy as np
import wfdb

from ecglib.ludb_files import LUDB_1_0_1, Release, fetch, locate, verify
from ecglib.records import Records, waves_from_symbols

__all__ = ["LEADS", "fetch", "load_ludb", "read_digital"]

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
AXIS = "Electric axis of the heart"


def load_ludb(
    root: str | os.PathLike | None = None, lead: str = "v6", *, release: Release = LUDB_1_0_1
) -> Records:
    """LUDB's records of one lead with the waves, rhythms and findings its cardiologists gave.

    The headers' gain makes every lead span one "mV", whatever its size; the numbers in the files
    are microvolts (Einthoven's law holds in them exactly), and are read as such.

    root: LUDB's folder; else the environment variable ECGLIB_LUDB, else the user's cache, else
        it is downloaded there from PhysioNet. Every file used is checked.
    lead: one of LEADS, in either case.
    release: what is downloaded, and the hash of its list of files.

    Returns signals (200, 5000) in mV at 500 Hz. Raises ValueError for an unknown lead or a
    corrupted file, FileNotFoundError for a missing one or where LUDB cannot be downloaded.
    """
    lead = _known_lead(lead)
    folder = locate(root, release)
    verify(folder, ["RECORDS", "ludb.csv"], release)
    names = (folder / "RECORDS").read_text().split()
    verify(folder, [f"{name}.{end}" for name in names for end in ("hea", "dat", lead)], release)
    findings = _findings(folder / "ludb.csv")
    ids = tuple(Path(name).name for name in names)
    signals, waves = [], []
    for name in names:
        path = str(folder / name)
        record = wfdb.rdrecord(path, physical=False, channel_names=[lead])
        signals.append(record.d_signal[:, 0] / 1000)
        annotation = wfdb.rdann(path, lead)
        waves.append(waves_from_symbols(annotation.sample, annotation.symbol))
    return Records(
        signals=np.array(signals, np.float32),
        fs=500.0,
        ids=ids,
        lead=lead,
        source=release.name,
        waves=tuple(waves),
        rhythms=tuple(findings[i]["rhythm"] for i in ids),
        diagnoses=tuple(findings[i]["diagnoses"] for i in ids),
        healthy=np.array([findings[i]["healthy"] for i in ids]),
    )


def read_digital(
    record_id: str, root: str | os.PathLike | None = None, *, release: Release = LUDB_1_0_1
) -> tuple[np.ndarray, np.ndarray]:
    """All leads of one record as they are in its file, and as its header would have them.

    Returns the file's integers, (5000, 12) in microvolts, and what the header's gains make of
    them, (5000, 12), said to be mV. Columns are in the order of LEADS. Raises as load_ludb does.
    """
    folder = locate(root, release)
    verify(folder, [f"data/{record_id}.{end}" for end in ("hea", "dat")], release)
    path = str(folder / "data" / str(record_id))
    digital = wfdb.rdrecord(path, physical=False, channel_names=list(LEADS))
    return digital.d_signal, wfdb.rdrecord(path, channel_names=list(LEADS)).p_signal


def _known_lead(lead: str) -> str:
    if str(lead).lower() not in LEADS:
        raise ValueError(f"LUDB has no lead {lead!r}: its leads are {', '.join(LEADS)}.")
    return str(lead).lower()


def _findings(path: Path) -> dict[str, dict]:
    """Rhythm, other findings and health by record id; cells hold one finding a line."""
    found = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cells = {name: cell.strip().splitlines() for name, cell in row.items()}
            (record_id,), (rhythm, *others) = cells["ID"], cells["Rhythms"]
            axis = cells[AXIS]
            columns = list(cells)[list(cells).index(AXIS) :]
            others += [f for name in columns for f in cells[name] if f != f"{AXIS}: normal"]
            found[record_id] = {
                "rhythm": rhythm,
                "diagnoses": tuple(finding.strip() for finding in others),
                "healthy": rhythm == "Sinus rhythm" and axis == [f"{AXIS}: normal"] and not others,
            }
    return found
