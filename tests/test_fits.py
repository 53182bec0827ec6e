"""Workers and cache: the same numbers however fits are run, interrupted or repeated."""

import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import runs_on
from toy_fits import dying_fit, failing_fit, lines, object_fit, toy_fit, toy_specs, wrong_count_fit

from ecglib import cache as cache_module
from ecglib import cluster, fits
from ecglib.cache import FitCache, keys
from ecglib.fits import FitError, ensemble_size, resolve_device, run, tally


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("ECGLIB_JOBS", "ECGLIB_CLUSTER", "ECGLIB_CACHE"):
        monkeypatch.delenv(name, raising=False)


def assert_equal(results, expected):
    assert len(results) == len(expected)
    for ours, theirs in zip(results, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name], strict=True)


def undisturbed(tmp_path, specs, **options):
    quiet = [replace(spec, log=str(tmp_path / "undisturbed-log"), seconds=0.0) for spec in specs]
    return run(toy_fit, quiet, jobs=1, cache=tmp_path / "undisturbed", **options)


# The same numbers, each fit once


def test_same_numbers_whatever_the_jobs_and_nothing_is_fitted_twice(tmp_path, capfd):
    specs = toy_specs(tmp_path / "log", 6)
    one = run(toy_fit, specs, jobs=1, batch=2, cache=tmp_path / "one")
    two = run(toy_fit, specs, jobs=2, batch=2, cache=tmp_path / "two", label="sweep")
    assert_equal(two, one)
    assert not np.array_equal(one[0]["product"], one[1]["product"])
    assert all(result["threads"] == 1 for result in one + two)
    done = lines(tmp_path / "log")
    assert sorted(seed for seed, _, _ in done) == sorted(2 * list(range(6)))
    assert {process for *_, process in done[6:]}.isdisjoint({os.getpid()})

    assert_equal(run(toy_fit, specs, jobs=2, batch=2, cache=tmp_path / "two"), one)
    assert len(lines(tmp_path / "log")) == 12
    assert capfd.readouterr().err == ""  # no progress bar where nobody watches


def test_results_follow_the_order_of_specs_and_duplicates_are_fitted_once(tmp_path):
    a, b, c = toy_specs(tmp_path / "log", 3)
    results = run(toy_fit, [c, a, replace(c), b], jobs=1, cache=tmp_path)
    assert_equal(results, run(toy_fit, [c, a, c, b], jobs=1, cache=tmp_path))
    assert_equal(results[:1], results[2:3])
    assert [seed for seed, *_ in lines(tmp_path / "log")] == [2, 0, 1]
    assert run(toy_fit, [], cache=tmp_path) == []


def test_groups_are_kept_apart_and_only_missing_members_are_fitted(tmp_path):
    specs = toy_specs(tmp_path / "log", 7)
    run(toy_fit, [specs[4]], jobs=1, cache=tmp_path)
    run(toy_fit, specs, jobs=1, batch=3, by=lambda spec: spec.seed % 2, cache=tmp_path)
    # even seeds 0 2 4 | 6, odd seeds 1 3 5; 4 was there and its place stays empty
    calls = [(seed, size) for seed, size, _ in lines(tmp_path / "log")]
    assert calls == [(4, 1), (0, 2), (2, 2), (6, 1), (1, 3), (3, 3), (5, 3)]


def test_the_callers_thread_count_is_put_back(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert run(toy_fit, toy_specs(tmp_path / "log", 1), cache=tmp_path)[0]["threads"] == 1
        with pytest.raises(FitError):
            run(failing_fit, toy_specs(tmp_path / "log", 3), jobs=1, cache=tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# What the key covers


def test_a_changed_configuration_is_another_fit(tmp_path):
    (spec,) = toy_specs(tmp_path / "log", 1)
    other = spec.signals.copy()
    other[-1, -1] = np.nextafter(other[-1, -1], np.inf)
    variants = [
        spec,
        replace(spec, seed=1),
        replace(spec, signals=other),
        replace(spec, signals=spec.signals.T.copy().reshape(spec.signals.shape)),
        replace(spec, signals=spec.signals.reshape(60, 350)),
        replace(spec, signals=spec.signals.astype(">f4")),
        replace(spec, seconds=1),
        replace(spec, seconds=True),
    ]
    assert len(set(keys(toy_fit, variants)) - {None}) == len(variants)
    assert keys(toy_fit, [replace(spec)]) == keys(toy_fit, [spec]) != keys(failing_fit, [spec])


@dataclass(frozen=True)
class Nested:
    value: object


@dataclass(frozen=True)
class AlsoNested:
    value: object


def key(value):
    (found,) = keys(toy_fit, [Nested(value)])
    return found


def test_values_that_only_look_alike_have_different_keys():
    values = [
        None, 0, 0.0, False, "0", b"0", "", (), (0,), ((0,),), (0, 0), ("a", "bc"), ("ab", "c"),
        {}, {"a": 1}, {"a": 2}, {"b": 1}, np.float32(0), np.float64(0), np.zeros(1), np.zeros(2),
        np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2, np.float32), torch.nn.Conv1d,
        torch.nn.Conv2d, Nested(0), AlsoNested(0), Nested(Nested(0)),
    ]  # fmt: skip
    assert len({key(value) for value in values} - {None}) == len(values)
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    for nothing_to_compare in (object(), np.array([object()])):
        with pytest.raises(ValueError, match="a spec may hold numbers, text, arrays"):
            key(nothing_to_compare)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Write a file of modules that can be imported, and forget them at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if name.startswith(("house", "mine")):
            del sys.modules[name]


NOTHING = [Nested(None)]


def test_a_change_in_a_networks_file_changes_the_key_and_one_in_a_figures_does_not(house):
    house("house/nets/__init__.py", "")
    house("house/pages/figure.py", "")
    house("house/nets/net.py", '"""A net."""\n\nTAPS = 100\n')
    house("house/nets/training.py", "def fit(specs):\n    return [{'x': 1}]\n")
    fit = importlib.import_module("house.nets.training").fit
    before = keys(fit, NOTHING)
    house("house/pages/figure.py", "WIDTH = 5.6\n")
    house("house/nets/net.py", '"""This net."""\nTAPS = 100  # as in Table I\n')
    assert keys(fit, NOTHING) == before != [None]
    house("house/nets/net.py", '"""A net."""\nTAPS = 99\n')
    assert keys(fit, NOTHING) not in (before, [None])


def test_the_code_of_a_base_class_counts(house):
    house("house/base.py", "class Base:\n    width = 4\n")
    house("mine.py", "from house.base import Base\n\n\nclass Net(Base):\n    pass\n")
    net = importlib.import_module("mine").Net
    before = keys(toy_fit, [Nested(net)])
    house("house/base.py", "class Base:\n    width = 5\n")
    assert keys(toy_fit, [Nested(net)]) not in (before, [None])


def test_code_that_a_spec_brings_along_counts(house):
    house("mine.py", "class Net:\n    width = 4\n")
    mine = importlib.import_module("mine")
    before = key({"network": mine.Net})
    assert before == key({"network": mine.Net}) != key({"network": torch.nn.Linear})
    house("mine.py", "class Net:\n    width = 3\n")
    assert key({"network": mine.Net}) not in (before, None)


def test_of_an_installed_library_only_the_name_counts(monkeypatch):
    read = []
    monkeypatch.setattr(cache_module, "essence", lambda source: read.append(source) or "")
    before = key(torch.nn.Conv1d)
    assert before not in (None, key(torch.nn.Conv2d))
    assert not any("Applies a 1D convolution" + " over an input" in source for source in read)


def test_what_stands_in_no_file_is_fitted_anew_by_every_run(tmp_path):
    class Inner:
        pass

    def inner_fit(specs):
        return toy_fit([spec.value for spec in specs])

    (spec,) = toy_specs(tmp_path / "log", 1)
    expected = undisturbed(tmp_path, [spec])
    for _ in range(2):
        assert_equal(run(inner_fit, [Nested(spec)], jobs=1, cache=tmp_path / "fits"), expected)
    assert len(lines(tmp_path / "log")) == 2
    assert not list((tmp_path / "fits").rglob("*.npz"))
    assert [key(value) for value in (Inner, lambda: 0, [inner_fit])] == [None] * 3
    two = run(inner_fit, [Nested(spec), Nested(spec)], jobs=2, cache=tmp_path / "fits")
    assert_equal(two, 2 * expected)


NOTEBOOK = """
import sys

import numpy as np
from torch import nn

from ecglib.fits import run
from ecglib.nets.training import AutoencoderFit, fit_autoencoders, train

BIAS = False


class Mine(nn.Module):
    def __init__(self, length, latent):
        super().__init__()
        self.encode, self.decode = nn.Linear(length, latent, BIAS), nn.Linear(latent, length)

    def forward(self, signals):
        return self.decode(self.encode(signals))


signals = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
specs = [
    AutoencoderFit(
        signals, network=Mine, net={"latent": 3}, steps=4, batch=5, seed=seed, device="cpu"
    )
    for seed in range(3)
]
nets, results = train(specs, "mine")
alone = run(fit_autoencoders, specs, jobs=1)
for net, ours, theirs in zip(nets, results, alone, strict=True):
    assert type(net) is Mine and not net.training
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours.keys())
    assert np.array_equal(net.encode.weight.detach(), ours["state/encode.weight"])
print("same numbers", "loky" in str(sys.modules))
"""


def test_a_network_of_a_notebook_is_trained_in_processes_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_JOBS", "2")
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "fits"))
    script = tmp_path / "script.py"
    script.write_text(NOTEBOOK)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.stdout == "same numbers True\n", done.stderr
    assert not list((tmp_path / "fits").rglob("*.npz"))


# Files


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "not a zip"])
def test_a_broken_file_is_named_and_its_fit_repeated(tmp_path, damage):
    specs = toy_specs(tmp_path / "log", 2)
    expected = run(toy_fit, specs, jobs=1, cache=tmp_path / "cache")
    path = sorted((tmp_path / "cache").rglob("*.npz"))[0]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    path.write_bytes(
        {"cut": whole[:-40], "empty": b"", "flipped": flipped, "not a zip": b"junk" * 9}[damage]
    )
    with pytest.warns(UserWarning, match=f"{path.name} is broken"):
        results = run(toy_fit, specs, jobs=1, cache=tmp_path / "cache")
    assert_equal(results, expected)
    assert len(lines(tmp_path / "log")) == 3
    assert path.read_bytes() == whole


def test_folder_from_the_environment_and_one_that_cannot_be_written(tmp_path, monkeypatch):
    specs = toy_specs(tmp_path / "log", 1)
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "from-environment"))
    run(toy_fit, specs)
    (path,) = (tmp_path / "from-environment").rglob("*.npz")
    assert path.parent.name == path.name[:2]

    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write fits to .*file/fits.*: set ECGLIB_CACHE"):
        run(toy_fit, specs, cache=tmp_path / "file" / "fits")
    assert len(lines(tmp_path / "log")) == 1


# Interruption


def _quick_to_start():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "ecglib.fits"])
    return context


def _sweep(specs, folder, jobs):
    run(toy_fit, specs, jobs=jobs, batch=2, cache=folder)


def test_killed_ten_times_at_random_moments_and_finished_by_a_rerun(tmp_path):
    context = _quick_to_start()
    rng = np.random.default_rng(0)
    expected = undisturbed(tmp_path, toy_specs("", 12), batch=2)
    finished_before = []
    for trial in range(10):
        log, folder = tmp_path / f"log{trial}", tmp_path / f"fits{trial}"
        specs = toy_specs(log, 12, seconds=0.05)
        jobs = 2 if trial % 5 == 0 else 1
        process = context.Process(target=_sweep, args=(specs, folder, jobs))
        process.start()
        enough = rng.integers(1, 10)
        while process.is_alive() and len(lines(log)) < enough:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0)

        store, filed = FitCache(folder), keys(toy_fit, specs)
        kept = {s.seed for s, name in zip(specs, filed, strict=True) if store.path(name).exists()}
        finished_before.append(len(kept))
        assert_equal(run(toy_fit, specs, jobs=1, batch=2, cache=folder), expected)
        again = [seed for seed, _, process in lines(log) if process == os.getpid()]
        assert sorted(again) == sorted(set(range(12)) - kept)
    assert any(0 < count < 12 for count in finished_before), finished_before


def test_workers_of_a_killed_sweep_end_too(tmp_path):
    context = multiprocessing.get_context("forkserver")
    specs = toy_specs(tmp_path / "log", 200, seconds=0.05)
    process = context.Process(target=_sweep, args=(specs, tmp_path / "fits", 2))
    process.start()
    while process.is_alive() and len(lines(tmp_path / "log")) < 8:
        time.sleep(0.01)
    process.kill()
    process.join()
    workers = {pid for *_, pid in lines(tmp_path / "log")}
    assert process.pid not in workers
    while any(map(runs_on, workers)):  # for ever, if they do: then pytest ends it
        time.sleep(0.1)


# Side by side


def _counted(barrier, answers, specs, folder, options):
    barrier.wait()
    before = tally.copy()
    results = run(toy_fit, specs, cache=folder, **options)
    answers.put((os.getpid(), results, tally - before))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"jobs": 1}, {"jobs": 1, "batch": 3}),
        ({"jobs": 2, "batch": 4}, {"jobs": 2, "batch": 4}),
    ],
)
@pytest.mark.parametrize("first", [0, 5], ids=["the same", "overlapping"])
def test_two_processes_at_once_do_each_fit_once(tmp_path, one, other, first):
    context = _quick_to_start()
    specs = toy_specs(tmp_path / "log", 13, seconds=0.03)
    sets = [specs[: 13 - first], specs[first:][::-1]]
    barrier, answers = context.Barrier(2), context.SimpleQueue()
    processes = [
        context.Process(target=_counted, args=(barrier, answers, wanted, tmp_path / "fits", how))
        for wanted, how in zip(sets, (one, other), strict=True)
    ]
    for process in processes:
        process.start()
    found = [answers.get() for _ in processes]
    for process in processes:
        process.kill()  # joblib's idle workers would keep it
        process.join()
    by_process = {pid: (results, counts) for pid, results, counts in found}
    for process, wanted in zip(processes, sets, strict=True):
        results, counts = by_process[process.pid]
        assert_equal(results, undisturbed(tmp_path, wanted))
        assert counts.total() == len(wanted)
    assert sorted(seed for seed, *_ in lines(tmp_path / "log")) == list(range(13))
    assert sum(counts["fitted"] for _, counts in by_process.values()) == 13


def _hold(specs, folder, held, done):
    with FitCache(folder).locks() as locks:
        assert all(map(locks.take, keys(toy_fit, specs)))
        held.set()
        done.wait()
        run(toy_fit, specs, jobs=1, cache=folder)


@pytest.mark.parametrize("options", [{"jobs": 1}, {"jobs": 2}, {"jobs": 1, "batch": 4}], ids=str)
def test_a_fit_that_another_process_is_at_comes_last_and_counts_as_kept(tmp_path, options):
    context = _quick_to_start()
    held, done = context.Event(), context.Event()
    log = tmp_path / "log"
    specs = toy_specs(log, 6)
    holder = context.Process(target=_hold, args=(specs[1:3], tmp_path / "fits", held, done))
    holder.start()
    held.wait()

    def let_go():
        while len(lines(log)) < 4:  # for ever, if one waits for the holder first
            time.sleep(0.01)
        done.set()

    threading.Thread(target=let_go, daemon=True).start()
    before = tally.copy()
    results = run(toy_fit, specs, cache=tmp_path / "fits", **options)
    holder.join()
    assert_equal(results, undisturbed(tmp_path, specs))
    assert tally - before == {"kept": 2, "fitted": 4 + 6}  # and those undisturbed
    assert sorted(seed for seed, *_ in lines(log)) == list(range(6))
    assert [seed for seed, _, process in lines(log) if process == holder.pid] == [1, 2]
    files = {path.name for path in (tmp_path / "fits").rglob("*") if path.is_file()}
    assert files == {".lock", *(f"{key}.npz" for key in keys(toy_fit, specs))}


def test_a_long_wait_for_another_process_is_said(tmp_path, monkeypatch):
    context = _quick_to_start()
    held, done = context.Event(), context.Event()
    specs = toy_specs(tmp_path / "log", 3)
    holder = context.Process(target=_hold, args=(specs[1:], tmp_path / "fits", held, done))
    holder.start()
    held.wait()
    said = []

    def warn(text, **_):
        said.append(text)
        done.set()

    monkeypatch.setattr(fits, "SAY_S", 2 * fits.POLL_S)
    monkeypatch.setattr(fits, "warnings", SimpleNamespace(warn=warn))
    results = run(toy_fit, specs, label="toys", jobs=1, cache=tmp_path / "fits")
    holder.join()
    assert said == [
        "toys: another process is at the last 2 fits and has finished none for a minute; "
        "end it if it hangs, and they are done here."
    ]
    assert_equal(results, undisturbed(tmp_path, specs))


def test_threads_that_need_the_same_fits_do_each_once(tmp_path):
    specs = toy_specs(tmp_path / "log", 4, seconds=0.05)
    options = {"jobs": 1, "cache": tmp_path / "fits"}
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(run, toy_fit, specs, **options) for _ in range(3)]
    for one in asked:
        assert_equal(one.result(), undisturbed(tmp_path, specs))
    assert [seed for seed, *_ in lines(tmp_path / "log")] == list(range(4))


# Errors


def test_a_failing_fit_is_named_and_what_was_finished_is_kept(tmp_path):
    specs = toy_specs(tmp_path / "log", 3)
    for jobs in (1, 2):
        with pytest.raises(FitError) as caught:
            run(failing_fit, specs, jobs=jobs, cache=tmp_path / str(jobs), label="figure 5")
        message = str(caught.value)
        assert message.startswith("figure 5: ToyFit(seed=2, ")
        assert message.endswith("failed: ArithmeticError: the loss became NaN at step 17")
        assert "array" not in message
    assert len(list((tmp_path / "1").rglob("*.npz"))) == 2

    with pytest.raises(FitError, match=r"^failing_fit: .*or one of the 2 fitted with it failed"):
        run(failing_fit, specs, jobs=1, batch=3, cache=tmp_path / "batch")


def test_a_worker_that_dies_is_an_error_and_not_a_hang(tmp_path):
    specs = toy_specs(tmp_path / "log", 4)
    with pytest.raises(FitError, match=r"sweep: a worker process died.*fewer jobs \(now 2"):
        run(dying_fit, specs, jobs=2, cache=tmp_path / "fits", label="sweep")


def test_results_that_cannot_be_kept(tmp_path):
    specs = toy_specs(tmp_path / "log", 2)
    with pytest.raises(FitError, match="1 results for 2 specs"):
        run(wrong_count_fit, specs, batch=2, jobs=1, cache=tmp_path / "fits")
    with pytest.raises(FitError, match="result 'name' is no array of numbers"):
        run(object_fit, specs, jobs=1, cache=tmp_path / "fits")
    assert not list((tmp_path / "fits").rglob("*.npz"))


@pytest.mark.parametrize(
    ("spec", "options", "says"),
    [
        ({"device": "tpu"}, {}, "unknown device 'tpu': choose auto, cpu or cuda"),
        ({}, {"batch": 0}, "batch must be at least 1, not 0"),
        ({}, {"jobs": -1}, "jobs must be a whole number from 1 up, not -1"),
        ({}, {}, "ECGLIB_JOBS must be a whole number from 1 up, not 'many'"),
        (None, {}, "a spec must be a dataclass instance, not NoneType"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, spec, options, says):
    specs = [None if spec is None else replace(toy_specs(tmp_path / "log", 1)[0], **spec)]
    monkeypatch.setenv("ECGLIB_JOBS", "many")
    with pytest.raises(ValueError, match=says):
        run(toy_fit, specs, cache=tmp_path, **options)
    assert not lines(tmp_path / "log")


def test_jobs_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_JOBS", "1")
    run(toy_fit, toy_specs(tmp_path / "log", 3), cache=tmp_path)
    assert {process for *_, process in lines(tmp_path / "log")} == {os.getpid()}


# Devices


@pytest.mark.parametrize("cuda", [True, False])
def test_device_names(monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert resolve_device("auto").type == ("cuda" if cuda else "cpu")
    assert resolve_device("cpu") == torch.device("cpu")


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA device here: choose device cpu or auto"):
        resolve_device("cuda")


def test_auto_is_the_same_fit_as_the_device_it_stands_for(tmp_path):
    (spec,) = toy_specs(tmp_path / "log", 1)
    run(toy_fit, [replace(spec, device="auto")], cache=tmp_path)
    run(toy_fit, [replace(spec, device=resolve_device("auto").type)], cache=tmp_path)
    assert len(lines(tmp_path / "log")) == 1


def test_an_ensemble_is_modest_on_a_cpu_and_follows_the_free_memory_of_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * 2**30, 80 * 2**30))
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [ensemble_size(size, cpu) for size in (1e6, 2**27, 2**40)] == [16, 8, 1]
    assert [ensemble_size(size, gpu) for size in (2**20, 2**30, 2**40)] == [1024, 8, 1]
    with pytest.raises(ValueError, match="must be positive"):
        ensemble_size(0, cpu)


# A Dask cluster


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _dask(*arguments):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments, "--no-dashboard"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def dask():
    """(address, worker processes) of a scheduler with two workers, all separate, over TCP."""
    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
    processes = [_dask(*scheduler), _dask(*worker), _dask(*worker)]
    try:
        from distributed import Client

        with Client(address, timeout=120, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_failing_fit_on_the_cluster_is_named(tmp_path, dask, monkeypatch):
    monkeypatch.setenv("ECGLIB_CLUSTER", dask[0])
    with pytest.raises(FitError, match=r"sweep: ToyFit\(seed=2, .*became NaN at step 17"):
        run(failing_fit, toy_specs(tmp_path / "log", 3), cache=tmp_path, label="sweep")


def test_a_cluster_that_loses_a_worker_finishes_with_the_same_numbers(tmp_path, dask, monkeypatch):
    address, workers = dask
    log = tmp_path / "log"
    specs = toy_specs(log, 24, seconds=0.1)
    expected = undisturbed(tmp_path, specs, batch=2)

    def kill_one_in_the_middle():
        while len({pid for *_, pid in lines(log)}) < 2 or len(lines(log)) < 6:
            time.sleep(0.01)
        workers[0].kill()

    killer = threading.Thread(target=kill_one_in_the_middle, daemon=True)
    killer.start()
    monkeypatch.setenv("ECGLIB_CLUSTER", address)
    results = run(toy_fit, specs, batch=2, cache=tmp_path / "fits")
    killer.join(timeout=60)
    assert not killer.is_alive()
    assert workers[0].wait() == -signal.SIGKILL
    assert_equal(results, expected)
    assert {pid for *_, pid in lines(log)} == {worker.pid for worker in workers}

    done = len(lines(log))
    monkeypatch.delenv("ECGLIB_CLUSTER")
    assert_equal(run(toy_fit, specs, batch=2, jobs=1, cache=tmp_path / "fits"), expected)
    assert len(lines(log)) == done


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{free}", "nonsense", "carrier://pigeon:1"])
def test_a_cluster_that_does_not_answer(tmp_path, monkeypatch, address):
    address = address.format(free=_free_port())
    monkeypatch.setenv("ECGLIB_CLUSTER", address)
    with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at {address}"):
        run(toy_fit, toy_specs(tmp_path / "log", 1), cache=tmp_path)


def test_a_cluster_has_a_few_seconds_to_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT_S", 0.2)
    monkeypatch.setenv("ECGLIB_CLUSTER", "tcp://10.255.255.1:8786")
    with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
        run(toy_fit, toy_specs("", 1), cache=tmp_path)
