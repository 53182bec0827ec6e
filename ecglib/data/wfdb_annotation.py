"""The annotated waves of a WFDB record: out of the file that names its beats, if one does."""

import re

import numpy as np
import wfdb

from ecglib.data.records import FS, SYMBOLS, moved, waves_from_symbols
from ecglib.data.wfdb_header import Header, Unfit, quoted

LARGEST = 2**26  # bytes of an annotation; a day of a heart has 2**18
CODES = set(range(1, 50)) - {15, 17}  # what an annotation may be; 42 to 49 are users' own
SKIP, NOTE = 59, 63
BETWEEN = {SKIP, 60, 61, 62, NOTE}  # what may stand between annotations
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
        if not (file.exists() or file.is_symlink()):
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
        if not file.is_file():
            raise Unfit("is no file")
        size = file.stat().st_size
        if size > LARGEST:
            raise Unfit(f"has {size / 1e6:.0f} MB, more than any annotation")
        data = file.read_bytes()
    except OSError as error:
        raise Unfit(f"cannot be read ({error.strerror})") from error
    if not data:
        raise Unfit("is empty")
    if not _is_annotation(data):
        raise Unfit("is no annotation")
    try:
        found = wfdb.rdann(str(header.path.absolute()), ending)
    except Exception as error:  # wfdb raises whatever a broken file makes it stumble over
        raise Unfit(f"is no annotation ({type(error).__name__})") from error
    rate = float(found.fs or header.fs)
    if not 0 < rate < np.inf:
        raise Unfit(f"has times at {rate:g} Hz")
    inside = (found.sample >= 0) & (found.sample < frames / header.fs * rate)
    order = np.argsort(found.sample, kind="stable")
    order = order[inside[order]]
    waves = waves_from_symbols(found.sample[order], [str(found.symbol[i]) for i in order])
    outside = sum(str(symbol) in SYMBOLS for symbol in np.array(found.symbol)[~inside])
    doubts = [f"{outside} of its annotated waves are outside it"] if outside else []
    waves = moved(waves, lambda sample: np.round(sample * FS / rate))
    kept = _once(waves)
    if len(kept) < len(waves):
        doubts.append(f"{len(waves) - len(kept)} of its waves are annotated twice and taken once")
    return kept, doubts


def _is_annotation(data: bytes) -> bool:
    """Whether a file is an annotation from its first word to the zero that ends it: annot(5).

    wfdb would read beats out of anything.
    """
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist()
    place, skipped = 0, False
    while place < len(words):
        code, value = words[place] >> 10, words[place] & 1023
        if words[place] == 0 and not any(words[place:]):
            return True
        if code not in CODES and code not in BETWEEN and not (code == 0 and skipped):
            return False
        skipped = code == SKIP  # after it a zero only moves the clock
        if skipped:
            place += 2  # a time of four bytes
        elif code == NOTE:
            place += (value + 1) // 2  # bytes of text
        place += 1
    return False


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
