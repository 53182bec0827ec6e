"""A reader's own records: any WFDB record, or a folder of them."""

import os
import re
import warnings
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
import wfdb
from scipy.signal import resample_poly
from wfdb.processing import xqrs_detect

from ecglib.data.records import FS, Records, as_waves, largest_near, moved, waves_from_symbols

LONGEST_S = 10.0  # as LUDB's records
SHORTEST_S = 4.0  # one window of the paper's section II-A
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3, "nv": 1e-6}
NAMED = 10  # records that a warning names before it only counts


class Unfit(ValueError):
    """What keeps a record from being used, to be said after its name."""


def load_wfdb(path: str | os.PathLike, lead: str = "v6") -> Records:
    """Records of one lead from a WFDB record, or from every record of a folder and its subfolders.

    Signals are in mV at 500 Hz, and all of one length: their first 10 s, or as much as the
    shortest has. Waves come from a file named after the lead (as LUDB's), else `atr`, else `qrs`;
    without one, R peaks alone are detected. Rhythms and findings are unknown. Headers are
    believed, so that LUDB's own folder is for load_ludb alone.

    path: a folder, or a record's name with or without an extension.
    lead: a signal's name in the header, in either case.

    A record with no such lead, NaN, less than 4 s, no change or no R peak in its first 10 s, an
    unknown unit, or a header that names files outside its folder raises ValueError; a folder goes
    on without it and says so in one warning, unless none is left. Raises FileNotFoundError where
    there is no record at all.
    """
    path, lead = Path(path).expanduser(), str(lead).lower()
    names, folder = _names(path)
    read: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    unfit: dict[str, str] = {}
    for name in names:
        try:
            read[name] = _read(folder / name, lead)
        except Unfit as error:
            unfit[name] = str(error)
        except Exception as error:  # wfdb raises whatever a broken file makes it stumble over
            unfit[name] = f"cannot be read ({type(error).__name__}: {error})"
    if not read:
        name, reason = next(iter(unfit.items()))
        where = f"{path}: of {len(unfit)} records none can be used, " if path.is_dir() else ""
        raise ValueError(f"{where}record {name} {reason}.")
    length = min(len(signal) for signal, _ in read.values())
    _warn(path, unfit, len(names), length)
    return Records(
        signals=np.array([signal[:length] for signal, _ in read.values()], np.float32),
        fs=FS,
        ids=tuple(read),
        lead=lead,
        source=path.resolve().name if path.is_dir() else names[0],
        waves=tuple(_within(waves, length) for _, waves in read.values()),
        rhythms=("",) * len(read),
        diagnoses=((),) * len(read),
    )


def _names(path: Path) -> tuple[list[str], Path]:
    """Names of the records, and the folder that they are relative to."""
    if path.is_dir():
        records = [header.with_suffix("") for header in path.rglob("*.hea") if header.is_file()]
        segments = {record.parent / name for record in records for name in _segments(record)}
        names = [r.relative_to(path).as_posix() for r in records if r not in segments]
        if not names:
            raise FileNotFoundError(f"{path} holds no WFDB record: give a folder with .hea files.")
        return sorted(names, key=lambda name: re.sub(r"\d+", lambda n: n[0].zfill(9), name)), path
    for name in (path.name, path.stem):
        if (path.parent / f"{name}.hea").is_file():
            return [name], path.parent
    raise FileNotFoundError(
        f'there is no data set "{path}": give "ludb", "synthetic", or the path of a WFDB record '
        "or of a folder of them."
    )


def _lines(path: Path) -> list[list[str]]:
    """The words of each line of a record's header."""
    text = Path(f"{path}.hea").read_text(errors="replace")
    return [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]


def _segments(path: Path) -> list[str]:
    """Names of the segments that a record is made of; none where it is in one piece."""
    lines = _lines(path)
    if not lines or "/" not in lines[0][0]:
        return []
    return [line[0] for line in lines[1:] if line[0] != "~"]  # "~" is a gap


def _refuse_outside(path: Path) -> None:
    """Raise Unfit where a record's header, or a segment's, names a file outside its folder."""
    for header in (path, *[path.parent / name for name in _segments(path)]):
        for name in [line[0] for line in _lines(header)[1:]]:
            named = PurePosixPath(name.replace("\\", "/"))
            if named.is_absolute() or ".." in named.parts or ":" in name:
                raise Unfit(f'is refused: its header names "{name}", a file outside its folder')


def _read(path: Path, lead: str) -> tuple[np.ndarray, np.ndarray]:
    """One record's signal, (samples,) mV at 500 Hz, and its waves."""
    _refuse_outside(path)
    header = wfdb.rdheader(str(path), rd_segments=True)
    names = [str(name) for name in header.sig_name or ()]
    found = [name for name in names if name.lower() == lead]
    if not found:
        raise Unfit(f'has no lead "{lead}": its leads are {", ".join(names) or "none"}')
    stop = min(header.sig_len, int(np.ceil(LONGEST_S * header.fs)))
    record = wfdb.rdrecord(str(path), sampto=stop, channel_names=found[:1])
    signal, unit = record.p_signal[:, 0], str(record.units[0])
    if unit.lower() not in MILLIVOLTS:
        raise Unfit(f'has its lead {found[0]} in "{unit}", not in volts')
    seconds = len(signal) / header.fs
    if seconds < SHORTEST_S:
        raise Unfit(f"is too short: {seconds:.3g} s, where {SHORTEST_S:g} s are needed")
    if not np.isfinite(signal).all():
        raise Unfit(f"has {np.sum(~np.isfinite(signal))} samples without a value (NaN)")
    if np.ptp(signal) == 0:
        raise Unfit("is flat")
    ratio = Fraction(FS / header.fs).limit_denominator(1000)
    signal = resample_poly(signal, ratio.numerator, ratio.denominator, padtype="line")
    signal = signal[: round(LONGEST_S * FS)] * MILLIVOLTS[unit.lower()]
    waves = _annotated(path, found[0], header.fs)
    waves = _detected(signal) if waves is None else _within(waves, len(signal))
    if not (waves["kind"] == "qrs").any():
        raise Unfit("has no R peak")
    return signal, waves


def _annotated(path: Path, lead: str, fs: float) -> np.ndarray | None:
    """Waves of the first annotation file there is, in samples at 500 Hz; None without one."""
    endings = (lead, lead.lower(), "atr", "qrs")
    there = [end for end in endings if path.with_name(f"{path.name}.{end}").is_file()]
    if not there:
        return None
    try:
        annotation = wfdb.rdann(str(path), there[0])
    except Exception as error:  # as in load_wfdb
        raise Unfit(f"has an annotation that cannot be read ({error})") from error
    waves = waves_from_symbols(annotation.sample, annotation.symbol)
    return moved(waves, lambda sample: np.round(sample * FS / (annotation.fs or fs)))


def _detected(signal: np.ndarray) -> np.ndarray:
    """R peaks by wfdb's detector, each moved to the largest deflection within 60 ms."""
    beats = xqrs_detect(signal, FS, verbose=False)
    peaks = np.unique(largest_near(signal, beats, round(0.06 * FS)))
    return as_waves([("qrs", -1, peak, -1) for peak in peaks])


def _within(waves: np.ndarray, length: int) -> np.ndarray:
    """The waves that peak before `length` (samples); an offset beyond it counts as unknown."""
    kept = waves[waves["peak"] < length].copy()
    kept["offset"][kept["offset"] >= length] = -1
    return kept


def _warn(path: Path, unfit: dict[str, str], n: int, length: int) -> None:
    said = []
    if unfit:
        some = "; ".join(f"{name} {reason}" for name, reason in list(unfit.items())[:NAMED])
        more = f"; and {len(unfit) - NAMED} more" if len(unfit) > NAMED else ""
        said.append(f"{len(unfit)} of {n} records are left out: {some}{more}")
    if length < LONGEST_S * FS and n > 1:
        said.append(f"all are cut to the shortest's {length / FS:g} s")
    if said:
        warnings.warn(f"{path}: {'. '.join(said)}.", stacklevel=3)
