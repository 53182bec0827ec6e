"""LUDB's download and folder: servers, zips, disks and paths that fail, each in one sentence."""

import errno
import os
import socket
import threading
import time
import zipfile
from pathlib import Path

import pytest

from ecglib.data import archive, ludb
from ecglib.data.ludb import fetch, load_ludb

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
REPLIES = {  # what a server sends, and what the sentence says of it
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTPError: 404"),
    "500": (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "HTTPError: 500"),
    "to nowhere": (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n",
        "ConnectionError",
    ),
    "to a file": (
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "InvalidSchema",
    ),
    "closes": (b"", "ConnectionError"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n", "ConnectionError"),
    "cut off": (LONG + bytes(5000), "ChunkedEncodingError|ConnectionError"),
    "no length": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "InvalidHeader|ValueError"),
    "too much": (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(300_000), "sends more than 200000 bytes"),
}
DRIPS = {"body": LONG, "header": b"HTTP/1.1 200 OK\r\nX: "}


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache, without LUDB; limits as small as the servers here are."""
    monkeypatch.delenv("ECGLIB_LUDB", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(ludb, "MOST_BYTES", 200_000)
    return tmp_path / "cache"


@pytest.fixture
def answering(monkeypatch):
    """Let LUDB's address be a server that sends some bytes, and then drips or closes."""
    servers = []

    def start(reply: bytes, drips: bool = False) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connection.recv(10_000)
                    connection.sendall(reply)
                    while drips:
                        time.sleep(0.05)
                        connection.sendall(b"x")
                    connection.close()
                except OSError:
                    if server.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setattr(ludb, "URL", f"http://127.0.0.1:{server.getsockname()[1]}/ludb.zip")

    yield start
    for server in servers:
        server.close()


def assert_not_downloaded(cache: Path, why: str) -> None:
    with pytest.raises(FileNotFoundError, match=why) as caught:
        load_ludb()
    assert f"cannot be downloaded from {ludb.URL}" in str(caught.value)
    assert 'use dataset="synthetic", which needs no download.' in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in cache.rglob("*")] == ["ecglib"]


@pytest.mark.parametrize("name", REPLIES)
def test_a_server_that_fails(cache, answering, name):
    reply, why = REPLIES[name]
    answering(reply)
    assert_not_downloaded(cache, why)


@pytest.mark.parametrize("name", DRIPS)
def test_a_download_that_drips(cache, answering, monkeypatch, name):
    monkeypatch.setattr(archive, "STALL_S", 0.5)
    answering(DRIPS[name], drips=True)
    assert_not_downloaded(cache, "fewer than 2000 bytes a second came")


def members(path: Path, *names: str, **how) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, how.get("content", b"what it holds"), how.get("compress_type"))


def patched(path: Path, at: bytes, offset: int, value: int) -> None:
    """Change a field behind each signature: of the members' own headers, or of the list's."""
    content = bytearray(path.read_bytes())
    place = content.find(at)
    while place >= 0:
        content[place + offset] = value
        place = content.find(at, place + 1)
    path.write_bytes(content)


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def linked(path: Path) -> None:
    link = zipfile.ZipInfo("ludb/RECORDS")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(link, "/etc/passwd")


def encrypted(path: Path) -> None:
    members(path, "a")
    patched(path, LOCAL, 6, 1)
    patched(path, CENTRAL, 8, 1)


def unknown(path: Path) -> None:
    members(path, "a")
    patched(path, LOCAL, 8, 77)
    patched(path, CENTRAL, 10, 77)


def corrupt(path: Path) -> None:
    members(path, "a", content=bytes(9000), compress_type=zipfile.ZIP_DEFLATED)
    patched(path, LOCAL, 32, 0xFF)


ZIPS = {
    "a page": (lambda path: path.write_text("<html>log in</html>"), "not a zip file"),
    "empty": (lambda path: path.write_bytes(b""), "not a zip file"),
    "corrupt member": (corrupt, "error: Error -3"),
    "unknown method": (unknown, "'a' in it is compressed by method 77, which is not read"),
    "encrypted": (encrypted, "'a' in it is encrypted"),
    "a link": (linked, "it holds a link, 'ludb/RECORDS'"),
    "outside": (lambda path: members(path, "a/../../b"), "outside its folder, 'a/../../b'"),
    "outside, Windows": (lambda path: members(path, "C:\\b"), "outside its folder"),
    "twice": (lambda path: members(path, "a", "a"), "two files of one name"),
    "too large": (
        lambda path: members(path, "a", content=bytes(10**6), compress_type=zipfile.ZIP_DEFLATED),
        "unpack to more than it should",
    ),
    "too many": (lambda path: members(path, *map(str, range(99))), "unpack to more than it should"),
}


@pytest.fixture
def served(cache, serve, monkeypatch, tmp_path) -> Path:
    """Where the zip belongs that is downloaded."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(ludb, "MOST_FILES", 50)
    monkeypatch.setattr(ludb, "URL", f"{serve(folder)}/ludb.zip")
    return folder / "ludb.zip"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_that_cannot_be_unpacked(cache, served, name):
    make, why = ZIPS[name]
    make(served)
    with pytest.raises(ValueError, match=why) as caught:
        load_ludb()
    assert str(caught.value).startswith(f"what {ludb.URL} sent is not a whole zip of LUDB")
    assert str(caught.value).endswith("set ECGLIB_LUDB to a folder that holds LUDB.")
    assert [path.name for path in cache.rglob("*")] == ["ecglib"]


@pytest.mark.parametrize("at", ["pooch.retrieve", "zipfile.ZipFile.extractall"])
def test_a_full_disk_is_named(cache, served, monkeypatch, at):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    members(served, "a")
    monkeypatch.setattr(at, full)
    with pytest.raises(OSError, match=r"cannot be written to .*ludb \(the disk is full\): make"):
        load_ludb()
    assert [path.name for path in cache.rglob("*")] == ["ecglib"]


def test_left_over_folders_are_swept(cache, served):
    members(served, "a")
    (cache / "ecglib" / ".ludb-abc" / "files").mkdir(parents=True)
    (cache / "ecglib" / f".ludb-{os.getppid()}-x").mkdir()
    with pytest.raises(ValueError, match=r"holds no SHA256SUMS\.txt"):
        load_ludb()
    assert [path.name for path in (cache / "ecglib").iterdir()] == [f".ludb-{os.getppid()}-x"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("~nosuchuser/x", "ECGLIB_LUDB is '~nosuchuser/x', but there is no such user"),
        ("nowhere", "ECGLIB_LUDB is .*/nowhere, and there is no LUDB"),
        ("file", "ECGLIB_LUDB is the file .*/file, and no folder"),
        ("file/x", "ECGLIB_LUDB is .*/file/x, and there is no LUDB"),
        ("pipes", "ECGLIB_LUDB is .*/pipes, and there is no LUDB"),
        ("folders", "ECGLIB_LUDB is .*/folders, and there is no LUDB"),
        (300 * "a", "and there is no LUDB"),
    ],
)
def test_a_folder_that_holds_no_ludb(tmp_path, monkeypatch, place, says):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "SHA256SUMS.txt")
    (tmp_path / "folders" / "SHA256SUMS.txt").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECGLIB_LUDB", place)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        load_ludb()


@pytest.mark.parametrize("place", ["file", "file/x", "/proc/x"])
def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=r"holds something that is not LUDB|cannot be written to"):
        fetch(place)
