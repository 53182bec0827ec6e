"""A zip out of the network: downloaded and unpacked within limits of time, bytes and names."""

import logging
import stat
import threading
import zipfile
from concurrent.futures import Future, wait
from pathlib import Path, PurePosixPath

import pooch
from tqdm import tqdm

METHODS = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
ENCRYPTED = 1  # the bit of a member's flags
STALL_S, SLOWEST = 20, 2000  # a download brings this many bytes a second, looked at so often


def retrieve(url: str, path: Path, most_bytes: int) -> Path:
    """Download a file to `path`, with a progress bar.

    By a thread that this one watches: the timeout of HTTP libraries begins anew with every byte.

    Raises OSError with an errno where the file cannot be written, and OSError or ValueError
    without one where the server fails, is slower than SLOWEST or sends more than `most_bytes`.
    """
    pooch.get_logger().setLevel(logging.WARNING)  # it would print hashes that nobody asked for
    bar = _Bar(most_bytes)
    outcome: Future[str] = Future()

    def download() -> None:
        try:
            downloader = pooch.HTTPDownloader(progressbar=bar, timeout=STALL_S)
            found = pooch.retrieve(url, None, path.name, path.parent, downloader=downloader)
            outcome.set_result(found)
        except BaseException as error:  # raised again by the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=download, daemon=True).start()
    try:
        before = 0.0
        while not wait([outcome], STALL_S).done:
            if bar.came - before < STALL_S * SLOWEST:
                raise TimeoutError(f"fewer than {SLOWEST} bytes a second came")
            before = bar.came
        return Path(outcome.result())
    finally:
        bar.close()
        bar.most_bytes = -1  # a thread that is given up ends with its next bytes


class _Bar(tqdm):
    """A download's progress, which ends it where too much comes."""

    def __init__(self, most_bytes: int):
        self.came: float = 0
        self.most_bytes = most_bytes
        super().__init__(unit="B", unit_scale=True)

    def __bool__(self) -> bool:  # by this pooch asks whether there is a bar
        return True

    def update(self, n: float | None = 1) -> bool | None:
        self.came += n or 0
        if self.came > self.most_bytes:
            raise ValueError(f"it sends more than {self.most_bytes} bytes")
        return super().update(n)

    def reset(self, total: float | None = None) -> None:
        self.came = 0
        super().reset(total)


def unpack(archive: Path, folder: Path, most_bytes: int, most_files: int) -> None:
    """Unpack a zip of plain files into `folder`.

    Raises ValueError, saying why, for one that is broken, larger, or holds what may not be there;
    OSError with an errno where the files cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            _check(file.infolist(), most_bytes, most_files)
            file.extractall(folder)
    except Exception as error:  # zipfile raises of every kind for what it cannot read
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(in_brief(error)) from error


def _check(members: list[zipfile.ZipInfo], most_bytes: int, most_files: int) -> None:
    """Raise BadZipFile for what may not be unpacked."""
    names = [member.filename for member in members]
    if len(names) > most_files or sum(member.file_size for member in members) > most_bytes:
        raise zipfile.BadZipFile("it would unpack to more than it should")
    if len(set(names)) < len(names):
        raise zipfile.BadZipFile("it holds two files of one name")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.as_posix().partition("/")[0]:
            raise zipfile.BadZipFile(f"it names a file outside its folder, {member.filename!r}")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise zipfile.BadZipFile(f"it holds a link, {member.filename!r}")
        if member.flag_bits & ENCRYPTED:
            raise zipfile.BadZipFile(f"{member.filename!r} in it is encrypted")
        if member.compress_type not in METHODS:
            raise zipfile.BadZipFile(
                f"{member.filename!r} in it is compressed by method {member.compress_type}, "
                "which is not read"
            )


def in_brief(error: BaseException) -> str:
    """An error's kind and the beginning of what it says, on one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:100]}" if said else type(error).__name__
