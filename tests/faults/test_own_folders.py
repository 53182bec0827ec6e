"""Faults of a folder of records: what is in it, twice in it, only seems to be in it, or is long."""

import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly
from toy_wfdb import R_PEAKS, microvolts, noisy, write, x

from ecglib.data import check, load
from ecglib.data.wfdb_folder import load_wfdb
from ecglib.places import label


def quiet(path, **wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_wfdb(path, **wanted)


def good(folder, *names):
    for name in names:
        write(folder, name, microvolts(noisy(sum(name.encode()))))


# What is done to a folder with the records a and b; its records then; and what is said of others.
THINGS = [
    ("nothing", lambda f: None, ["a", "b"], None),
    ("a header that is a folder", lambda f: (f / "c.hea").mkdir(), ["a", "b"], "c cannot be read"),
    ("a header that is a pipe", lambda f: os.mkfifo(f / "c.hea"), ["a", "b"], "c cannot be read"),
    ("a header linked to nothing", lambda f: (f / "c.hea").symlink_to("d"), ["a", "b"], "c cannot"),
    ("a header linked to itself", lambda f: (f / "c.hea").symlink_to("c.hea"), ["a", "b"],
     "c cannot be read"),
    ("a signal that is a pipe", lambda f: (os.remove(f / "b.dat"), os.mkfifo(f / "b.dat")), ["a"],
     'b cannot be read (FileNotFoundError: it has no file "b.dat")'),
    ("a signal that is a folder", lambda f: (os.remove(f / "b.dat"), (f / "b.dat").mkdir()), ["a"],
     'b cannot be read (FileNotFoundError: it has no file "b.dat")'),
    ("a signal linked elsewhere",
     lambda f: (os.rename(f / "b.dat", f.parent / "b"), (f / "b.dat").symlink_to("../b")),
     ["a", "b"], None),
    ("a link to the folder itself", lambda f: (f / "sub").symlink_to("."), ["a", "b"], None),
    ("a link to its parent", lambda f: (f / "sub").symlink_to(".."), ["a", "b"], None),
    ("a link to the root", lambda f: (f / "sub").symlink_to("/"), ["a", "b"], None),
    ("links in a circle",
     lambda f: ((f / "p").mkdir(), (f / "q").mkdir(), (f / "p/q").symlink_to("../q"),
                (f / "q/p").symlink_to("../p"), good(f / "p", "c")),
     ["a", "b", "p/c"], None),
    ("a linked folder beside the folder", lambda f: (good(f / "z", "c"), (f / "k").symlink_to("z")),
     ["a", "b", "z/c"], None),
    ("a linked folder from outside",
     lambda f: (good(f.parent / "out", "c"), (f / "k").symlink_to("../out")), ["a", "b", "k/c"],
     None),
    ("a header in capitals", lambda f: os.link(f / "a.hea", f / "C.HEA"), ["a", "b"],
     'C.HEA cannot be read: headers end in ".hea"'),
    ("segments in a folder of their own",
     lambda f: (good(f / "s", "c1", "c2"),
                (f / "c.hea").write_text("c/2 1 500 10000\ns/c1 5000\ns/c2 5000\n")),
     ["a", "b", "c"], None),
    ("a name as long as can be",
     lambda f: (good(f, "c"), os.rename(f / "c.hea", f / f"{'c' * 251}.hea")),
     ["a", "b", "c" * 251], None),
    ("a header without a name", lambda f: (f / ".hea").write_text("a 1\n"), ["a", "b"], None),
    ("an empty folder", lambda f: (f / "sub").mkdir(), ["a", "b"], None),
    ("a list of records", lambda f: (f / "RECORDS").write_text("a\nz\n"), ["a", "b"], None),
    ("a signal without a header", lambda f: (f / "c.dat").write_bytes(b"1"), ["a", "b"], None),
    ("a record of another lead", lambda f: write(f, "c", microvolts(x()), "16 1000 16 0 0 0 0 II"),
     ["a", "b"], 'c has no lead "v6": its leads are II'),
    ("a record in segments of itself", lambda f: (f / "c.hea").write_text("c/1 1 500 9\nc 9\n"),
     ["a", "b"], "c has a segment c that is itself in segments"),
    ("two records of each other",
     lambda f: [(f / f"{n}.hea").write_text(f"{n}/1 1 500 9\n{m} 9\n") for n, m in ("cd", "dc")],
     ["a", "b"], "d has a segment c that is itself in segments"),
    ("a copy", lambda f: write(f, "c", microvolts(noisy(ord("a")))), ["a", "b", "c"],
     "c: it has the very samples of a"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "ids", "said"), THINGS)
def test_a_folders_records_are_read_and_the_rest_is_said(tmp_path, name, change, ids, said):
    folder = tmp_path / "mine"
    good(folder, "a", "b")
    change(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        records = load_wfdb(folder)
    assert list(records.ids) == ids and records.source == "mine"
    warned = [str(w.message) for w in caught if w.category is UserWarning]
    assert len(warned) == (said is not None)
    for sentence in (*warned, *records.notes):
        assert str(tmp_path) not in sentence
    if said:
        assert said in warned[0] and said in " ".join(records.notes)
    check(str(folder), "v6")


def test_a_folder_that_cannot_be_opened_is_said(tmp_path, monkeypatch):
    good(tmp_path, "a", "sub/b")
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    records = quiet(tmp_path)
    assert records.ids == ("a",)
    assert "sub cannot be read (Permission denied)" in records.notes[0]


def versions(folder, low, high, seeds=(1, 2, 3)):
    """Records at 500 Hz, and again at 100 Hz."""
    for seed in seeds:
        signal = noisy(seed)
        again = resample_poly(signal, 1, 5, padtype="line")
        write(folder / os.path.dirname(low), os.path.basename(low).format(seed), microvolts(again),
              record="100 1000")  # fmt: skip
        write(
            folder / os.path.dirname(high), os.path.basename(high).format(seed), microvolts(signal)
        )


NAMES = [
    ("records100/00000/{:05}_lr", "records500/00000/{:05}_hr"), ("{}_lr", "{}_hr"),
    ("100hz/{}", "500hz/{}"), ("a{}_100", "a{}_500"), ("{}-100Hz", "{}-500Hz"), ("low/{}", "{}"),
    ("lr_{}", "hr_{}"), ("p{}_100_ecg", "p{}_1k_ecg"),
]  # fmt: skip


@pytest.mark.parametrize(("low", "high"), NAMES)
def test_one_patient_at_two_rates_is_taken_once_at_the_higher(tmp_path, low, high):
    versions(tmp_path, low, high)
    records = quiet(tmp_path)
    assert records.ids == tuple(high.format(seed) for seed in (1, 2, 3))
    assert np.abs(records.signals[0] - noisy(1)).max() < 0.001
    assert f"{low.format(2)} is {high.format(2)} again, at 100 Hz" in records.notes[0]
    assert records.notes[0].startswith("3 of 6 records are left out: ")
    assert quiet(tmp_path, n_records=2).ids == records.ids[:2]


def test_a_version_that_is_cut_is_one_too(tmp_path):
    write(tmp_path, "1_hr", microvolts(noisy(1)))
    low = resample_poly(noisy(1), 1, 5, padtype="line")[:800]
    write(tmp_path, "1_lr", microvolts(low), record="100 800")
    records = quiet(tmp_path)
    assert records.ids == ("1_hr",) and "1_lr is 1_hr again, at 100 Hz" in records.notes[0]


def test_a_path_that_wfdb_would_split_is_said(tmp_path):
    write(tmp_path / "a::b", "1", microvolts(noisy(1)))
    with pytest.raises(ValueError, match='its folder has "::" in its path, where wfdb sees two'):
        quiet(tmp_path / "a::b")


def test_two_patients_of_one_name_are_two(tmp_path):
    write(tmp_path / "p", "1", microvolts(noisy(1)))
    other = noisy(2, fs=100)[40:]
    write(tmp_path / "q", "1", microvolts(np.append(other, other[-40:])), record="100 1000")
    records = quiet(tmp_path)
    assert set(records.ids) == {"p/1", "q/1"}


def test_where_the_higher_rate_is_broken_the_lower_is_taken(tmp_path):
    versions(tmp_path, "{}_lr", "{}_hr")
    (tmp_path / "2_hr.dat").unlink()
    assert quiet(tmp_path).ids == ("1_hr", "2_lr", "3_hr")


# Seconds of the records; seconds that are kept; how many records; what is said.
LENGTHS = [
    ([10, 10, 10], 10, 3, None),
    ([10, 12, 3600], 10, 3, None),
    ([10, 6], 6, 2, "all are cut to the shortest's 6 s"),
    ([10, 10, 10, 4], 10, 3, "r3 is short: 4 s, where 10 s of the others keep more"),
    ([10] * 9 + [9], 9, 10, "all are cut to the shortest's 9 s"),
    ([10, 10, 8, 8, 8, 4.5], 8, 5, "r5 is short: 4.5 s, where 8 s of the others keep more"),
    ([9, 9], 9, 2, None),
    ([9.99, 10, 10], 9.99, 3, "all are cut to the shortest's 9.99 s"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "kept", "n", "said"), LENGTHS)
def test_records_of_unlike_length_are_cut_so_that_most_is_kept(tmp_path, seconds, kept, n, said):
    for i, s in enumerate(seconds):
        write(tmp_path, f"r{i}", microvolts(noisy(i, s)))
    records = quiet(tmp_path)
    assert records.signals.shape == (n, round(500 * kept))
    assert all((waves["peak"] < 500 * kept).all() for waves in records.waves)
    out = [note for note in records.notes if "left out" in note or "cut" in note]
    assert (said in " ".join(out)) if said else not out


def test_a_short_one_among_the_first_does_not_count(tmp_path):
    for i, s in enumerate([10, 10, 4, 10, 10]):
        write(tmp_path, f"r{i}", microvolts(noisy(i, s)))
    records = quiet(tmp_path, n_records=3)
    assert records.ids == ("r0", "r1", "r3") and records.signals.shape == (3, 5000)


def test_each_record_left_out_has_its_own_reason(tmp_path):
    write(tmp_path, "a", microvolts(x()), "16 1000/mmHg 16 0 0 0 0 V6")
    write(tmp_path, "b", microvolts(x(3)))
    write(tmp_path, "c", 0 * microvolts(x()))
    with pytest.raises(ValueError) as error:
        load_wfdb(tmp_path)
    assert "of 3 records none can be used, " in str(error.value)
    for said in (
        'record a has its lead V6 in "mmHg"',
        "record b is too short: 3 s",
        "record c is fl",
    ):
        assert said in str(error.value)


def opened(folder, action):
    """Names of the files under a folder that an action opens."""
    names, on = [], [True]

    def listen(event, args):
        if on[0] and event == "open" and str(args[0]).startswith(str(folder)):
            names.append(os.path.basename(str(args[0])))

    sys.addaudithook(listen)
    try:
        return action(), names
    finally:
        on[0] = False


def test_of_many_records_only_those_wanted_are_read(tmp_path):
    """As PTB-XL: two rates, each in folders of many, of which the first alone are opened."""
    folder = tmp_path / "set"
    for rate, end in ((100, "lr"), (500, "hr")):
        digital, n = microvolts(x(fs=rate)), 10 * rate
        write(tmp_path, end, digital)
        for i in range(900):
            name = folder / f"records{rate}" / f"{i // 300:02}000" / f"{i:05}_{end}"
            name.parent.mkdir(parents=True, exist_ok=True)
            os.link(tmp_path / f"{end}.dat", f"{name}.dat")
            signal = f"{name.name}.dat 16 1000 16 0 0 0 0 V6"
            Path(f"{name}.hea").write_text(f"{name.name} 1 {rate} {n}\n{signal}\n")
    started = time.monotonic()
    records, names = opened(folder, lambda: quiet(folder, n_records=5))
    assert time.monotonic() - started < 10
    assert records.ids == tuple(f"records500/00000/{i:05}_hr" for i in range(5))
    assert sum(name.endswith(".dat") for name in names) == 10
    assert sum(name.endswith(".hea") for name in names) < 300 + 10 * 4
    _, names = opened(folder, lambda: check(str(folder), "v6"))
    assert len(names) < 310


SETS = [
    (["MLII", "MLII", "V1"],
     'MLII (2), V1 (1) in 3 records; give one of them, as in --lead "MLII"'),
    (["ECG1"] * 2, 'ECG1 (2) in 2 records; give one of them, as in --lead "ECG1"'),
    (["I/aVR"], 'I/aVR (1) in 1 records; give one of them, as in --lead "I/aVR"'),
]  # fmt: skip


@pytest.mark.parametrize(("leads", "said"), SETS)
def test_a_lead_that_is_not_there_is_said_with_those_that_are(tmp_path, leads, said):
    for i, lead in enumerate(leads):
        write(tmp_path, f"r{i}", microvolts(x()), f"16 1000 16 0 0 0 0 {lead}")
    with pytest.raises(ValueError, match='has no lead "v6": its leads are') as error:
        check(str(tmp_path), "v6")
    assert said in str(error.value)
    for lead in leads:
        check(str(tmp_path), lead.lower())


def test_a_lead_of_the_last_record_is_there(tmp_path):
    for i in range(300):
        (tmp_path / f"r{i}.hea").write_text(f"r{i} 1 500 0\nr.dat 16 1 16 0 0 0 0 II\n")
    (tmp_path / "z.hea").write_text("z 1 500 0\nz.dat 16 1 16 0 0 0 0 V6\n")
    check(str(tmp_path), "V6")


def test_sets_that_are_known_are_checked_without_a_disk():
    check("ludb", "V6")
    check("ludb", "avr")
    check("synthetic", "anything")
    with pytest.raises(ValueError, match="LUDB has no lead 'mlii': its leads are i, ii, iii, avr"):
        check("ludb", "mlii")


def test_a_set_without_records_is_said_by_the_check_too(tmp_path):
    for path in (str(tmp_path), "", "~nosuchuser/x", "nothing\0there", str(tmp_path / "x")):
        with pytest.raises(FileNotFoundError, match=r"no data set|holds no WFDB record"):
            check(path, "v6")
        with pytest.raises(FileNotFoundError, match=r"no data set|holds no WFDB record"):
            load(path)
    (tmp_path / "a.hea").write_text("")
    with pytest.raises(ValueError, match="record a cannot be read: its header is empty"):
        check(str(tmp_path), "v6")


@pytest.mark.parametrize(
    ("dataset", "called"),
    [("ludb", "ludb"), ("synthetic", "synthetic"), ("/a/b/mine", "records of mine"),
     ("mine/", "records of mine"), ("./ludb", "records of ludb"), ("/a/ludb", "records of ludb"),
     ("/a/b/100.hea", "records of 100.hea"), ("/a/b/../c d", "records of c d")],
)  # fmt: skip
def test_a_data_set_is_called_by_its_last_name(dataset, called):
    assert label(dataset) == called


def test_a_name_that_is_no_text_does_no_harm(tmp_path):
    write(tmp_path, "good", microvolts(x()))
    os.rename(tmp_path / "good.hea", os.fsencode(tmp_path) + b"/b\xe4d.hea")
    records = quiet(tmp_path)
    assert records.peaks(0, "qrs").tolist() == R_PEAKS
    records.ids[0].encode()
