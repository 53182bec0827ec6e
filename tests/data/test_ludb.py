"""A small LUDB made by hand, downloaded and spoilt, and known answers from LUDB itself."""

import os
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pooch
import pytest
import wfdb

from ecglib.data import ludb
from ecglib.data.ludb import LEADS, fetch, load_ludb, read_digital
from ecglib.data.records import waves_from_symbols
from ecglib.experiments.survey import per_record

CSV = """ID,Sex,Age,Rhythms,Electric axis of the heart,Conduction abnormalities,Other states
1,"F
","51
",Sinus rhythm,Electric axis of the heart: normal,,
2,"M
","64
","Atrial fibrillation
Aberrant conduction",Electric axis of the heart: vertical,"I degree av block
Left anterior hemiblock",
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A folder laid out as LUDB's."""
    folder = tmp_path_factory.mktemp("original") / "ludb"
    (folder / "data").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("1", "2"):
        wfdb.wrsamp(
            name,
            fs=500,
            units=["mV"] * 12,
            sig_name=list(LEADS),
            d_signal=rng.integers(-900, 900, (5000, 12)),
            fmt=["16"] * 12,
            adc_gain=[1234.0] * 12,  # as wrong as LUDB's
            baseline=[0] * 12,
            write_dir=str(folder / "data"),
        )
        for lead in LEADS:
            annotation = folder / "data" / f"{name}.ann"  # wfdb writes no digits in an extension
            marks, symbols = np.array([500, 520, 545, 700]), ["(", "N", ")", "t"]
            wfdb.wrann(name, "ann", marks, symbols, write_dir=str(annotation.parent))
            annotation.rename(annotation.with_suffix(f".{lead}"))
    (folder / "ludb.csv").write_bytes(CSV.encode())
    (folder / "RECORDS").write_text("data/1\ndata/2\n")
    _list_sums(folder)
    return folder


def _list_sums(folder: Path) -> None:
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "SHA256SUMS.txt")
    (folder / "SHA256SUMS.txt").write_text(
        "".join(f"{pooch.file_hash(f)} {f.relative_to(folder).as_posix()}\n" for f in files)
    )


def _zip(folder: Path, path: Path, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for member in sorted(folder.rglob("*")):
            file.write(member, f"ludb-1.0.1/{member.relative_to(folder).as_posix()}")
        for name, content in more.items():
            file.writestr(name, content)


@pytest.fixture
def small(original, monkeypatch, tmp_path) -> Path:
    """Takes `original` for the release, and lets no LUDB of this machine be found."""
    monkeypatch.setattr(ludb, "RELEASE", "LUDB in small")
    monkeypatch.setattr(ludb, "SUMS_SHA256", pooch.file_hash(original / "SHA256SUMS.txt"))
    monkeypatch.setattr(ludb, "URL", "http://127.0.0.1:9/nothing.zip")
    monkeypatch.delenv("ECGLIB_LUDB", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    return original


@pytest.fixture
def copy(small, tmp_path) -> Path:
    """A folder with the small LUDB, to be spoilt."""
    return Path(shutil.copytree(small, tmp_path / "copy"))


@pytest.fixture
def served(small, serve, monkeypatch, tmp_path) -> Path:
    """Where the zip belongs that is downloaded."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(ludb, "URL", f"{serve(folder)}/ludb.zip")
    return folder / "ludb.zip"


def _left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_microvolts_waves_and_findings_of_a_small_one(copy):
    records = load_ludb(copy, "V6")
    record = wfdb.rdrecord(str(copy / "data" / "2"), physical=False)
    assert np.array_equal(read_digital("2", copy), record.d_signal)
    assert records.signals[1] == pytest.approx(record.d_signal[:, LEADS.index("v6")] / 1000)
    assert records.waves[0].tolist() == [("qrs", 500, 520, 545), ("t", -1, 700, -1)]
    assert records.rhythms == ("Sinus rhythm", "Atrial fibrillation")
    assert records.diagnoses == (
        (),
        (
            "Aberrant conduction",
            "Electric axis of the heart: vertical",
            "I degree av block",
            "Left anterior hemiblock",
        ),
    )
    assert records.healthy.tolist() == [True, False]


def test_download_end_to_end_with_a_progress_bar(small, served, tmp_path, capfd):
    _zip(small, served)
    records = load_ludb()
    assert len(records) == 2
    assert "100%" in capfd.readouterr().err
    served.unlink()  # from now on the cache has to do
    assert np.array_equal(load_ludb().signals, records.signals)
    cache = tmp_path / "cache" / "ecglib"
    assert fetch() == cache / "ludb"
    assert [path.name for path in cache.iterdir()] == ["ludb"]


def test_fetch_downloads_to_a_given_folder_and_then_leaves_it(small, served, tmp_path):
    _zip(small, served)
    where = tmp_path / "mine" / "ludb"
    assert fetch(where) == where
    assert _left_in(where) == _left_in(small)
    served.unlink()
    assert fetch(where) == where


def test_fetch_does_not_write_over_something_else(small, tmp_path):
    (tmp_path / "thesis.txt").write_text("long")
    with pytest.raises(FileExistsError, match="holds something that is not LUDB"):
        fetch(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "long"


def test_the_argument_goes_before_the_environment(copy, monkeypatch, tmp_path):
    monkeypatch.setenv("ECGLIB_LUDB", str(tmp_path))
    assert len(load_ludb(copy)) == 2
    with pytest.raises(FileNotFoundError, match=r"ECGLIB_LUDB is .* and there is no LUDB"):
        load_ludb()
    monkeypatch.setenv("ECGLIB_LUDB", str(copy))
    assert len(load_ludb()) == 2
    with pytest.raises(FileNotFoundError, match=r"root is .* and there is no LUDB"):
        load_ludb(tmp_path)


@pytest.mark.parametrize("url", ["small", "served"])
def test_without_a_download_the_message_says_what_to_do(request, tmp_path, url):
    """Nobody answers at the small one's address; the server that does has no such page."""
    request.getfixturevalue(url)
    remedy = r'cannot be downloaded from .*\.zip.*: set ECGLIB_LUDB .* dataset="synthetic"'
    with pytest.raises(FileNotFoundError, match=remedy):
        load_ludb()
    assert _left_in(tmp_path / "cache") == ["ecglib"]


@pytest.mark.parametrize("name", ["data/2.dat", "data/1.hea", "data/1.v6", "ludb.csv", "RECORDS"])
def test_a_corrupted_file_is_named(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is corrupted"):
        load_ludb(copy)
    with pytest.raises(ValueError, match=f"{name} is corrupted"):
        fetch(copy)


def test_files_of_other_leads_do_not_matter_to_this_one(copy):
    (copy / "data" / "1.avr").unlink()
    assert len(load_ludb(copy)) == 2
    with pytest.raises(FileNotFoundError, match=r"data/1\.avr is missing"):
        load_ludb(copy, "avr")
    with pytest.raises(FileNotFoundError, match=r"data/1\.avr is missing"):
        fetch(copy)


def test_a_list_rewritten_to_suit_corrupted_files_is_refused(copy):
    (copy / "ludb.csv").write_text(CSV.replace("51", "15"))
    _list_sums(copy)
    with pytest.raises(ValueError, match=r"SHA256SUMS\.txt is not the list of LUDB in small"):
        load_ludb(copy)


def test_an_unknown_record_is_refused(copy):
    with pytest.raises(ValueError, match=r"no file data/201\.dat"):
        read_digital("201", copy)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("../escaped.txt", "names a file outside its folder"),
        ("/tmp/escaped.txt", "names a file outside its folder"),
        ("a/../../escaped.txt", "names a file outside its folder"),
        ("cut short", "not a whole zip"),
        ("damaged member", r"data/2\.v5 is corrupted .*ludb\.zip sent, so try again later"),
        ("something else", r"holds no SHA256SUMS\.txt"),
    ],
)
def test_an_unfit_zip_is_refused_and_leaves_nothing(copy, served, tmp_path, fault, sentence):
    if fault.endswith(".txt"):
        _zip(copy, served, **{fault: b"out"})
    elif fault == "cut short":
        _zip(copy, served)
        served.write_bytes(served.read_bytes()[: served.stat().st_size // 2])
    elif fault == "damaged member":
        (copy / "data" / "2.v5").write_bytes(b"")
        _zip(copy, served)
    else:
        with zipfile.ZipFile(served, "w") as file:
            file.writestr("cat.txt", "meow")
    with pytest.raises(ValueError, match=sentence):
        load_ludb()
    assert not list(tmp_path.rglob("escaped.txt"))
    assert _left_in(tmp_path / "cache") == ["ecglib"]


@pytest.fixture(scope="module")
def v6():
    """Lead V6 of LUDB itself: what asks for it is skipped where LUDB is not at hand."""
    if not os.environ.get("ECGLIB_LUDB"):
        pytest.skip("ECGLIB_LUDB names no folder that holds LUDB")
    return load_ludb()


def test_two_hundred_records_of_ten_seconds(v6):
    assert v6.signals.shape == (200, 5000) and v6.signals.dtype == np.float32
    assert (v6.fs, v6.lead, v6.source) == (500, "v6", "LUDB 1.0.1")
    assert v6.ids == tuple(str(i) for i in range(1, 201))


def test_einthovens_law_holds_in_the_digital_values_and_not_in_the_headers(v6):
    i, ii, iii = (LEADS.index(lead) for lead in ("i", "ii", "iii"))
    errors = []
    for record, record_id in enumerate(v6.ids):
        path = str(Path(os.environ["ECGLIB_LUDB"]) / "data" / record_id)
        digital = read_digital(record_id)
        assert np.array_equal(digital, wfdb.rdrecord(path, physical=False).d_signal)
        assert np.array_equal(np.round(v6.signals[record] * 1000), digital[:, LEADS.index("v6")])
        assert not np.any(digital[:, i] + digital[:, iii] - digital[:, ii])
        physical = wfdb.rdrecord(path).p_signal
        assert np.ptp(physical, axis=0) == pytest.approx(1, abs=0.01)
        errors.append(np.abs(physical[:, i] + physical[:, iii] - physical[:, ii]).max())
    assert np.median(errors) > 0.2 and min(errors) > 0.005  # mV, as the headers have it


def test_amplitudes_are_millivolts(v6):
    peak_to_peak = np.ptp(v6.signals, axis=1)
    assert peak_to_peak.min() == pytest.approx(0.54, abs=0.005)
    assert peak_to_peak.max() == pytest.approx(8.3, abs=0.05)


def test_number_of_waves(v6):
    kinds = Counter(np.concatenate(v6.waves)["kind"].tolist())
    assert kinds == {"p": 1398, "qrs": 1830, "t": 1643}
    beats = [len(v6.peaks(i, "qrs")) for i in range(200)]
    assert (min(beats), max(beats)) == (4, 20)
    assert sum(len(v6.peaks(i, "p")) > 0 for i in range(200)) == 176


def test_number_of_waves_over_all_leads(v6):
    folder = Path(os.environ["ECGLIB_LUDB"]) / "data"
    kinds, broken = Counter(), set()
    for record_id in v6.ids:
        for lead in LEADS:
            annotation = wfdb.rdann(str(folder / record_id), lead)
            waves = waves_from_symbols(annotation.sample, annotation.symbol)
            kinds.update(waves["kind"].tolist())
            if np.any((waves["onset"] < 0) | (waves["offset"] < 0)):
                broken.add(int(record_id))
    assert kinds == {"p": 16797, "qrs": 21965, "t": 19661}
    assert broken == {7, 8, 34, 95, 104, 111, 116, 198}


def test_durations_and_delays(v6):
    measured = per_record(v6)
    for kind, ms in (("P", 100), ("QRS", 90), ("T", 180)):
        assert np.nanmedian(measured[kind]) == pytest.approx(ms, abs=2)
    rr, rt = [], []
    for i in range(200):
        r, t = v6.peaks(i, "qrs"), v6.peaks(i, "t")
        rr.extend(np.diff(r) * 2)
        rt.extend((t - r[np.searchsorted(r, t) - 1])[t > r[0]] * 2)
    assert np.median(rr) == pytest.approx(900, abs=10)
    assert np.median(rt) == pytest.approx(268, abs=4)
    assert np.percentile(rt, [5, 95]) == pytest.approx([218, 336], abs=8)


def test_annotation_starts_late_and_ends_early(v6):
    first, last = np.array([waves["peak"][[0, -1]] for waves in v6.waves]).T / 500
    assert np.median(first) == pytest.approx(1.366, abs=0.001)
    assert np.median(last) == pytest.approx(8.597, abs=0.001)
    assert (first.min(), last.max()) == (0.434, 9.59)


def test_broken_triplets_lie_in_two_records_of_v6(v6):
    broken = {
        (v6.ids[i], wave["kind"])
        for i, waves in enumerate(v6.waves)
        for wave in waves
        if wave["onset"] < 0 or wave["offset"] < 0
    }
    assert broken == {("95", "qrs"), ("111", "qrs")}


def test_whole_waves_are_in_order(v6):
    for waves in v6.waves:
        assert (np.diff(waves["peak"]) > 0).all()
        assert (waves["onset"] < waves["peak"]).all()
        bounded = waves["offset"] >= 0
        assert (waves["offset"] > waves["peak"])[bounded].all()


def test_rhythms_are_those_that_ludb_counts(v6):
    assert Counter(v6.rhythms) == {
        "Sinus rhythm": 143,
        "Sinus tachycardia": 4,
        "Sinus bradycardia": 25,
        "Sinus arrhythmia": 8,
        "Irregular sinus rhythm": 2,
        "Atrial fibrillation": 15,
        "Atrial flutter, typical": 3,
    }


def test_findings_are_split_cell_by_cell_and_line_by_line(v6):
    assert v6.diagnoses[0] == (
        "Electric axis of the heart: left axis deviation",
        "Left ventricular overload",
        "Left ventricular hypertrophy",
        "Non-specific repolarization abnormalities: posterior wall",
    )
    assert v6.healthy.sum() == 15
    everything = [finding for found in v6.diagnoses for finding in found]
    assert "Electric axis of the heart: normal" not in everything
    assert everything.count("Wandering atrial pacemaker") == 3  # beside a rhythm, not one
    assert not any("\n" in finding or finding != finding.strip() for finding in everything)


def test_a_lead_is_asked_for_in_either_case_and_unknown_ones_are_refused(v6):
    assert np.array_equal(load_ludb(lead="V6").signals, v6.signals)
    with pytest.raises(ValueError, match="no lead 'v7': its leads are i, ii, iii, avr"):
        load_ludb(lead="v7")
