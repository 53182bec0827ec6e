"""The annotated waves of a WFDB record: out of the file that names its beats, if one does.

The format is that of the WFDB Applications Guide, annot(5). wfdb's own parser is not used here: it
reads beats out of anything, takes 12 us a beat and for ever over a clock that is no number, and
looks the times' rate up in whatever its own reading of a header gives.
"""

import os
import re
import struct

import numpy as np
from wfdb.io.annotation import ann_labels

from ecglib.data.records import FS, SYMBOLS, moved, waves_from_symbols
from ecglib.data.wfdb_header import Header, Unfit, quoted

LARGEST = 2**23  # bytes of an annotation; a day of a heart has 2**18
CODES = set(range(1, 50)) - {15, 17}  # what an annotation may be; 42 to 49 are users' own
SYMBOL = {label.label_store: label.symbol for label in ann_labels}
SKIP, TEXT = 59, 63  # a step of the clock, and a text to the annotation before it
MARKS = {60, 61, 62}  # its number, subtype and channel
CLOCK = re.compile(rb"## time resolution: *([^\s\0]+)")  # in a comment at the beginning
APART_S = 0.1  # two waves of a kind that are nearer are one, marked twice


def read_waves(header: Header, lead: str, frames: int) -> tuple[np.ndarray | None, list[str]]:
    """A record's waves in samples at 500 Hz, and what is doubtful; None where none is annotated.

    The first file with beats is taken: that named after the lead, as LUDB's, else `atr`, else
    `qrs`. Its times are in frames, or at the rate that it names.

    lead: its name as the header has it.
    frames: the record's; waves beyond are left out.

    Raises Unfit where there are such files, and none names beats.
    """
    own = [lead, lead.lower()] if re.fullmatch(r"\w+", lead) else []  # else no file's ending
    reasons, doubts = [], []
    for ending in dict.fromkeys((*own, "atr", "qrs")):
        file = header.path.with_name(f"{header.path.name}.{ending}")
        if file.name in {signal.file for signal in header.signals}:
            continue  # samples under an annotation's name
        if not os.path.lexists(file):  # which no name is too long for
            continue
        try:
            waves, said = _read(header, ending, frames)
        except Unfit as error:
            reasons.append(f"{quoted(ending)} {error}")
            doubts.append(f"its annotation {reasons[-1]}")
            continue
        if (waves["kind"] == "qrs").any():
            return waves, [*doubts, *said]
        reasons.append(" and ".join([f"{quoted(ending)} names no beats", *said]))
    if reasons:
        raise Unfit(f"has no R peak: its annotation {', '.join(reasons)}")
    return None, []


def _read(header: Header, ending: str, frames: int) -> tuple[np.ndarray, list[str]]:
    """The waves of one annotation file, and what is doubtful about them."""
    file = header.path.with_name(f"{header.path.name}.{ending}")
    try:
        if not os.path.isfile(file):
            raise Unfit("is no file")
        size = file.stat().st_size
        if size > LARGEST:
            raise Unfit(f"has {size / 1e6:.0f} MB, more than any annotation")
        data = file.read_bytes()
    except OSError as error:
        raise Unfit(f"cannot be read ({error.strerror})") from error
    if not data:
        raise Unfit("is empty")
    samples, symbols, clock = _annotations(data)
    try:
        rate = float(clock or header.fs)
    except ValueError:
        rate = np.nan
    if not 0 < rate < np.inf:
        raise Unfit(f'has times at "{quoted(clock)}" Hz')
    inside = (samples >= 0) & (samples < frames / header.fs * rate)
    order = np.argsort(samples, kind="stable")
    order = order[inside[order]]
    waves = waves_from_symbols(samples[order].tolist(), symbols[order].tolist())
    outside = sum(symbol in SYMBOLS for symbol in symbols[~inside].tolist())
    doubts = [f"{outside} of its annotated waves are outside it"] if outside else []
    waves = moved(waves, lambda sample: np.round(sample * FS / rate))
    kept = _once(waves)
    if len(kept) < len(waves):
        doubts.append(f"{len(waves) - len(kept)} of its waves are annotated twice and taken once")
    return kept, doubts


def _annotations(data: bytes) -> tuple[np.ndarray, np.ndarray, str]:
    """Times, (annotations,), symbols, (annotations,), and the clock, "" where none is named.

    Raises Unfit for what is no annotation from its first word to the zero that ends it.
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    end = len(data.rstrip(b"\0"))
    samples, symbols = list[int](), list[str]()
    clock = ""
    place, time, skipped = 0, 0, False
    while place < len(words):
        if 2 * place >= end:
            return np.array(samples, int), np.array(symbols, "U1"), clock
        code, value = words[place] >> 10, words[place] & 1023
        place += 1
        if code in CODES or (code == 0 and skipped):  # after a step a zero only moves the clock
            time += value
            samples.append(time)
            symbols.append(SYMBOL.get(code, ""))
        elif code == SKIP and place + 2 <= len(words):
            high, low = struct.unpack_from("<hH", data, 2 * place)
            time += 2**16 * high + low
            place += 2
        elif code == TEXT:
            named = CLOCK.match(data, 2 * place, 2 * place + value)
            if named and time == 0:
                clock = named[1].decode("latin-1")
            place += (value + 1) // 2
        elif code not in MARKS:
            break
        skipped = code == SKIP
    raise Unfit("is no annotation in WFDB's format")


def _once(waves: np.ndarray) -> np.ndarray:
    """The waves, (waves,) WAVE at 500 Hz, each once, with the marks of all that stand for it."""
    last: dict[str, int] = {}  # place of the wave before, by kind
    single = np.ones(len(waves), bool)
    for place, (kind, onset, peak, offset) in enumerate(waves.tolist()):
        before = last.get(kind)
        if before is None or peak - waves["peak"][before] >= APART_S * FS:
            last[kind] = place
            continue
        single[place] = False
        waves["onset"][before] = max(waves["onset"][before], onset)
        waves["offset"][before] = max(waves["offset"][before], offset)
    return waves[single]
