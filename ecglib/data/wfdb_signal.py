"""One lead of a WFDB record, as far as its first ten seconds go: in mV at 500 Hz."""

import math
import os
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly
from wfdb.io import _signal as wfdb_files

from ecglib.data.records import FS
from ecglib.data.wfdb_header import Header, Signal, Unfit, quoted, read_segment, same

LONGEST_S = 10.0  # as LUDB's records
SHORTEST_S = 4.0  # one window of the paper's section II-A
SLOWEST, FASTEST = 50.0, 1e5  # Hz: slower shows no QRS, faster is no ECG
SMALLEST_MV, LARGEST_MV = 0.01, 50.0  # no ECG is outside these
WHOLE = 2**25  # samples of a file up to which it is read whole, for its checksum

# Millivolts in a unit, by its prefix and by its root, as compatibility forms in lower case: there
# the micro sign is the Greek letter.
PREFIXES = {"": 1e3, "m": 1.0, "milli": 1.0, "n": 1e-6, "nano": 1e-6}
PREFIXES |= dict.fromkeys(("u", "μ", "micro", "mc"), 1e-3)
MILLIVOLTS = {p + root: mv for p, mv in PREFIXES.items() for root in ("v", "volt", "volts")}


def read_signal(header: Header, lead: str) -> tuple[np.ndarray, list[str]]:
    """A record's signal, (samples,) mV at 500 Hz, and what is doubtful about it.

    A signal with several samples a frame is one of so many times the header's rate.

    Raises Unfit with what keeps it from being used.
    """
    described = header.find(lead)
    rate = header.fs * described.per_frame
    if not SLOWEST <= rate <= FASTEST:
        raise Unfit(f"has a sampling rate of {rate:g} Hz, not {SLOWEST:g} to {FASTEST:g} Hz")
    frames = math.ceil(LONGEST_S * header.fs)
    if header.segments:
        signal, doubts = _joined(header, lead, frames)
    else:
        signal, doubts = _piece(header, described, frames)
    if len([s for s in header.leads if same(s) == same(lead)]) > 1:
        doubts.append(f"its header names {quoted(described.name)} twice, and the first is used")
    signal = signal[: math.ceil(LONGEST_S * rate)]
    seconds, missing = len(signal) / rate, int(np.sum(np.isnan(signal)))
    if seconds < SHORTEST_S:
        raise Unfit(f"is too short: {seconds:.4g} s, where {SHORTEST_S:g} s are needed")
    if missing:
        raise Unfit(f"has {missing} samples without a value (NaN) in its first {LONGEST_S:g} s")
    _refuse_no_ecg(signal)
    ratio = (Fraction(FS) / Fraction(str(rate))).limit_denominator(20_000)  # within 0.5 ms of 10 s
    signal = resample_poly(signal, ratio.numerator, ratio.denominator, padtype="line")
    return signal[: round(LONGEST_S * FS)], doubts


def frames_there(header: Header, signal: Signal) -> int:
    """Frames that a signal has in a record: as its header says, or as its file has it.

    Raises Unfit where there is no such file, or less in it than the header says.
    """
    if header.segments:
        return header.length or 0
    file = header.path.parent / signal.file
    if signal.format == "0":
        raise Unfit("has no samples of this lead (format 0)")
    if signal.format not in wfdb_files.DAT_FMTS:
        raise Unfit(f"is in format {signal.format}, which is none of WFDB's")
    if not os.path.isfile(file):  # a pipe would wait for who writes into it
        raise Unfit(f'cannot be read (FileNotFoundError: it has no file "{quoted(signal.file)}")')
    group = _group(header, signal)
    if any((s.format, s.offset) != (signal.format, signal.offset) for s in group):
        raise Unfit(f'has signals of several formats in its file "{quoted(signal.file)}"')
    there = _frames_in(file, group)
    if header.length is None:
        return there
    if header.length > there:
        raise Unfit(
            f"cannot be read: its header has {header.length} samples, "
            f'but its file "{quoted(signal.file)}" holds {there}'
        )
    return header.length


def _group(header: Header, signal: Signal) -> list[Signal]:
    """The signals that share a file with this one."""
    return [other for other in header.signals if other.file == signal.file]


def _frames_in(file: Path, group: list[Signal]) -> int:
    signal = group[0]
    if signal.format in wfdb_files.COMPRESSED_FMTS:
        import soundfile  # only where a record needs it

        try:
            return max(0, soundfile.info(str(file)).frames - signal.offset) // signal.per_frame
        except soundfile.SoundFileError as error:
            raise Unfit(f'has a file "{quoted(signal.file)}" that is no FLAC') from error
    samples = sum(s.per_frame for s in group)
    size = max(0, file.stat().st_size - signal.offset)
    # In sixths of a byte: a sample may take 3/2 or 4/3 of one.
    return 6 * size // (round(6 * wfdb_files.BYTES_PER_SAMPLE[signal.format]) * samples)


def _joined(header: Header, lead: str, frames: int) -> tuple[np.ndarray, list[str]]:
    """The lead out of the segments that its first frames are in; NaN in gaps."""
    per_frame = header.find(lead).per_frame
    signal = np.full(min(frames, header.length or 0) * per_frame, np.nan)
    doubts: list[str] = []
    start = 0
    for name, length in header.segments:
        if start >= frames:
            break
        if name != "~" and length:
            segment = read_segment(header.path, name, header.fs)
            found = [s for s in segment.signals if s.name == header.find(lead).name]
            if found and found[0].per_frame != per_frame:
                raise Unfit(f"has a segment {quoted(name)} of another sampling rate")
            if found:
                part, said = _piece(segment, found[0], min(length, frames - start))
                place = signal[start * per_frame : (start + length) * per_frame]
                place[: len(part)] = part[: len(place)]
                doubts += said
        start += length
    return signal, doubts


def _piece(header: Header, signal: Signal, frames: int) -> tuple[np.ndarray, list[str]]:
    """The first frames of a signal that is in one piece, in mV, or as many as there are."""
    unit = MILLIVOLTS.get(unicodedata.normalize("NFKC", signal.unit).lower())
    if unit is None:
        raise Unfit(f'has its lead {quoted(signal.name)} in "{quoted(signal.unit)}", not in volts')
    length = frames_there(header, signal)
    in_file = length * sum(s.per_frame for s in _group(header, signal))
    # Without a length the format has nothing to check, and with skew the sum is of other samples.
    checked = signal.checksum is not None and header.length and not signal.skew
    whole = bool(checked) and in_file <= WHOLE
    digital = _digital(header, signal, length if whole else min(length, frames + signal.skew))
    doubts = []
    invalid = digital == (wfdb_files.INVALID_SAMPLE_VALUE[signal.format] or -(2**62))
    total = int(digital.sum())
    if whole and not invalid.any() and (total - (signal.checksum or 0)) % 2**16:
        doubts.append(
            f"its header has the checksum {signal.checksum}, but its samples give "
            f"{(total + 2**15) % 2**16 - 2**15}, so that one of them is damaged"
        )
    if not signal.calibrated:
        doubts.append(f"its header has no gain, and {signal.gain:g} units are taken for a mV")
    with np.errstate(over="ignore"):  # such a size is refused with its number
        value = (np.where(invalid, np.nan, digital) - signal.baseline) / signal.gain * unit
    return value[signal.skew * signal.per_frame :][: frames * signal.per_frame], doubts


def _digital(header: Header, signal: Signal, frames: int) -> np.ndarray:
    """The first frames of a signal as they are in its file, (frames * per_frame,) integers.

    wfdb's public function would read the header for itself; the one under it takes what it says.
    """
    group = _group(header, signal)
    folder = str(header.path.parent.absolute())
    if "::" in folder:
        raise Unfit('cannot be read: its folder has "::" in its path, where wfdb sees two')
    try:
        (digital,) = wfdb_files._rd_segment(
            file_name=[signal.file] * len(group),
            dir_name=folder,
            pn_dir=None,
            fmt=[signal.format] * len(group),
            n_sig=len(group),
            sig_len=frames,
            byte_offset=[signal.offset] * len(group),
            samps_per_frame=[s.per_frame for s in group],
            skew=[0] * len(group),
            init_value=[s.initial for s in group],
            sampfrom=0,
            sampto=frames,
            channels=[group.index(signal)],
            ignore_skew=True,
        )
    except Exception as error:  # wfdb raises whatever a broken file makes it stumble over
        reason = str(error).replace(f"{folder}/", "")
        raise Unfit(f"cannot be read ({type(error).__name__}: {quoted(reason)})") from error
    return digital.astype(np.int64)


def _refuse_no_ecg(signal: np.ndarray) -> None:
    """Raise Unfit where a signal, (samples,) mV, is flat, or larger or smaller than any ECG."""
    spans, reaches = float(np.ptp(signal)), float(np.abs(signal).max())
    if spans == 0:
        raise Unfit("is flat")
    if max(spans, reaches) > LARGEST_MV:
        raise Unfit(
            f"has an amplitude of {max(spans, reaches):.4g} mV, where no ECG has over "
            f"{LARGEST_MV:g} mV: its header's gain, baseline or unit, or a sample, is wrong"
        )
    if spans < SMALLEST_MV:
        raise Unfit(
            f"spans {spans:.2g} mV, where every ECG spans {SMALLEST_MV:g} mV: its header's gain or "
            "unit is wrong"
        )
