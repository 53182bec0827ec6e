"""Faults of a record's annotation: files that are none, beats that are not there, other clocks."""

import os
import struct
import warnings

import numpy as np
import pytest
import wfdb
from toy_wfdb import R_PEAKS, microvolts, write, x

from ecglib.data.wfdb_folder import load_wfdb


def load(path, lead="v6"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_wfdb(path, lead)


def annotate(folder, ending, samples, symbols="N", fs=None, name="a"):
    """An annotation as wfdb writes it; with `fs` it names a clock of its own."""
    marks = [symbols] * len(samples) if len(symbols) == 1 else list(symbols)
    notes = [r"(AFIB" if mark == "+" else "" for mark in marks]
    where = {"aux_note": notes, "fs": fs, "write_dir": str(folder)}
    wfdb.wrann(name, "new", np.array(samples), marks, **where)
    os.replace(folder / f"{name}.new", folder / f"{name}.{ending}")  # wfdb writes no "v6"


def nothing(folder):
    """No annotation."""


def fifo(folder):
    os.mkfifo(folder / "a.atr")


def bytes_of(ending, data):
    return lambda folder: (folder / f"a.{ending}").write_bytes(data)


def annotated(ending, samples, symbols="N", fs=None):
    return lambda folder: annotate(folder, ending, samples, symbols, fs)


def both(*writers):
    return lambda folder: [writer(folder) for writer in writers]


def word(code, value=0):
    return struct.pack("<H", code << 10 | value)


def step(samples):
    """What moves the clock by more than a word can: SKIP and four bytes, the upper two first."""
    return word(59) + struct.pack("<HH", samples >> 16 & 0xFFFF, samples & 0xFFFF)


def text(said):
    return word(63, len(said)) + said + bytes(len(said) % 2)


def beat(samples, *more):
    """A normal beat so long after the last."""
    return step(samples) + word(1) + b"".join(more)


def raw(*parts, end=bytes(2), ending="atr"):
    return bytes_of(ending, b"".join(parts) + end)


def clock(rate):
    return word(22) + text(b"## time resolution: " + rate)


NORMAL = (beat(300), beat(400), beat(400))
TWICE_AS_FAST = (beat(600), beat(800), beat(800))
AHA = b"".join(struct.pack("<BBiHBB6x", 0, ord("N"), 300 * i, i, 0, 0) for i in range(1, 4))
TEXT = b"Time   Sample #  Type\n  0:01.0  500  N\n\n"
NOISE = np.random.default_rng(0).integers(0, 256, 2001).astype("u1").tobytes()
BEATS = [300, 700, 1100]

# What lies beside a record of x; the R peaks that it has (samples at 500 Hz); and what is said.
READ = [
    ("nothing", nothing, R_PEAKS, None),
    ("beats", annotated("atr", BEATS), BEATS, None),
    ("own clock of 1000 Hz", annotated("atr", [600, 1400, 2200], fs=1000), BEATS, None),
    ("own clock of 250.5 Hz", annotated("atr", [150, 351, 551], fs=250.5), [299, 701, 1100], None),
    ("rhythms beside beats", both(annotated("atr", [5], "+"), annotated("qrs", BEATS)), BEATS,
     None),
    ("text beside beats", both(bytes_of("atr", TEXT), annotated("qrs", BEATS)), BEATS,
     "a: its annotation atr is no annotation"),
    ("empty beside beats", both(bytes_of("atr", b""), annotated("qrs", BEATS)), BEATS,
     "a: its annotation atr is empty"),
    ("noise beside beats", both(bytes_of("atr", NOISE + b"\0\0\0"), annotated("qrs", BEATS)), BEATS,
     "a: its annotation atr is no annotation"),
    ("a pipe beside beats", both(fifo, annotated("qrs", BEATS)), BEATS,
     "a: its annotation atr is no file"),
    ("a folder beside beats", both(lambda f: (f / "a.atr").mkdir(), annotated("qrs", BEATS)), BEATS,
     "a: its annotation atr is no file"),
    ("a link to nothing", both(lambda f: (f / "a.atr").symlink_to("b"), annotated("qrs", BEATS)),
     BEATS, "a: its annotation atr is no file"),
    ("its lead's beside others", both(annotated("v6", BEATS), annotated("atr", [9])), BEATS, None),
    ("twice", annotated("atr", [300, 300, 700, 700, 1100, 1100]), BEATS,
     "a: 3 of its waves are annotated twice and taken once"),
    ("twice, once a channel", annotated("atr", [300, 304, 700, 711, 1100]), BEATS,
     "a: 2 of its waves are annotated twice and taken once"),
    ("twice, as other beats", annotated("atr", [300, 300, 700, 1100], "NVNN"), BEATS,
     "a: 1 of its waves are annotated twice and taken once"),
    ("beyond the end", annotated("atr", [*BEATS, 5000, 70000]), BEATS,
     "a: 2 of its annotated waves are outside it"),
    ("rhythms beyond the end", annotated("atr", [*BEATS, 7000], "NNN+"), BEATS, None),
    ("every kind of beat", annotated("atr", [300, 700, 1100], "VAQ"), BEATS, None),
    ("comments and noise between", annotated("atr", [10, 300, 500, 700, 900, 1100], "~N|N\"N"),
     BEATS, None),
    ("in short words", raw(word(1, 300), word(1, 400), word(1, 400)), BEATS, None),
    ("padded to a block", raw(*NORMAL, end=bytes(512)), BEATS, None),
    ("padded by an odd byte", raw(*NORMAL, end=bytes(3)), BEATS, None),
    ("a step before the end", raw(*NORMAL, step(70), end=bytes(4)), BEATS, None),
    ("steps one after the other", raw(step(100), step(150), word(1, 50), *NORMAL[1:]), BEATS, None),
    ("steps back", raw(beat(700), beat(-400), beat(800)), BEATS, None),
    ("before the beginning", raw(beat(-20), beat(320), *NORMAL[1:]), BEATS,
     "a: 1 of its annotated waves are outside it"),
    ("2^31 samples later", raw(*NORMAL, beat(2**31 - 1)), BEATS,
     "a: 1 of its annotated waves are outside it"),
    ("with texts", raw(*(beat(n, text(s)) for n, s in ((300, b"odd"), (400, b""),
                                                        (400, b"y" * 255)))), BEATS, None),
    ("with numbers, subtypes, channels",
     raw(*(beat(n, word(60, 255), word(61, 255), word(62, 3)) for n in (300, 400, 400))), BEATS,
     None),
    ("a subtype before any beat", raw(word(61, 1), *NORMAL), BEATS, None),
    ("in each channel", raw(*(b for n in (300, 400, 400) for b in (beat(n), beat(0, word(62, 1))))),
     BEATS, "a: 3 of its waves are annotated twice and taken once"),
    ("all at one sample", raw(beat(300), beat(0) * 99), [300],
     "a: 99 of its waves are annotated twice and taken once"),
    ("own clock of 1e3 Hz", raw(clock(b"1e3"), *TWICE_AS_FAST), BEATS, None),
    ("own clock after a rhythm", raw(word(28), text(b"(N"), clock(b"1000"), *TWICE_AS_FAST), BEATS,
     None),
    ("users' own marks", raw(word(42, 5), word(49, 5), beat(290), *NORMAL[1:]), BEATS, None),
    ("half a million", raw(*NORMAL, word(1, 450) * 500_000), [*BEATS, *range(1550, 5000, 450)],
     "a: 499992 of its annotated waves are outside it"),
    ("other annotators'", both(raw(beat(7), ending="ari"), raw(beat(7), ending="ATR")), R_PEAKS,
     None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "annotation", "peaks", "said"), READ)
def test_beats_are_those_that_are_named(tmp_path, name, annotation, peaks, said):
    path = write(tmp_path, "a", microvolts(x()))
    annotation(tmp_path)
    records = load(path)
    assert records.peaks(0, "qrs").tolist() == peaks
    doubts = [note for note in records.notes if "Not all is well" in note]
    assert (said in doubts[0]) if said else not doubts


LEFT_OUT = [
    ("empty", bytes_of("atr", b""), "its annotation atr is empty"),
    ("text", bytes_of("atr", TEXT), "its annotation atr is no annotation"),
    ("text of an even length", bytes_of("atr", TEXT[:-1]), "its annotation atr is no annotation"),
    ("noise", bytes_of("atr", NOISE), "its annotation atr is no annotation"),
    ("zeros", bytes_of("atr", bytes(2000)), "its annotation atr "),
    ("cut off", bytes_of("atr", b"\x2c\x05\x90\x05\x90"), "its annotation atr is no annotation"),
    ("cut off at a pair", bytes_of("atr", b"\x2c\x05\x90\x05"), "atr is no annotation"),
    ("a signal", bytes_of("atr", microvolts(x()).astype("<i2").tobytes()), "its annotation atr "),
    ("a picture", bytes_of("atr", b"\x89PNG\r\n\x1a\n" * 40 + b"\0\0"), "is no annotation"),
    ("gzip", bytes_of("atr", b"\x1f\x8b\x08\0\0\0\0\0\0\x03" * 9 + b"\0\0"), "is no annotation"),
    ("AHA's format", bytes_of("atr", AHA), "its annotation atr is no annotation in WFDB's format"),
    ("no end", raw(*NORMAL, end=b""), "its annotation atr is no annotation in WFDB's format"),
    ("cut off in a step", raw(*NORMAL, word(59)), "its annotation atr is no annotation"),
    ("a clock that stands", raw(clock(b"0"), *NORMAL), 'its annotation atr has times at "0" Hz'),
    ("a clock that is none", raw(clock(b"fast"), *NORMAL), 'annotation atr has times at "fast" Hz'),
    ("ten million", raw(word(1, 450) * 10**7), "atr has 20 MB, more than any annotation"),
    ("rhythms", annotated("atr", [5], "+"), "its annotation atr names no beats"),
    ("P and T waves", annotated("atr", [5, 9], "pt"), "its annotation atr names no beats"),
    ("rhythms and text", both(annotated("atr", [5], "+"), bytes_of("qrs", TEXT)),
     "its annotation atr names no beats, qrs is no annotation"),
    ("only beyond the end", annotated("atr", [9000]),
     "names no beats and 1 of its annotated waves are outside it"),
    ("a pipe", fifo, "its annotation atr is no file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "annotation", "said"), LEFT_OUT)
def test_an_annotation_that_names_no_beats_is_said(tmp_path, name, annotation, said):
    path = write(tmp_path, "a", microvolts(x()))
    annotation(tmp_path)
    with pytest.raises(ValueError, match=r"record a has no R peak") as error:
        load(path)
    assert said in str(error.value) and str(tmp_path) not in str(error.value)


def test_only_later_beats_are_none_in_the_first_ten_seconds(tmp_path):
    path = write(tmp_path, "a", microvolts(x(30)))
    annotate(tmp_path, "atr", [9000])
    with pytest.raises(ValueError, match="record a has no R peak in its first 10 s"):
        load(path)


@pytest.mark.parametrize("name", ["p1.2", "20:15::x", "Müller µ"])
def test_times_are_at_the_rate_of_the_records_own_header(tmp_path, name):
    """As wfdb does not: it looks for p1.hea, and for a file on the net."""
    header = write(tmp_path, "p1", microvolts(x())).with_name("p1.hea").read_text()
    (tmp_path / f"{name}.hea").write_text(header.replace("500 5000", "5e2 5000"))
    (tmp_path / "p1.hea").write_text(header.replace("500 5000", "250 2500"))
    annotated("atr", BEATS)(tmp_path)
    (tmp_path / "a.atr").rename(tmp_path / f"{name}.atr")
    assert load(tmp_path / name).peaks(0, "qrs").tolist() == BEATS


@pytest.mark.parametrize("ending", ["atr", "qrs", "v6"])
def test_a_signal_file_with_an_annotations_ending_is_a_signal(tmp_path, ending):
    path = write(tmp_path, "a", microvolts(x()))
    os.rename(tmp_path / "a.dat", tmp_path / f"a.{ending}")
    header = (tmp_path / "a.hea").read_text()
    (tmp_path / "a.hea").write_text(header.replace("a.dat", f"a.{ending}"))
    records = load(path)
    assert records.peaks(0, "qrs").tolist() == R_PEAKS
    if ending == "atr":
        annotate(tmp_path, "qrs", BEATS)
        assert load(path).peaks(0, "qrs").tolist() == BEATS


def test_times_are_in_frames_where_a_frame_has_several_samples(tmp_path):
    path = write(tmp_path, "a", microvolts(x()), "16x5 1000 16 0 0 0 0 V6", "100 1000")
    annotate(tmp_path, "atr", [60, 140, 220])
    assert load(path).peaks(0, "qrs").tolist() == BEATS
    annotate(tmp_path, "atr", BEATS, fs=500)
    assert load(path).peaks(0, "qrs").tolist() == BEATS


def test_times_are_at_250_hz_where_no_header_names_a_rate(tmp_path):
    path = write(tmp_path, "a", microvolts(x(fs=250)), record="")
    annotate(tmp_path, "atr", [150, 350, 550])
    assert load(path).peaks(0, "qrs").tolist() == BEATS


def test_the_annotation_of_a_record_in_segments_is_its_own(tmp_path):
    write(tmp_path, "s1", microvolts(x()[:2500]))
    write(tmp_path, "s2", microvolts(x()[2500:]))
    (tmp_path / "m.hea").write_text("m/2 1 500 5000\ns1 2500\ns2 2500\n")
    annotate(tmp_path, "atr", [300, 2600], name="m")
    annotate(tmp_path, "atr", [7], name="s1")
    assert load(tmp_path).peaks(0, "qrs").tolist() == [300, 2600]


def test_of_a_beat_marked_twice_all_marks_are_kept(tmp_path):
    path = write(tmp_path, "a", microvolts(x()))
    annotate(tmp_path, "atr", [280, 300, 302, 320, 700], "(NN)N")
    assert load(path).waves[0].tolist() == [("qrs", 280, 300, 320), ("qrs", -1, 700, -1)]
