"""The header of a WFDB record, read before anything is done or any memory taken as it says.

The format is that of the WFDB Applications Guide, header(5). wfdb's own parser is not used here:
it drops letters that are not ASCII (of "µV" it leaves "V"), takes what it does not understand for
missing, and needs 40 ms a header, of which a folder may hold twenty thousand.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LARGEST = 2**20  # bytes of a header; one of ten thousand segments has a fifth of it
DEFAULT_FS, DEFAULT_GAIN = 250.0, 200.0  # what header(5) has where a header says nothing

_NUMBER = r"[+-]?(?:\d{1,15}\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?"
_INT = r"[+-]?\d{1,15}"
RECORD = re.compile(
    rf"""(?P<name>[^\s/]+)(?:/(?P<segments>\d{{1,9}}))?\s+(?P<signals>\d{{1,9}})
    (?:\s+(?P<fs>{_NUMBER})(?:/{_NUMBER}(?:\({_NUMBER}\))?)?
    (?:\s+(?P<length>\d{{1,15}})(?:\s.*)?)?)?""",
    re.VERBOSE,
)
SIGNAL = re.compile(
    rf"""(?P<file>\S+)\s+(?P<format>\d{{1,4}})
    (?:x(?P<per_frame>\d{{1,9}}))?(?::(?P<skew>{_INT}))?(?:\+(?P<offset>\d{{1,15}}))?
    (?:\s+(?P<gain>{_NUMBER})(?:\((?P<baseline>{_INT})\))?(?:/(?P<unit>\S+))?
    (?:\s+(?P<resolution>{_INT})(?:\s+(?P<zero>{_INT})(?:\s+(?P<initial>{_INT})
    (?:\s+(?P<checksum>{_INT})(?:\s+(?P<block>{_INT}))?)?)?)?)?)?
    (?:\s+(?P<name>\S.*))?""",
    re.VERBOSE,
)
SEGMENT = re.compile(r"(?P<name>\S+)\s+(?P<length>\d{1,15})")


class Unfit(ValueError):
    """What keeps a record from being used, to be said after its name."""


@dataclass(frozen=True)
class Signal:
    """One signal of a record, as its header describes it.

    file, format, offset: where its samples are, how they are stored, and bytes before them.
    per_frame: its samples in each of the record's frames.
    skew: frames by which its samples come late in the file.
    gain: digital units per `unit`; calibrated: whether the header gives it.
    baseline: the digital value of zero `unit`.
    initial: the value that differences start from (format 8).
    checksum: sum of all its samples, of which 16 bits count; None where it is missing or 0, which
        many write in its place.
    name: its lead, "" where the header has none.
    """

    file: str
    format: str
    per_frame: int
    skew: int
    offset: int
    gain: float
    calibrated: bool
    baseline: int
    unit: str
    initial: int
    checksum: int | None
    name: str


@dataclass(frozen=True)
class Header:
    """What a header says of a record.

    path: the record's, without an extension.
    fs: frames a second, Hz; a signal has per_frame samples in each.
    length: frames; None where it is as long as its file.
    signals: one a signal; of a record in segments those that its segments may have.
    segments: (name, frames) of each; "~" is a gap. None where it is in one piece.
    """

    path: Path
    fs: float
    length: int | None
    signals: tuple[Signal, ...]
    segments: tuple[tuple[str, int], ...]

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that have one."""
        return tuple(signal.name for signal in self.signals if signal.name)

    def find(self, lead: str) -> Signal:
        """The first signal of this name, in either case; Unfit where there is none."""
        for signal in self.signals:
            if signal.name and same(signal.name) == same(lead):
                return signal
        if self.signals and not self.leads:
            raise Unfit(
                f'has no lead "{lead}": its header names none of its leads (write the name at the '
                "end of the signal's line)"
            )
        raise Unfit(
            f'has no lead "{lead}": its leads are {quoted(", ".join(self.leads)) or "none"}'
        )


def same(lead: str) -> str:
    """A lead's name as names are compared: in lower case, with single blanks."""
    return " ".join(lead.lower().split())


def quoted(text: str) -> str:
    """What a file says, fit to stand in a sentence: printable, and not too long."""
    shown = printable(text[:81])
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


def printable(text: str) -> str:
    """A text without what would move a cursor, or is no character at all."""
    return "".join(c if c.isprintable() else "?" for c in text)


def read_header(path: Path) -> Header:
    """The header of the record at `path` (without an extension).

    Raises Unfit for what is no header, names files outside its folder, or contradicts itself.
    """
    lines = _lines(path)
    first = RECORD.fullmatch(lines[0])
    if first is None:
        raise Unfit(f'cannot be read: its header begins with "{quoted(lines[0])}"')
    fs = DEFAULT_FS if first["fs"] is None else float(first["fs"])
    if not 0 < fs < math.inf:
        raise Unfit(f"has a sampling rate of {fs:g} Hz in its header")
    length = int(first["length"] or 0) or None
    described, said, what = len(lines) - 1, int(first["segments"] or first["signals"]), "signals"
    if first["segments"]:
        what = "segments"
    if described != said:
        raise Unfit(f"has a header that announces {said} {what} and describes {described}")
    if first["segments"]:
        segments = tuple(_segment(line) for line in lines[1:])
        return Header(path, fs, *_of_segments(path, fs, length, segments), segments)
    return Header(path, fs, length, tuple(_signal(line) for line in lines[1:]), ())


def segment_names(path: Path) -> list[str]:
    """Names of the segments that a record is made of; none where it is in one piece, or broken."""
    try:
        lines = _lines(path)
    except Unfit:
        return []
    return [line.split()[0] for line in lines[1:]] if "/" in lines[0].split()[0] else []


def _lines(path: Path) -> list[str]:
    """The lines of a header that are not comments: one at least."""
    file = Path(f"{path}.hea")
    try:
        if not file.is_file():  # opening a pipe would wait for who writes into it
            raise Unfit(
                "cannot be read: its header is no file but a folder, a pipe or a link to nothing"
            )
        if (size := file.stat().st_size) > LARGEST:
            raise Unfit(f"has a header of {size / 1e6:.0f} MB, where none has over 1 MB")
        data = file.read_bytes()
    except OSError as error:
        raise Unfit(
            f"cannot be read: its header gives {type(error).__name__} ({error.strerror})"
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    # DOS ends a text with a control character, and a disk's sector with zeros.
    stripped = (line.strip(" \t\x1a\0") for line in re.split(r"[\r\n\f\v]+", text))
    lines = [line for line in stripped if line and not line.startswith("#")]
    if not lines:
        raise Unfit("cannot be read: its header is empty")
    return lines


def _signal(line: str) -> Signal:
    found = SIGNAL.fullmatch(line)
    # Fields are left out from the end: a number where a name should be is a field gone wrong.
    if found is None or (found["block"] is None and re.match(r"[\d+.(/-]", found["name"] or "")):
        raise Unfit(f'has a header with a line that describes no signal: "{quoted(line)}"')
    _refuse_outside(found["file"])
    gain, zero = float(found["gain"] or 0), int(found["zero"] or 0)
    per_frame = int(found["per_frame"] or 1)
    if not math.isfinite(gain) or per_frame < 1 or int(found["skew"] or 0) < 0:
        raise Unfit(f'has a header with a line that makes no sense: "{quoted(line)}"')
    return Signal(
        file=found["file"],
        format=found["format"],
        per_frame=per_frame,
        skew=int(found["skew"] or 0),
        offset=int(found["offset"] or 0),
        gain=gain or DEFAULT_GAIN,
        calibrated=gain != 0,
        baseline=zero if found["baseline"] is None else int(found["baseline"]),
        unit=found["unit"] or "mV",
        initial=zero if found["initial"] is None else int(found["initial"]),
        checksum=int(found["checksum"] or 0) or None,
        name=(found["name"] or "").strip(),
    )


def _segment(line: str) -> tuple[str, int]:
    found = SEGMENT.fullmatch(line)
    if found is None:
        raise Unfit(f'has a header with a line that describes no segment: "{quoted(line)}"')
    _refuse_outside(found["name"])
    return found["name"], int(found["length"])


def _of_segments(
    path: Path, fs: float, length: int | None, segments: tuple[tuple[str, int], ...]
) -> tuple[int, tuple[Signal, ...]]:
    """Frames and signals of a record in segments: the first that is no gap describes the signals.

    (Where they vary from one to the next, the first is a "layout" of no frames, made for it.)
    """
    total = sum(frames for _, frames in segments)
    if length not in (None, total):
        raise Unfit(f"has a header of {length} frames in segments of {total}")
    names = [name for name, _ in segments if name != "~"]
    return total, read_segment(path, names[0], fs).signals if names else ()


def read_segment(path: Path, name: str, fs: float) -> Header:
    """The header of a segment of the record at `path`, which has `fs` frames a second."""
    try:
        if segment_names(path.parent / name):
            raise Unfit("is itself in segments")
        header = read_header(path.parent / name)
    except Unfit as error:
        raise Unfit(f"has a segment {quoted(name)} that {error}") from error
    if header.fs != fs:
        raise Unfit(f"has a segment {quoted(name)} of {header.fs:g} Hz, where it has {fs:g} Hz")
    return header


def _refuse_outside(name: str) -> None:
    """Raise Unfit where a header names a file outside its folder."""
    named = PurePosixPath(name.replace("\\", "/"))
    elsewhere = re.match("[A-Za-z]:", name) or "::" in name or "://" in name  # a drive, the net
    if named.is_absolute() or ".." in named.parts or elsewhere:
        raise Unfit(f'is refused: its header names "{quoted(name)}", a file outside its folder')
