"""A reader's own records: any WFDB record, or a folder of them."""

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from ecglib.data.detection import detect_r_peaks
from ecglib.data.records import FS, Records, as_waves
from ecglib.data.wfdb_annotation import read_waves
from ecglib.data.wfdb_header import Unfit, printable, quoted, read_header
from ecglib.data.wfdb_names import NAMED, in_versions, record_names, told
from ecglib.data.wfdb_signal import LONGEST_S, frames_there, read_signal

ALIKE = 0.8  # correlation from which records of one name are one: of LUDB's no two have 0.4


@dataclass(frozen=True)
class _Read:
    """A record as it was read: (samples,) mV at 500 Hz, its waves, and the rate of its file, Hz."""

    signal: np.ndarray
    waves: np.ndarray
    rate: float
    annotated: bool


@dataclass(frozen=True)
class _Found:
    """What was read so far, by name: records, what is doubtful of them, and why others are not."""

    read: dict[str, _Read] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    by_samples: dict[int, str] = field(default_factory=dict)

    def length(self) -> int:
        """Samples to which all are cut: those by which most is kept, records times samples."""
        lengths = [len(record.signal) for record in self.read.values()]
        return max(set(lengths), key=lambda n: (n * sum(m >= n for m in lengths), -n), default=0)

    def fit(self) -> list[str]:
        """Names of the records that are long enough."""
        length = self.length()
        return [name for name, record in self.read.items() if len(record.signal) >= length]


def load_wfdb(path: str | os.PathLike, lead: str = "v6", n_records: int | None = None) -> Records:
    """Records of one lead from a WFDB record, or from every record of a folder and its subfolders.

    Signals are in mV at 500 Hz, and all of one length: their first 10 s, or as much as keeps most
    (records times samples). Waves come from a file named after the lead (as LUDB's), else `atr`,
    else `qrs`; where there is none, R peaks alone are detected. Rhythms and findings are unknown.
    Headers are believed, so that LUDB's own folder is for load_ludb alone.

    path: a folder, or a record's name with or without an extension.
    lead: a signal's name in the header, in either case.
    n_records: read no further when so many are found, in the order of the numbers in their names.

    A record with no such lead, less than 4 s, samples without a value, an amplitude or a unit that
    is no ECG's, no R peak in its first 10 s, or a header that is broken, claims more than its files
    hold or names files outside its folder raises ValueError; a folder goes on without it, unless
    none is left. Of one record at two sampling rates the higher is taken. What was left out, cut
    or doubted is said in the records' notes and in one warning. Raises FileNotFoundError where
    there is no record at all.
    """
    folder, names, unfit = record_names(path)
    lead = str(lead).lower()
    found = _Found(unfit=unfit)
    for versions in in_versions(folder, names):
        for name in versions:
            _add(found, folder, name, lead)
        _drop_versions(found, [name for name in versions if name in found.read])
        if n_records is not None and len(found.fit()) >= n_records:
            break
    is_folder = Path(path).expanduser().is_dir()
    if not found.read:
        where = f"{path}: of {len(found.unfit)} records none can be used, " if is_folder else ""
        raise ValueError(f"{where}{told(found.unfit, 'record ')}.")
    source = printable(folder.resolve().name if is_folder else names[0])
    length, chosen = found.length(), found.fit()[:n_records]
    read = [found.read[name] for name in chosen]
    said, done = _doubtful(found, length), _done(read, quoted(lead))
    if said:
        warnings.warn(f"{source}: {' '.join(said)}", stacklevel=2)
    return Records(
        signals=np.array([record.signal[:length] for record in read], np.float32),
        fs=FS,
        ids=tuple(printable(name) for name in chosen),
        lead=lead,
        source=source,
        waves=tuple(_within(record.waves, length) for record in read),
        rhythms=("",) * len(read),
        diagnoses=((),) * len(read),
        notes=(*said, *done),
    )


def _add(found: _Found, folder: Path, name: str, lead: str) -> None:
    """Read one record into `found`, or why it cannot be used."""
    try:
        header = read_header(folder / name)
        described = header.find(lead)
        signal, doubts = read_signal(header, lead)
        waves, more = read_waves(header, described.name, frames_there(header, described))
        peaks = _detected(signal) if waves is None else _within(waves, len(signal))
        if not (peaks["kind"] == "qrs").any():
            raise Unfit(f"has no R peak in its first {LONGEST_S:g} s")
    except Unfit as error:
        found.unfit[name] = str(error)
        return
    other = found.by_samples.setdefault(hash(signal.tobytes()), name)
    if other != name:
        more.append(f"it has the very samples of {other}")
    if doubts := list(dict.fromkeys([*doubts, *more])):
        found.doubts[f"{name}:"] = " and ".join(doubts)
    found.read[name] = _Read(signal, peaks, header.fs * described.per_frame, waves is not None)


def _drop_versions(found: _Found, versions: list[str]) -> None:
    """Leave out what is a record of this list again, at a lower sampling rate."""
    for place, name in enumerate(versions):
        for better in versions[:place]:
            record, other = found.read[name], found.read.get(better)
            if other and record.rate < other.rate and _alike(record.signal, other.signal):
                found.unfit[name] = f"is {better} again, at {record.rate:g} Hz"
                del found.read[name]
                found.doubts.pop(f"{name}:", None)
                break


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two signals, (samples,) at 500 Hz, are one; at 50 Hz, which any rate has.

    Their differences are compared, since two that drift are alike in that alone.
    """
    n = min(len(one), len(other))
    slopes = [np.diff(resample_poly(signal[:n], 1, 10, padtype="line")) for signal in (one, other)]
    return bool(np.corrcoef(*slopes)[0, 1] > ALIKE)


def _detected(signal: np.ndarray) -> np.ndarray:
    """R peaks alone, as detected."""
    return as_waves([("qrs", -1, peak, -1) for peak in detect_r_peaks(signal, FS)])


def _within(waves: np.ndarray, length: int) -> np.ndarray:
    """The waves that peak before `length` (samples); an offset beyond it counts as unknown."""
    kept = waves[waves["peak"] < length].copy()
    kept["offset"][kept["offset"] >= length] = -1
    return kept


def _doubtful(found: _Found, length: int) -> list[str]:
    """Sentences on what was left out, cut or doubted."""
    lengths = {name: len(record.signal) for name, record in found.read.items()}
    short = {
        name: f"is short: {n / FS:g} s, where {length / FS:g} s of the others keep more"
        for name, n in lengths.items()
        if n < length
    }
    said = []
    if out := {**found.unfit, **short}:
        n = len(found.read) + len(found.unfit)
        said.append(f"{len(out)} of {n} records are left out: {told(out)}.")
    if any(n > length for n in lengths.values()):
        said.append(f"Of unlike lengths, all are cut to the shortest's {length / FS:g} s.")
    if found.doubts:
        said.append(f"Not all is well with {len(found.doubts)} records: {told(found.doubts)}.")
    return said


def _done(read: list[_Read], lead: str) -> list[str]:
    """Sentences on what was done to records that nothing is wrong with."""
    said = []
    if rates := sorted({record.rate for record in read if record.rate != FS}):
        n = sum(record.rate != FS for record in read)
        some = ", ".join(f"{rate:g}" for rate in rates[:NAMED])
        said.append(f"{n} of {len(read)} records are resampled to {FS} Hz, from {some} Hz.")
    if n := sum(not record.annotated for record in read):
        said.append(
            f"{n} of {len(read)} records have no annotation ({lead}, atr or qrs): "
            "their R peaks are detected."
        )
    return said
