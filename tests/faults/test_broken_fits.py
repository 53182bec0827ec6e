"""The fits' cache, spoilt, deleted and full: every sweep ends with the right numbers."""

import errno
import io
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from toy_fits import failing_fit, lines, memory_fit, toy_fit, toy_specs

from ecglib import cache as cache_module
from ecglib.cache import FitCache
from ecglib.fits import FitError, run

KEY, OTHER = "ab" + 62 * "0", "cd" + 62 * "0"
RESULT = {"product": np.arange(6.0).reshape(2, 3), "state/bias": np.float32(1)}


@pytest.fixture
def kept(tmp_path) -> Path:
    """The file of one kept fit; another lies in the same cache."""
    store = FitCache(tmp_path / "fits")
    store.save({KEY: RESULT, OTHER: {"product": np.zeros((2, 3)), "state/bias": np.float32(0)}})
    return store.path(KEY)


def load(path: Path) -> dict | None:
    return FitCache(path.parent.parent).load(KEY)


def packed(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def in_place(path: Path, make) -> None:
    path.unlink()
    make(path)


HUGE = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
HUGE += b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(117) + b"\n"

DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "not a zip": lambda path: path.write_bytes(9 * b"junk"),
    "a text": lambda path: path.write_text("<<<<<<< HEAD\n"),
    "of the other key": lambda path: shutil.copy(path.parents[1] / "cd" / f"{OTHER}.npz", path),
    "without a digest": lambda path: path.write_bytes(path.read_bytes()[:-32]),
    "an array lost": lambda path: path.write_bytes(packed(product=RESULT["product"])),
    "an array more": lambda path: path.write_bytes(packed(**RESULT, more=1)),
    "an array changed": lambda path: path.write_bytes(packed(**RESULT | {"product": 7})),
    "something behind": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "something before": lambda path: path.write_bytes(b"\0" + path.read_bytes()),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(RESULT)),
    "pickled inside": lambda path: path.write_bytes(packed(product=np.array([{}], object))),
    "a huge shape": lambda path: path.write_bytes(HUGE),
    "a folder": lambda path: in_place(path, Path.mkdir),
    "a pipe": lambda path: in_place(path, os.mkfifo),
    "a link to itself": lambda path: in_place(path, lambda p: p.symlink_to(p.name)),
    "a device": lambda path: in_place(path, lambda p: p.symlink_to("/dev/zero")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_spoilt_file_is_named_and_not_taken_for_the_fit(kept, damage):
    DAMAGES[damage](kept)
    with pytest.warns(UserWarning, match=rf"{kept.name} is broken \(.+\) and is fitted again\.$"):
        assert load(kept) is None


def test_a_file_that_is_not_there_is_no_fault(kept, recwarn):
    for make in (lambda path: None, lambda path: path.symlink_to("nowhere")):
        in_place(kept, make)
        assert load(kept) is None
        kept.unlink(missing_ok=True)
        kept.touch()
    assert not recwarn


def test_a_whole_file_is_the_fit_and_an_archive_of_numpy(kept, recwarn):
    for found in (load(kept), dict(np.load(kept))):
        assert found.keys() == RESULT.keys()
        for name in RESULT:
            np.testing.assert_array_equal(found[name], RESULT[name])
    assert not recwarn


def spoil_everywhere(kept: Path, places) -> None:
    whole = kept.read_bytes()
    store = FitCache(kept.parent.parent)
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        for content in (flipped, whole[:place]):
            kept.write_bytes(content)
            with pytest.warns(UserWarning, match="is broken"):
                assert store.load(KEY) is None


def test_flipped_bytes_and_cuts(kept):
    places = np.random.default_rng(0).choice(kept.stat().st_size, 200, replace=False)
    spoil_everywhere(kept, places.tolist())


@pytest.mark.slow
def test_every_flipped_byte_and_every_cut(kept):
    spoil_everywhere(kept, range(kept.stat().st_size))


# Deleted at any time, and used by several


def sweeps(folder: Path, count: int, batch: int = 1) -> None:
    log = folder.parent / "log"
    expected = run(toy_fit, toy_specs(log, 3), jobs=1, cache=folder.parent / "quiet")
    for _ in range(count):
        results = run(toy_fit, toy_specs(log, 3), jobs=1, batch=batch, cache=folder)
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_array_equal(ours["product"], theirs["product"])


DELETER = "import shutil, sys\nwhile True: shutil.rmtree(sys.argv[1], ignore_errors=True)"


@pytest.mark.parametrize("batch", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_sixty_sweeps_while_another_process_deletes_the_cache(tmp_path, batch):
    folder = tmp_path / "fits"
    deleter = subprocess.Popen([sys.executable, "-c", DELETER, folder])
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "a fit cannot be kept|.* is broken")
            sweeps(folder, 60, batch)
    finally:
        deleter.kill()
        deleter.wait()


def test_two_at_the_same_fit(tmp_path, recwarn):
    threads = [
        threading.Thread(target=FitCache(tmp_path / "fits").save, args=({KEY: RESULT},))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert FitCache(tmp_path / "fits").load(KEY).keys() == RESULT.keys()
    assert [path.name for path in (tmp_path / "fits" / "ab").iterdir()] == [f"{KEY}.npz"]
    assert not recwarn


@pytest.mark.parametrize(
    ("error", "why"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "Read-only file system")],
)
def test_what_cannot_be_kept_is_said_once_and_the_sweep_goes_on(tmp_path, monkeypatch, error, why):
    def full(*_):
        raise OSError(error, os.strerror(error))

    expected = run(toy_fit, toy_specs(tmp_path / "log", 3), jobs=1, cache=tmp_path / "quiet")
    monkeypatch.setattr(cache_module.os, "replace", full)
    with pytest.warns(UserWarning) as caught:
        results = run(toy_fit, toy_specs(tmp_path / "log", 3), jobs=1, cache=tmp_path / "fits")
    assert [str(w.message) for w in caught] == [
        f"a fit cannot be kept in {tmp_path / 'fits'} ({why}): the run goes on, and the next one "
        "has to fit again what is not kept."
    ]
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours["product"], theirs["product"])
    files = [path.name for path in (tmp_path / "fits").rglob("*") if path.is_file()]
    assert files == [".lock"]


def test_left_over_files_are_swept_and_those_of_a_process_at_work_are_not(kept):
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    names = ("tmpabc.part", f"tmp-{process.pid}-abc.part", f"tmp-{os.getppid()}-abc.part")
    old, ended, working = (kept.parent / name for name in names)
    reused = kept.parent / f"tmp-{os.getpid()}-old.part"  # by an earlier process of this number
    for path in (old, ended, working, reused):
        path.write_bytes(b"half")
    os.utime(reused, (0, time.time() - 10**7))
    FitCache(kept.parent.parent)
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, working.name}


@pytest.mark.parametrize(
    ("folder", "kind", "says"),
    [
        ("~nosuchuser/fits", ValueError, "cache is '~nosuchuser/fits', but there is no such user"),
        ("file", OSError, r"cannot write fits to .*file \(File exists\): set ECGLIB_CACHE"),
        ("file/fits", OSError, r"cannot write fits to .*\(Not a directory\): set ECGLIB_CACHE"),
        (300 * "a", OSError, r"cannot write fits to .*\(File name too long\): set ECGLIB_CACHE"),
        ("/proc/fits", OSError, r"cannot write fits to /proc/fits \(.*\): set ECGLIB_CACHE"),
    ],
)
def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, folder, kind, says):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=says):
        run(toy_fit, toy_specs(tmp_path / "log", 1), cache=folder)
    assert not lines(tmp_path / "log")


@pytest.mark.parametrize("seed", range(3))
def test_lack_of_memory_is_named(tmp_path, seed):
    with pytest.raises(FitError, match=r"^sweep: ToyFit\(seed=.*needs more memory than there is"):
        specs = toy_specs(tmp_path / "log", 3)[seed : seed + 1]
        run(memory_fit, specs, jobs=1, cache=tmp_path / "fits", label="sweep")
    with pytest.raises(FitError, match="failed: ArithmeticError"):
        run(failing_fit, toy_specs(tmp_path / "log", 3), jobs=1, cache=tmp_path / "fits")


# (what a fit returns for each spec, and why that is no result)
NO_RESULTS = [
    (lambda specs: None, "its results are no dicts of arrays"),
    (lambda specs: [None for _ in specs], "its results are no dicts of arrays"),
    (lambda specs: [[1.0] for _ in specs], "its results are no dicts of arrays"),
    (lambda specs: [{"x": [[1], [1, 2]]} for _ in specs], "its results are no dicts of arrays"),
    (lambda specs: [{"file": 1} for _ in specs], "a result cannot be called 'file'"),
    (lambda specs: [{"allow_pickle": 1} for _ in specs], "cannot be called 'allow_pickle'"),
    (lambda specs: [{1: 1} for _ in specs], "a result cannot be called 1"),
    (lambda specs: [{"x": {1}} for _ in specs], "result 'x' is no array of numbers or text"),
]


@pytest.mark.parametrize(("fit", "why"), NO_RESULTS)
def test_what_is_no_result_is_said_by_the_fit(tmp_path, fit, why):
    with pytest.raises(FitError, match=r"^sweep: ToyFit\(seed=0.*" + re.escape(why)):
        run(fit, toy_specs(tmp_path / "log", 2), jobs=1, cache=tmp_path / "fits", label="sweep")
