"""The fits' cache, spoilt, deleted and full: every sweep ends with the right numbers."""

import errno
import io
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest
from toy_fits import failing_fit, gated_fit, lines, memory_fit, toy_fit, toy_specs

from ecglib import cache as cache_module
from ecglib import locks
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


# Waiting for a fit that another process is at


class Holder:
    """A process that is at the first of three fits and goes no further before it is let go."""

    def __init__(self, folder: Path, jobs: int):
        self.cache, self.log = folder / "fits", folder / "log"
        self.specs = toy_specs(self.log, 3)
        self.gate = folder / "log-gate"
        self.gate.touch()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch", "ecglib.fits"])
        specs = self.specs[:1] + toy_specs(self.log, 4)[3:]  # the other for a second worker
        self.process = context.Process(target=_sweep, args=(specs, jobs, self.cache))
        self.process.start()
        began = folder / "log-at-work"
        while not (began.exists() and began.read_text().endswith("\n")):
            assert self.process.is_alive(), "the holder ended before it was at work"
            time.sleep(0.01)
        self.worker = int(began.read_text())  # the process itself, where it has one job

    def kill(self, pid: int, how: int = signal.SIGKILL) -> None:
        os.kill(pid, how)
        self.process.join()

    def fail(self) -> None:
        Path(f"{self.log}-fail-{self.worker}").touch()
        self.process.join()

    def stop_and_kill(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)
        time.sleep(0.5)
        self.kill(self.process.pid)

    def lose_the_cache(self) -> None:
        shutil.rmtree(self.cache)

    def lose_the_cache_for_a_file(self) -> None:
        shutil.rmtree(self.cache)
        self.cache.write_text("in the way")


def _sweep(specs: list, jobs: int, cache: Path) -> None:
    run(gated_fit, specs, jobs=jobs, cache=cache)


# What happens to the holder, its jobs, and whether the one who waits fits for itself.
HAPPENINGS = {
    "nothing": (lambda holder: None, 1, False),
    "killed": (lambda holder: holder.kill(holder.process.pid), 1, True),
    "killed, with workers": (lambda holder: holder.kill(holder.process.pid), 2, True),
    "its worker killed": (lambda holder: holder.kill(holder.worker), 2, True),
    "terminated": (lambda holder: holder.kill(holder.process.pid, signal.SIGTERM), 1, True),
    "interrupted": (lambda holder: holder.kill(holder.process.pid, signal.SIGINT), 1, True),
    "stopped, then killed": (Holder.stop_and_kill, 1, True),
    "its fit fails": (Holder.fail, 1, True),
    "the cache deleted": (Holder.lose_the_cache, 1, False),
    "the lock file deleted": (lambda holder: (holder.cache / ".lock").unlink(), 1, False),
    "the cache deleted for a file": (Holder.lose_the_cache_for_a_file, 1, True),
}


@pytest.mark.filterwarnings("ignore:a fit cannot be kept|the kept fit")
@pytest.mark.parametrize("batch", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "happening",
    [
        pytest.param(name, marks=pytest.mark.slow if jobs > 1 else ())
        for name, (_, jobs, _) in HAPPENINGS.items()
    ],
)
def test_a_fit_that_another_process_is_at_is_waited_for_or_done(tmp_path, happening, batch):
    act, jobs, fitted_here = HAPPENINGS[happening]
    expected = run(toy_fit, toy_specs(tmp_path / "quiet-log", 3), jobs=1, cache=tmp_path / "quiet")
    holder = Holder(tmp_path, jobs)

    def of_seed(*seeds: int) -> list[int]:
        return [pid for seed, _, pid in lines(holder.log) if seed in seeds]

    ended = threading.Event()

    def meanwhile() -> None:
        try:
            # The one who waits does its own others first.
            while len(of_seed(1, 2)) < 2 and not ended.wait(0.01):
                pass
            time.sleep(0.3)
            act(holder)
        finally:
            holder.gate.unlink()

    thread = threading.Thread(target=meanwhile)
    thread.start()
    try:
        results = run(gated_fit, holder.specs, jobs=1, batch=batch, cache=holder.cache)
    finally:
        ended.set()
        thread.join()
        holder.process.kill()
        holder.process.join()
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours["product"], theirs["product"])
    assert of_seed(1, 2) == 2 * [os.getpid()]
    by = of_seed(0)
    if happening == "the cache deleted for a file":  # nothing can be kept: both did it
        assert sorted(by) == sorted([holder.worker, os.getpid()])
    else:
        assert by == [os.getpid() if fitted_here else holder.worker]


# What may stand where the file of the locks is to be, or be said when it is locked.
LOCK_FILES = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("no/where"),
    "a device": lambda path: path.symlink_to("/dev/full"),
    "a text": lambda path: path.write_text("4711\n"),
    "for readers only": lambda path: (path.touch(), path.chmod(0o444)),
    "for nobody": lambda path: (path.touch(), path.chmod(0)),
}


def each_once(tmp_path: Path) -> None:
    """Two sweeps of the same fits, the second of which finds them kept."""
    expected = run(toy_fit, toy_specs(tmp_path / "quiet-log", 3), jobs=1, cache=tmp_path / "quiet")
    for _ in range(2):
        results = run(toy_fit, toy_specs(tmp_path / "log", 3), jobs=1, cache=tmp_path / "fits")
        for ours, theirs in zip(results, expected, strict=True):
            np.testing.assert_array_equal(ours["product"], theirs["product"])
    assert [seed for seed, *_ in lines(tmp_path / "log")] == [0, 1, 2]


@pytest.mark.parametrize("file", LOCK_FILES)
def test_without_a_lock_file_fits_are_simply_done(tmp_path, file, recwarn):
    (tmp_path / "fits").mkdir()
    LOCK_FILES[file](tmp_path / "fits" / ".lock")
    each_once(tmp_path)
    assert not recwarn


NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO, errno.ESTALE)


@pytest.mark.parametrize("error", NO_LOCKS, ids=errno.errorcode.get)
def test_without_locks_fits_are_simply_done(tmp_path, monkeypatch, error, recwarn):
    def refuse(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(locks.fcntl, "lockf", refuse)
    each_once(tmp_path)
    assert not recwarn


def test_a_system_without_such_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    each_once(tmp_path)


def open_files(specs: list) -> list[dict]:
    """A fit that tells how many files its process has open."""
    return [{"files": psutil.Process().num_fds()} for _ in specs]


def test_hundreds_of_fits_at_once_need_one_open_file_more(tmp_path):
    before = psutil.Process().num_fds()
    specs = toy_specs(tmp_path / "log", 600)
    results = run(open_files, specs, jobs=1, batch=600, cache=tmp_path / "fits")
    assert {int(result["files"]) for result in results} == {before + 1}
    assert psutil.Process().num_fds() == before


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
