"""A LUDB of two records, built here, served from this machine, and broken in every way."""

import functools
import hashlib
import http.server
import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglib.ludb import LEADS, fetch, load_ludb, read_digital
from ecglib.ludb_files import Release

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
        signals = rng.integers(-900, 900, (5000, 12))
        wfdb.wrsamp(
            name,
            fs=500,
            units=["mV"] * 12,
            sig_name=list(LEADS),
            d_signal=signals,
            fmt=["16"] * 12,
            adc_gain=[1234.0] * 12,  # as wrong as LUDB's
            baseline=[0] * 12,
            write_dir=str(folder / "data"),
        )
        for lead in LEADS:
            annotation = folder / "data" / f"{name}.ann"  # wfdb writes no digits in an extension
            wfdb.wrann(
                name,
                "ann",
                np.array([500, 520, 545, 700]),
                ["(", "N", ")", "t"],
                write_dir=str(annotation.parent),
            )
            annotation.rename(annotation.with_suffix(f".{lead}"))
    (folder / "ludb.csv").write_bytes(CSV.encode())
    (folder / "RECORDS").write_text("data/1\ndata/2\n")
    _list_sums(folder)
    return folder


def _list_sums(folder: Path) -> None:
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "SHA256SUMS.txt")
    (folder / "SHA256SUMS.txt").write_text(
        "".join(
            f"{hashlib.sha256(f.read_bytes()).hexdigest()} {f.relative_to(folder).as_posix()}\n"
            for f in files
        )
    )


def _zip(folder: Path, path: Path, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for member in sorted(folder.rglob("*")):
            file.write(member, f"ludb-1.0.1/{member.relative_to(folder).as_posix()}")
        for name, content in more.items():
            file.writestr(name, content)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder and the address it is served at."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch, tmp_path):
    """No LUDB of this machine is found: the environment is empty and the cache is new."""
    monkeypatch.delenv("ECGLIB_LUDB", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)


@pytest.fixture
def copy(original, tmp_path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


@pytest.fixture
def release(original) -> Release:
    return _release(original, "http://127.0.0.1:9/nothing.zip")


def _release(folder: Path, url: str) -> Release:
    digest = hashlib.sha256((folder / "SHA256SUMS.txt").read_bytes()).hexdigest()
    return Release("LUDB in small", url, digest)


def _left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def test_microvolts_waves_and_findings_of_a_small_one(copy, release):
    records = load_ludb(copy, "V6", release=release)
    digital, physical = read_digital("2", copy, release=release)
    assert records.signals[1] == pytest.approx(digital[:, LEADS.index("v6")] / 1000)
    assert physical == pytest.approx(digital / 1234)
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


def test_download_end_to_end_with_a_progress_bar(original, served, tmp_path, capfd):
    folder, address = served
    _zip(original, folder / "ludb.zip")
    release = _release(original, f"{address}/ludb.zip")
    records = load_ludb(release=release)
    assert len(records) == 2
    assert "100%" in capfd.readouterr().err
    (folder / "ludb.zip").unlink()  # from now on the cache has to do
    assert np.array_equal(load_ludb(release=release).signals, records.signals)
    cache = tmp_path / "cache" / "ecglib"
    assert fetch(release=release) == cache / "ludb"
    assert [path.name for path in cache.iterdir()] == ["ludb"]


def test_fetch_downloads_to_a_given_folder_and_then_leaves_it(original, served, tmp_path):
    folder, address = served
    _zip(original, folder / "ludb.zip")
    release = _release(original, f"{address}/ludb.zip")
    where = tmp_path / "mine" / "ludb"
    assert fetch(where, release) == where
    assert _left_in(where) == _left_in(original)
    (folder / "ludb.zip").unlink()
    assert fetch(where, release) == where


def test_fetch_does_not_write_over_something_else(tmp_path, release):
    (tmp_path / "thesis.txt").write_text("long")
    with pytest.raises(FileExistsError, match="holds something that is not LUDB"):
        fetch(tmp_path, release)
    assert (tmp_path / "thesis.txt").read_text() == "long"


def test_the_argument_goes_before_the_environment(copy, release, monkeypatch, tmp_path):
    monkeypatch.setenv("ECGLIB_LUDB", str(tmp_path))
    assert len(load_ludb(copy, release=release)) == 2
    with pytest.raises(FileNotFoundError, match=r"ECGLIB_LUDB is .* and there is no LUDB"):
        load_ludb(release=release)
    monkeypatch.setenv("ECGLIB_LUDB", str(copy))
    assert len(load_ludb(release=release)) == 2
    with pytest.raises(FileNotFoundError, match=r"root is .* and there is no LUDB"):
        load_ludb(tmp_path, release=release)


def test_without_a_network_the_message_says_what_to_do(release, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load_ludb(release=release)
    assert "ECGLIB_LUDB" in str(error.value) and 'dataset="synthetic"' in str(error.value)
    assert _left_in(tmp_path / "cache") == ["ecglib"]


def test_a_missing_page_is_no_download(served, original, tmp_path):
    release = _release(original, f"{served[1]}/moved.zip")
    with pytest.raises(FileNotFoundError, match=r"cannot be downloaded from .*moved\.zip"):
        load_ludb(release=release)
    assert _left_in(tmp_path / "cache") == ["ecglib"]


@pytest.mark.parametrize("name", ["data/2.dat", "data/1.hea", "data/1.v6", "ludb.csv", "RECORDS"])
def test_a_corrupted_file_is_named(copy, release, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is corrupted"):
        load_ludb(copy, release=release)
    with pytest.raises(ValueError, match=f"{name} is corrupted"):
        fetch(copy, release)


def test_files_of_other_leads_do_not_matter_to_this_one(copy, release):
    (copy / "data" / "1.avr").unlink()
    assert len(load_ludb(copy, release=release)) == 2
    with pytest.raises(FileNotFoundError, match=r"data/1\.avr is missing"):
        load_ludb(copy, "avr", release=release)
    with pytest.raises(FileNotFoundError, match=r"data/1\.avr is missing"):
        fetch(copy, release)


def test_a_list_rewritten_to_suit_corrupted_files_is_refused(copy, release):
    (copy / "ludb.csv").write_text(CSV.replace("51", "15"))
    _list_sums(copy)
    with pytest.raises(ValueError, match=r"SHA256SUMS\.txt is not the list of LUDB in small"):
        load_ludb(copy, release=release)


def test_an_unknown_record_is_refused(copy, release):
    with pytest.raises(ValueError, match=r"no file data/201\.hea"):
        read_digital("201", copy, release=release)


@pytest.mark.parametrize("member", ["../escaped.txt", "/tmp/escaped.txt", "a/../../escaped.txt"])
def test_a_zip_that_points_outside_its_folder_is_refused(original, served, tmp_path, member):
    folder, address = served
    _zip(original, folder / "ludb.zip", **{member: b"out"})
    with pytest.raises(ValueError, match="names a file outside its folder"):
        load_ludb(release=_release(original, f"{address}/ludb.zip"))
    assert not list(tmp_path.rglob("escaped.txt"))
    assert _left_in(tmp_path / "cache") == ["ecglib"]


def test_a_broken_zip_leaves_nothing(original, served, tmp_path):
    folder, address = served
    _zip(original, folder / "ludb.zip")
    content = (folder / "ludb.zip").read_bytes()
    (folder / "ludb.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a whole zip"):
        load_ludb(release=_release(original, f"{address}/ludb.zip"))
    assert _left_in(tmp_path / "cache") == ["ecglib"]


def test_a_zip_with_a_damaged_member_leaves_nothing(original, copy, served, tmp_path):
    folder, address = served
    (copy / "data" / "2.v5").write_bytes(b"")
    _zip(copy, folder / "ludb.zip")
    with pytest.raises(ValueError, match=r"is not LUDB in small \(data/2\.v5 is corrupted"):
        load_ludb(release=_release(original, f"{address}/ludb.zip"))
    assert _left_in(tmp_path / "cache") == ["ecglib"]


def test_a_zip_of_something_else_is_refused(original, served, tmp_path):
    folder, address = served
    with zipfile.ZipFile(folder / "ludb.zip", "w") as file:
        file.writestr("cat.txt", "meow")
    with pytest.raises(ValueError, match=r"holds no SHA256SUMS\.txt"):
        load_ludb(release=_release(original, f"{address}/ludb.zip"))
