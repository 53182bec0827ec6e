"""A reader's own records: any WFDB record, or a folder of them."""

import os
import re
import warnings
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
import wfdb
from scipy.signal import resample_poly
from wfdb.processing import xqrs_detect

from ecglib.data.records import FS, WAVE, Records, waves_from_symbols

LONGEST_S = 10.0  # as LUDB's records
SHORTEST_S = 4.0  # one window of the paper's section II-A
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3, "nv": 1e-6}
NAMED = 10  # records that a warning names before it only counts


def load_wfdb(path: str | os.PathLike, lead: str = "v6") -> Records:
    """Records of one lead from a WFDB record, or from every record of a folder and its subfolders.

    Signals are in mV at 500 Hz, and all of one length: their first 10 s, or as much as the
    shortest has. Waves come from the annotation that is there: a file named after the lead (as
    LUDB's), else `atr`, else `qrs`; where there is none, R peaks are found by wfdb's detector and
    nothing else is. Rhythms and findings are unknown, so that no record counts as healthy.
    Headers are believed, so that LUDB's own folder is for load_ludb alone.

    path: a folder, or a record's name with or without an extension.
    lead: a signal's name in the header, in either case.

    A record with no such lead, NaN, less than 4 s, no change or no R peak in its first 10 s, an
    unknown unit, or a header that names files outside its folder raises ValueError; a folder goes
    on without it and says so in one warning, unless none is left. Raises FileNotFoundError where
    there is no record at all.
    """
    path = Path(path).expanduser()
    names, at = _names(path)
    read: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    unfit: dict[str, str] = {}
    for name in names:
        try:
            read[name] = _read(at / name, lead)
        except ValueError as error:
            unfit[name] = str(error)
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
        lead=str(lead).lower(),
        source=path.resolve().name if path.is_dir() else names[0],
        waves=tuple(_within(waves, length) for _, waves in read.values()),
        rhythms=("",) * len(read),
        diagnoses=((),) * len(read),
        healthy=np.zeros(len(read), bool),
    )


def _names(path: Path) -> tuple[list[str], Path]:
    """Names of the records, and the folder that they are relative to."""
    if path.is_dir():
        found = (header for header in path.rglob("*.hea") if header.is_file())
        headers = [header.relative_to(path).with_suffix("") for header in found]
        segments = {
            (path / header.parent / segment)
            for header in headers
            for segment in _segments(path / header)
        }
        names = [header.as_posix() for header in headers if path / header not in segments]
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


def _parts(path: Path) -> tuple[list[str], bool]:
    """Names that a record's header gives, and whether they are segments or signals' files."""
    text = Path(f"{path}.hea").read_text(errors="replace")
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return [line[0] for line in lines[1:]], bool(lines) and "/" in lines[0][0]


def _segments(path: Path) -> list[str]:
    """Names of the segments that a record is made of; none where it is in one piece."""
    names, are_segments = _parts(path)
    return names if are_segments else []


def _read(path: Path, lead: str) -> tuple[np.ndarray, np.ndarray]:
    """One record's signal, (samples,) mV at 500 Hz, and waves; ValueError says what is wrong."""
    try:
        header = _header(path)
        names = [str(name) for name in header.sig_name or ()]
        found = [name for name in names if name.lower() == str(lead).lower()]
        if found:
            record = wfdb.rdrecord(
                str(path),
                sampto=min(header.sig_len, int(np.ceil(LONGEST_S * header.fs))),
                channel_names=found[:1],
            )
    except _Refused:
        raise
    except Exception as error:  # wfdb raises whatever a broken file makes it stumble over
        raise ValueError(f"cannot be read ({type(error).__name__}: {error})") from error
    if not found:
        raise ValueError(f'has no lead "{lead}": its leads are {", ".join(names) or "none"}')
    signal = record.p_signal[:, 0]
    unit = str(record.units[0])
    if unit.lower() not in MILLIVOLTS:
        raise ValueError(f'has its lead {found[0]} in "{unit}", not in volts')
    seconds = len(signal) / header.fs
    if seconds < SHORTEST_S:
        raise ValueError(f"is too short: {seconds:.3g} s, where {SHORTEST_S:g} s are needed")
    if not np.isfinite(signal).all():
        raise ValueError(f"has {np.sum(~np.isfinite(signal))} samples without a value (NaN)")
    if np.ptp(signal) == 0:
        raise ValueError("is flat")
    ratio = Fraction(FS / header.fs).limit_denominator(1000)
    signal = resample_poly(signal, ratio.numerator, ratio.denominator, padtype="line")
    signal = signal[: round(LONGEST_S * FS)] * MILLIVOLTS[unit.lower()]
    waves = _annotated(path, found[0], header.fs)
    waves = _detected(signal) if waves is None else _within(waves, len(signal))
    if not (waves["kind"] == "qrs").any():
        raise ValueError("has no R peak")
    return signal, waves


class _Refused(ValueError):
    """A header that names a file outside its folder."""


def _header(path: Path) -> wfdb.Record | wfdb.MultiRecord:
    """A record's header, its files all inside its folder, its leads and length known."""
    _refuse_outside(_parts(path)[0])
    segments = [name for name in _segments(path) if name != "~"]  # "~" is a gap
    for name in segments:
        _refuse_outside(_parts(path.parent / name)[0])
    header = wfdb.rdheader(str(path))
    if segments:
        header.sig_name = wfdb.rdheader(str(path.parent / segments[0])).sig_name
    return header


def _refuse_outside(names: Iterable[str]) -> None:
    for name in names:
        inside = PurePosixPath(name.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in name:
            raise _Refused(f'is refused: its header names "{name}", a file outside its folder')


def _annotated(path: Path, lead: str, fs: float) -> np.ndarray | None:
    """Waves of the first annotation file there is, in samples at 500 Hz; None without one."""
    for extension in dict.fromkeys((lead, lead.lower(), "atr", "qrs")):
        if path.with_name(f"{path.name}.{extension}").is_file():
            try:
                annotation = wfdb.rdann(str(path), extension)
            except Exception as error:  # as above
                raise ValueError(f"has an annotation that cannot be read ({error})") from error
            waves = waves_from_symbols(annotation.sample, annotation.symbol)
            for part in ("onset", "peak", "offset"):
                known = waves[part] >= 0
                waves[part][known] = np.round(waves[part][known] * FS / (annotation.fs or fs))
            return waves
    return None


def _detected(signal: np.ndarray) -> np.ndarray:
    """R peaks by wfdb's detector, each moved to the largest deflection within 60 ms."""
    reach = round(0.06 * FS)
    size = np.abs(signal - np.median(signal))
    peaks = set()
    for beat in xqrs_detect(signal, FS, verbose=False):
        start = max(0, int(beat) - reach)
        peaks.add(start + int(np.argmax(size[start : beat + reach + 1])))
    return np.array([("qrs", -1, peak, -1) for peak in sorted(peaks)], WAVE)


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
