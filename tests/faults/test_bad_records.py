"""Faults of a record: units, amplitudes, headers, and what headers say of files."""

import time
import tracemalloc
import warnings

import numpy as np
import pytest
from toy_wfdb import R_PEAKS, checksum, microvolts, write, x

from ecglib.data.wfdb_folder import load_wfdb

MV, UV = "16 1000(0)/mV 16 0 0 0 0 V6", "16 1(0)/uV 16 0 0 0 0 V6"


def load(path, lead="v6"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_wfdb(path, lead)


def is_x(records, factor=1.0):
    n = records.signals.shape[1]
    np.testing.assert_allclose(records.signals[0], factor * x()[:n], atol=0.001 * factor)
    assert records.peaks(0, "qrs").tolist() == [peak for peak in R_PEAKS if peak < n]
    return True


# Unit as the header's bytes have it, and the size of x stored as round(1000 x) with gain 1.
VOLTS = [
    ("uV", 1), ("UV", 1), ("µV", 1), ("μV", 1), ("µV".encode("latin-1"), 1), ("microvolts", 1),
    ("MicroVolt", 1), ("µvolts", 1), ("mcV", 1), ("µv", 1),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "size"), VOLTS)
def test_a_microvolt_is_one_however_it_is_written(tmp_path, unit, size):
    path = write(tmp_path, "a", microvolts(x()), UV)
    header = (tmp_path / "a.hea").read_bytes()
    bytes_of_it = unit if isinstance(unit, bytes) else unit.encode()
    (tmp_path / "a.hea").write_bytes(header.replace(b"uV", bytes_of_it))
    assert is_x(load(path), size)


# What the signal's line says of round(1000 x), and the size of x that this is.
GAINS = [
    ("16 1000/mV 16 0 0 0 0 V6", 1), ("16 1000 16 0 0 0 0 V6", 1), ("16 1e3/mV 16 0 0 0 0 V6", 1),
    ("16 1000/millivolts 16 0 0 0 0 V6", 1), ("16 1e6/V 16 0 0 0 0 V6", 1),
    ("16 1000000/volt 16 0 0 0 0 V6", 1), ("16 .001/nV 16 0 0 0 0 V6", 1),
    ("16 1000.0(0)/mV 16 0 0 0 0 V6", 1), ("16 0 16 0 0 0 0 V6", 5),
    ("16 0(0)/mV 16 0 0 0 0 V6", 5), ("16 500 16 0 0 0 0 V6", 2),
]  # fmt: skip


@pytest.mark.parametrize(("line", "size"), GAINS)
def test_a_gain_is_what_the_format_says(tmp_path, line, size):
    records = load(write(tmp_path, "a", microvolts(x()), line))
    assert is_x(records, size)
    assumed = "a: its header has no gain, and 200 units are taken for a mV"
    assert (assumed in " ".join(records.notes)) == (size == 5)


@pytest.mark.parametrize(
    "line", ["16 1000(1024)/mV 12 0 0 0 0 V6", "16 1000/mV 12 1024 0 0 0 V6",
             "16 1000(1024)/mV 12 7 0 0 0 V6"]
)  # fmt: skip
def test_a_baseline_is_given_or_the_converters_zero(tmp_path, line):
    assert is_x(load(write(tmp_path, "a", microvolts(x()) + 1024, line)))


# What is written in the header, what is left of the header's first line, and what is said.
REFUSED = [
    ("16 1/mmHg 16 0 0 0 0 V6", "{fs} {n}", 'has its lead V6 in "mmHg", not in volts'),
    ("16 1/ÂµV 16 0 0 0 0 V6", "{fs} {n}", 'has its lead V6 in "ÂµV", not in volts'),
    ("16 1/?V 16 0 0 0 0 V6", "{fs} {n}", 'has its lead V6 in "?V", not in volts'),
    ("16 1/mV 16 0 0 0 0 V6", "{fs} {n}", "has an amplitude of 1097 mV, where no ECG has over 50"),
    ("16 20/mV 16 0 0 0 0 V6", "{fs} {n}", "has an amplitude of 54.85 mV, where no ECG has over"),
    ("16 1000(-60000)/mV 16 0 0 0 0 V6", "{fs} {n}", "has an amplitude of 61 mV, where no ECG"),
    ("16 1000/uV 16 0 0 0 0 V6", "{fs} {n}", "spans 0.0011 mV, where every ECG spans 0.01 mV"),
    ("16 200000 16 0 0 0 0 V6", "{fs} {n}", "spans 0.0055 mV, where every ECG spans 0.01 mV"),
    ("16 1e999 16 0 0 0 0 V6", "{fs} {n}", "has a header with a line that makes no sense"),
    ("16 nan 16 0 0 0 0 V6", "{fs} {n}", 'has no lead "v6": its leads are nan 16 0 0 0 0 V6'),
    ("16 1000,5/mV 16 0 0 0 0 V6", "{fs} {n}", "has a header with a line that describes no signal"),
    ("16 1000 16 0 0 0 V6", "{fs} {n}", None),
    ("16 1000", "{fs} {n}", 'has no lead "v6": its header names none of its leads'),
    ("16:-5 1000 16 0 0 0 0 V6", "{fs} {n}", "has a header with a line that makes no sense"),
    ("16x0 1000 16 0 0 0 0 V6", "{fs} {n}", "has a header with a line that makes no sense"),
    ("16 1000 16 0 0 0 0 V6", "-500 {n}", "has a sampling rate of -500 Hz in its header"),
    ("16 1000 16 0 0 0 0 V6", "0 {n}", "has a sampling rate of 0 Hz in its header"),
    ("16 1000 16 0 0 0 0 V6", "1 {n}", "has a sampling rate of 1 Hz, not 50 to 100000 Hz"),
    ("16 1000 16 0 0 0 0 V6", "1e9 {n}", "has a sampling rate of 1e+09 Hz, not 50 to 100000 Hz"),
    ("16 1000 16 0 0 0 0 V6", "1e999 {n}", "has a sampling rate of inf Hz in its header"),
    ("16 1000 16 0 0 0 0 V6", "1000000000 {n}", "has a sampling rate of 1e+09 Hz, not 50 to"),
    ("16 1000 16 0 0 0 0 V6", "500Hz {n}", 'its header begins with "a 1 500Hz 5000"'),
    ("16 1000 16 0 0 0 0 V6", "{fs} -1", 'its header begins with "a 1 500 -1"'),
    ("16 1000 16 0 0 0 0 V6", "{fs} 10000000000",
     'its header has 10000000000 samples, but its file "a.dat" holds 5000'),
    ("16x1000000 1000 16 0 0 0 0 V6", "0.0005 {n}",
     'its header has 5000 samples, but its file "a.dat" holds 0'),
    ("16 1000 16 0 0 0 0 V6", "{fs} 5001", "its header has 5001 samples, but its file"),
    ("16 1000 16 0 0 0 0 V6", "{fs} 1999", "is too short: 3.998 s, where 4 s are needed"),
    ("16 1000 16 0 0 0 0 V6", "{fs} 1500", "is too short: 3 s, where 4 s are needed"),
    ("16+9990 1000 16 0 0 0 0 V6", "{fs}", "is too short: 0.01 s, where 4 s are needed"),
    ("16+99999 1000 16 0 0 0 0 V6", "{fs}", "is too short: 0 s, where 4 s are needed"),
    ("16:4000 1000 16 0 0 0 0 V6", "{fs}", "is too short: 2 s, where 4 s are needed"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "record", "said"), REFUSED)
def test_what_a_header_cannot_mean_is_said(tmp_path, line, record, said):
    path = write(tmp_path, "a", microvolts(x()), line, record)
    if said is None:
        assert is_x(load(path))
        return
    with pytest.raises(ValueError) as error:
        load(path)
    assert str(error.value).startswith("record a ") and said in str(error.value)
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)


# A whole header's bytes instead, and what is said.
HEADERS = [
    (b"", "cannot be read: its header is empty"),
    (b"# only\r\n#comments\r\n", "cannot be read: its header is empty"),
    (b"\0\1\2\xff\xfe", "cannot be read: its header begins with"),
    (bytes(range(255, 13, -1)) * 20, "cannot be read: its header"),
    (b"a\n", 'cannot be read: its header begins with "a"'),
    (b"a x 500 5000\n", "cannot be read: its header begins with"),
    (b"a 0 500 5000\n", 'has no lead "v6": its leads are none'),
    (b"a 2 500 5000\na.dat 16 1000 16 0 0 0 0 V6\n", "announces 2 signals and describes 1"),
    (b"a 999999999 500 5000\na.dat 16\n", "announces 999999999 signals and describes 1"),
    (b"a 1 500 5000\n" + b"a.dat 16 1000 16 0 0 0 0 V6\n" * 2, "announces 1 signals and describes"),
    (b"a 1 500 5000\na.dat 17 1000 16 0 0 0 0 V6\n", "is in format 17, which is none of WFDB's"),
    (b"a 1 500 5000\n~ 0 1000 16 0 0 0 0 V6\n", "has no samples of this lead (format 0)"),
    (b"a 1 500 5000\nb.dat 16 1000 16 0 0 0 0 V6\n", 'FileNotFoundError: it has no file "b.dat"'),
    (b"a 1 500 5000\n. 16 1000 16 0 0 0 0 V6\n", 'FileNotFoundError: it has no file "."'),
    (b"a 1 500 5000\n/etc/hostname 16 1000 16 0 0 0 0 V6\n", 'its header names "/etc/hostname"'),
    (b"a 1 500 5000\n..\\b.dat 16 1000 16 0 0 0 0 V6\n", 'its header names "..\\b.dat"'),
    (b"a 1 500 5000\nC:b.dat 16 1000 16 0 0 0 0 V6\n", 'its header names "C:b.dat", a file'),
    (b"a 1 500 5000\na.dat 516 1000 16 0 0 0 0 V6\n", 'has a file "a.dat" that is no FLAC'),
    (b"a 2 500 2500\na.dat 16 1000 16 0 0 0 0 I\na.dat 212 1000 16 0 0 0 0 V6\n",
     'has signals of several formats in its file "a.dat"'),
    (b"a/1 1 500 5000\n", "announces 1 segments and describes 0"),
    (b"a/2 1 500 5000\nb 2500\nc 2500\n", "has a segment b that cannot be read: its header is no"),
    (b"a/1 1 500 5000\na 5000\n", "has a segment a that is itself in segments"),
    (b"a/2 1 500 5000\nb 2500\nc 2000\n", "has a header of 5000 frames in segments of 4500"),
    (b"a/1 1 500 5000\n/b 5000\n", 'is refused: its header names "/b", a file outside its folder'),
    (b"a/1 1 500 5000\nb\n", "has a header with a line that describes no segment"),
    (b"a/1 1 500 5000\n~ 5000\n", 'has no lead "v6": its leads are none'),
    (b"a 1 500 5000\na.dat 16 1000 (0)/mV 16 0 0 0 0 V6\n", "a line that describes no signal"),
    (b"a 1 500 5000\n" + b"f" * 300 + b" 16 1000 16 0 0 0 0 V6\n", 'it has no file "fffff'),
    (b"a 1 500 5000\na\0.dat 16 1000 16 0 0 0 0 V6\n", 'it has no file "a?.dat"'),
    (b"a/1 1 500 5000\n" + b"s" * 300 + b" 5000\n", "its header gives OSError (File name too long"),
    (b"a 1 500 5000\na.dat 16 1e-310 16 0 0 0 0 V6\n", "has an amplitude of inf mV"),
    (b"a 1 500 5000\na.dat 16 1000 16 0 0 0 0 \x1b[31mRed\x07\n", "its leads are ?[31mRed?"),
    (b"a 1 500 5000\na.dat 16 1000 16 0 0 0 0 " + b"V6" * 4000 + b"\n", "V6V…"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "said"), HEADERS)
def test_a_broken_header_is_said_and_a_folder_goes_on(tmp_path, header, said):
    path = write(tmp_path, "a", microvolts(x()))
    (tmp_path / "a.hea").write_bytes(header)
    with pytest.raises(ValueError) as error:
        load(path)
    assert said in str(error.value) and str(error.value).isprintable()
    assert len(str(error.value)) < 300 and str(tmp_path) not in str(error.value)
    write(tmp_path, "good", microvolts(x()))
    records = load(tmp_path)
    assert records.ids == ("good",) and is_x(records)
    assert (
        records.notes[0].startswith("1 of 2 records are left out: a ") and said in records.notes[0]
    )


# Headers that are right, if not as most are.
GOOD = [
    b"\xef\xbb\xbfa 1 500 5000\na.dat 16 1000 16 0 0 0 0 V6\n",
    b"a 1 500 5000\r\na.dat 16 1000 16 0 0 0 0 V6\r\n# Age: 5\r\n",
    b"# f\xfcr alle\n\n  a\t1\t500\t5000\n\ta.dat 16 1000 16 0 0 0 0   V6  \n\n#Diagnose: \xe4\n",
    b"other 1 500 5000\na.dat 16 1000 16 0 0 0 0 v6",
    b"a 1 500.0 5000 0:0:0\na.dat 16 1000 16 0 0 0 0 V6\n",
    b"a 1 500 5000\ra.dat 16 1000 16 0 0 0 0 V6\r",
    b"a 1 5e2 5000\na.dat 16 1.0E+3 16 0 0 0 0 V6\n",
    b"a 1 5.0e+02/1e3(-5) 5000 10:00:00.000 01/02/2003\na.dat 16 1000 16 0 0 0 0 V6\n",
    b"a 1 500 5000\r\na.dat 16 1000 16 0 0 0 0 V6\r\n\x1a",
    b"a 1 500 5000\na.dat 16 1000 16 0 0 0 0 V6\n" + bytes(100),
]


@pytest.mark.parametrize("header", GOOD)
def test_an_unusual_header_is_read(tmp_path, header):
    path = write(tmp_path, "a", microvolts(x()))
    (tmp_path / "a.hea").write_bytes(header)
    assert is_x(load(path))


@pytest.mark.parametrize("file", ["12:30.dat", "x*[1].dat", "a%20b.dat", "µ.dat", "#a", "~a"])
def test_a_file_may_have_any_name(tmp_path, file):
    path = write(tmp_path, "a", microvolts(x()))
    (tmp_path / "a.dat").rename(tmp_path / file)
    (tmp_path / "a.hea").write_text(f"a 1 500 5000\n./{file} 16 1000 16 0 0 0 0 V6\n")
    assert is_x(load(path))


@pytest.mark.parametrize(
    ("name", "asked"), [("I/aVR", "i/AVR"), ("ECG  lead 1", "ecg lead 1"), ("MLII", "mlii"),
                        ("../V6", "../v6"), ("Brustwand µ", "brustwand µ"), ("2", "2"),
                        ("L" * 300, "l" * 300)]
)  # fmt: skip
def test_a_lead_may_have_any_name(tmp_path, name, asked):
    path = write(tmp_path, "a", microvolts(x()), f"16 1000 16 0 0 0 0 {name}")
    assert is_x(load(path, asked))


def test_a_lead_named_twice_is_said(tmp_path):
    both = np.column_stack([microvolts(x()), 0 * microvolts(x())])
    (tmp_path / "a.dat").write_bytes(both.astype("<i2").tobytes())
    (tmp_path / "a.hea").write_text("a 2 500 5000\n" + "a.dat 16 1000 16 0 0 0 0 ECG\n" * 2)
    records = load(tmp_path, "ecg")
    assert is_x(records)
    assert "a: its header names ECG twice, and the first is used" in records.notes[0]


@pytest.mark.parametrize("code", ["16", "212", "32"])
def test_a_wrong_checksum_is_said(tmp_path, code):
    digital = microvolts(x())
    write(tmp_path, "a", digital, f"{code} 1000/mV 16 0 0 {{checksum}} 0 V6")
    write(tmp_path, "b", digital + 0, f"{code} 1000/mV 16 0 0 {checksum(digital) - 1} 0 V6")
    write(tmp_path, "c", digital, f"{code} 1000/mV 16 0 0 {checksum(digital) % 2**16} 0 V6")
    said = f"b: its header has the checksum {checksum(digital) - 1}, but its samples give "
    with pytest.warns(UserWarning, match=said + str(checksum(digital))):
        records = load_wfdb(tmp_path)
    assert records.ids == ("a", "b", "c") and records.notes[0].count("checksum") == 1


def test_the_checksum_is_of_the_whole_signal_not_of_ten_seconds(tmp_path):
    digital = microvolts(x(30))
    path = write(tmp_path, "a", digital)
    assert "checksum" not in " ".join(load(path).notes)
    digital[-1] += 1
    (tmp_path / "a.dat").write_bytes(digital.astype("<i2").tobytes())
    assert "a: its header has the checksum" in " ".join(load(path).notes)


def test_a_segments_checksum_is_said_too(tmp_path):
    write(tmp_path, "s1", microvolts(x()[:2500]), "16 1000 16 0 0 5 0 V6")
    write(tmp_path, "s2", microvolts(x()[2500:]))
    (tmp_path / "m.hea").write_text("m/2 1 500 5000\ns1 2500\ns2 2500\n")
    records = load(tmp_path)
    assert records.ids == ("m",) and is_x(records)
    assert "m: its header has the checksum 5" in records.notes[0]


def test_invalid_samples_are_none(tmp_path):
    digital = microvolts(x())
    digital[[700, 701]] = -(2**15)
    with pytest.raises(ValueError, match=r"record a has 2 samples without a value \(NaN\) in its"):
        load(write(tmp_path, "a", digital))


LARGE = [
    ("comments", lambda f: f.write(b"a 1 500 5000\n" + b"# comment\n" * 5_000_000), "of 50 MB"),
    ("one line", lambda f: f.write(b"a" * 20_000_000), "of 20 MB"),
    ("signals", lambda f: f.write(b"a 9999 500 0\n" + b"a.dat 16\n" * 9999), "names none of its"),
    ("nothing", lambda f: f.truncate(10**10), "of 10000 MB"),
]


@pytest.mark.parametrize(("kind", "fill", "said"), LARGE)
def test_a_large_header_takes_neither_memory_nor_time(tmp_path, kind, fill, said):
    path = write(tmp_path, "a", microvolts(x()))
    with open(tmp_path / "a.hea", "wb") as file:
        fill(file)
    write(tmp_path, "good", microvolts(x()))
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(ValueError, match=said):
        load(path)
    assert load(tmp_path).ids == ("good",)
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()
    assert time.monotonic() - started < 30
