"""Clusters that are none, go away, or differ: one sentence within half a minute."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_fits import toy_fit, toy_specs

from ecglib import cluster
from ecglib.fits import FitError, run

LIMIT_S = 30
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>no</html>"

STRANGERS = {
    "never answers": None,
    "closes": b"",
    "http": HTTP,
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "zeros": bytes(64),
    "ones": 64 * b"\xff",
    "random": b"\x08\0\0\0\0\0\0\0" + bytes(range(256)),
    "a greeting of Dask's, broken": (16).to_bytes(8, "little") + 3 * (1).to_bytes(8, "little"),
}


@contextmanager
def stranger(answer: bytes | None):
    """Address of a server that says `answer` to everybody and closes, or takes and is silent."""
    taken = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            taken.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    for connection in taken:
        connection.close()


def assert_no_scheduler(tmp_path, monkeypatch, capfd, address):
    monkeypatch.setenv("ECGLIB_CLUSTER", address)
    began = time.monotonic()
    with pytest.raises(ConnectionError) as caught:
        run(toy_fit, toy_specs(tmp_path / "log", 1), cache=tmp_path / "fits")
    assert time.monotonic() - began < LIMIT_S
    message = str(caught.value)
    assert message.startswith(f"no Dask scheduler answers at {address} (from --cluster or")
    assert message.endswith("leave the address out to use this machine.")
    assert "\n" not in message
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", STRANGERS)
def test_a_port_of_somebody_else(tmp_path, monkeypatch, capfd, name):
    if name != "never answers":
        monkeypatch.setattr(cluster, "TIMEOUT_S", 1)
    with stranger(STRANGERS[name]) as address:
        assert_no_scheduler(tmp_path, monkeypatch, capfd, address)


ADDRESSES = [
    "tcp://", "foo", "foo:bar", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:-1",
    "tcp://127.0.0.1:0", "inproc://", "inproc://a/b/c", "tls://127.0.0.1:9", "http://127.0.0.1:9",
    "ws://127.0.0.1:9", "tcp://[::1]:9", "tcp://[::1", "::", "tcp://a b:1", "tcp://\N{SNOWMAN}:1",
    "tcp://" + 300 * "a" + ":1", " ",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_nonsense(tmp_path, monkeypatch, capfd, address):
    monkeypatch.setattr(cluster, "TIMEOUT_S", 0.5)
    assert_no_scheduler(tmp_path, monkeypatch, capfd, address)


# Real schedulers and workers that go away, or have other code


@contextmanager
def dask(*workers: dict[str, str]):
    """(address, scheduler, workers) as processes; each worker with its own environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    processes = []

    def start(more: dict[str, str], *arguments: str) -> None:
        path = more.get("PYTHONPATH", "")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [path, paths]))}
        command = [sys.executable, "-m", *arguments, "--no-dashboard"]
        quiet = subprocess.DEVNULL
        processes.append(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet))

    try:
        start({}, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port)
        for more in workers:
            start(more, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
        from distributed import Client

        with Client(address, timeout=120, set_as_default=False) as client:
            client.wait_for_workers(len(workers), timeout=120) if workers else None
        yield address, processes[0], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def when_fitting(cache: Path, what) -> threading.Thread:
    """Do something once three fits are kept."""

    def watch() -> None:
        while len(list(cache.rglob("*.npz"))) < 3:
            time.sleep(0.01)
        what()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.parametrize("end", ["kill", "terminate", "stop"])
def test_a_scheduler_that_goes_away(tmp_path, monkeypatch, capfd, end):
    log = tmp_path / "log"
    with dask({}) as (address, scheduler, _):
        gone = []

        def go():
            gone.append(time.monotonic())
            scheduler.send_signal(19) if end == "stop" else getattr(scheduler, end)()

        when_fitting(tmp_path / "fits", go)
        monkeypatch.setenv("ECGLIB_CLUSTER", address)
        with pytest.raises(ConnectionError, match=f"Dask scheduler.* at {address}"):
            run(toy_fit, toy_specs(log, 200, seconds=0.1), cache=tmp_path / "fits")
        assert time.monotonic() - gone[0] < LIMIT_S
        assert capfd.readouterr().err == ""
    assert len(list((tmp_path / "fits").rglob("*.npz"))) >= 3


@pytest.mark.slow
def test_workers_that_all_die(tmp_path, monkeypatch, capfd):
    log = tmp_path / "log"
    with dask({}, {}) as (address, _, workers):
        gone = []

        def go():
            gone.append(time.monotonic())
            for worker in workers:
                worker.kill()

        when_fitting(tmp_path / "fits", go)
        monkeypatch.setenv("ECGLIB_CLUSTER", address)
        with pytest.raises(FitError, match=f"sweep: the Dask scheduler at {address} has lost all"):
            run(toy_fit, toy_specs(log, 200, seconds=0.1), cache=tmp_path / "fits", label="sweep")
        assert time.monotonic() - gone[0] < LIMIT_S
        assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_cluster_without_a_worker(tmp_path, monkeypatch):
    with dask() as (address, *_):
        monkeypatch.setenv("ECGLIB_CLUSTER", address)
        with pytest.raises(ConnectionError, match="has no worker: start some with `dask worker"):
            run(toy_fit, toy_specs(tmp_path / "log", 1), cache=tmp_path / "fits")


OTHERS = {
    "no ecglib": (
        "import sys; sys.modules['ecglib'] = None",
        r"sweep: the Dask worker at .* cannot run a fit \(ModuleNotFoundError: .*ecglib.*"
        "give all workers the Python, torch and ecglib of this machine",
    ),
    "another Python": (
        "import platform; platform.python_version_tuple = lambda: ('3', '9', '1')",
        r"a Dask worker on .* has another Python than this machine \(3\.9, not 3\.\d+\)",
    ),
    "another torch": (
        "from importlib import metadata; v = metadata.version\n"
        "metadata.version = lambda name: '1.0' if name == 'torch' else v(name)",
        r"a Dask worker on .* has another torch than this machine \(1\.0, not 2\.",
    ),
    "other code": (
        None,
        r"a Dask worker on .* has another code of the fit than this machine",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_worker_that_would_fit_something_else(tmp_path, monkeypatch, name):
    code, says = OTHERS[name]
    other = tmp_path / "other"
    other.mkdir()
    if code is None:
        toys = Path(__file__).parents[1] / "toy_fits.py"
        (other / "toy_fits.py").write_text(toys.read_text() + "\nMORE = 1\n")
    else:
        (other / "sitecustomize.py").write_text(code)
    with dask({"PYTHONPATH": str(other)}) as (address, *_):
        monkeypatch.setenv("ECGLIB_CLUSTER", address)
        with pytest.raises(FitError, match=says):
            specs = toy_specs(tmp_path / "log", 2)
            run(toy_fit, specs, cache=tmp_path / "fits", label="sweep")
