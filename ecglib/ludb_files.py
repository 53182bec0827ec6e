"""Where LUDB's files are, whether they are whole, and how they get there."""

import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pooch

SUMS = "SHA256SUMS.txt"
VARIABLE = "ECGLIB_LUDB"


@dataclass(frozen=True)
class Release:
    """A published version: its name, its zip's address, the SHA-256 of its list of files."""

    name: str
    url: str
    sums_sha256: str


LUDB_1_0_1 = Release(
    name="LUDB 1.0.1",
    url="https://physionet.org/static/published-projects/ludb/"
    "lobachevsky-university-electrocardiography-database-1.0.1.zip",
    sums_sha256="cccef1f3529519db8f26a333c97a6872a7d0e3e5c64a1448b76b161fd87fb75f",
)


def cached() -> Path:
    """The folder in the user's cache that LUDB is downloaded to."""
    return Path(pooch.os_cache("ecglib")) / "ludb"


def locate(root: str | os.PathLike | None = None, release: Release = LUDB_1_0_1) -> Path:
    """LUDB's folder: `root`, else $ECGLIB_LUDB, else the user's cache, else downloaded there.

    Raises FileNotFoundError where `root` or $ECGLIB_LUDB is given and holds no LUDB, or where it
    cannot be downloaded.
    """
    given = root or os.environ.get(VARIABLE)
    folder = Path(given).expanduser() if given else cached()
    if (folder / SUMS).is_file():
        return folder
    if given:
        name = "root" if root else VARIABLE
        raise FileNotFoundError(
            f"{name} is {folder}, and there is no LUDB ({SUMS} is missing): give the folder that "
            f"holds it, or download it there with `python -m ecglib fetch --root {folder}`."
        )
    return download(folder, release)


def fetch(root: str | os.PathLike | None = None, release: Release = LUDB_1_0_1) -> Path:
    """Download LUDB unless it is there already, check every file, and return its folder.

    root: where it shall be; else it is looked for as load_ludb does.
    Raises ValueError for a corrupted file, FileNotFoundError for a missing one or where it cannot
    be downloaded, FileExistsError where `root` holds something else.
    """
    if root is not None and not (Path(root).expanduser() / SUMS).is_file():
        return download(Path(root).expanduser(), release)
    folder = locate(root, release)
    verify(folder, None, release)
    return folder


def verify(folder: Path, names: Iterable[str] | None, release: Release = LUDB_1_0_1) -> None:
    """Check files (names relative to `folder`; None: all) against the list, and it by its hash.

    Raises ValueError for a corrupted or unlisted file, FileNotFoundError for a missing one.
    """
    sums = _sums((folder / SUMS).read_bytes(), folder / SUMS, release)
    for name in sums if names is None else names:
        path = folder / name
        if name not in sums:
            raise ValueError(f"{release.name} has no file {name}: give a record that it has.")
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: {_remedy(folder)}.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != sums[name]:
            raise ValueError(
                f"{path} is corrupted (its SHA-256 is not that in {SUMS}): {_remedy(folder)}."
            )


@lru_cache(maxsize=4)
def _sums(content: bytes, path: Path, release: Release) -> dict[str, str]:
    """SHA-256 by file name."""
    if hashlib.sha256(content).hexdigest() != release.sums_sha256:
        raise ValueError(f"{path} is not the list of {release.name}: {_remedy(path.parent)}.")
    pairs = (line.split(maxsplit=1) for line in content.decode().splitlines())
    return {name: digest for digest, name in pairs}


def _remedy(folder: Path) -> str:
    return f"delete {folder} and download LUDB again with `python -m ecglib fetch --root {folder}`"


def download(folder: Path, release: Release = LUDB_1_0_1) -> Path:
    """Download LUDB's zip and unpack it to `folder`, which appears when every file is checked.

    Raises FileNotFoundError where it cannot be downloaded, FileExistsError where `folder` holds
    something, ValueError for a zip that is broken or not this release's.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} holds something that is not LUDB: give a folder that is empty or not there."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".ludb-") as scratch:
        archive = _retrieve(Path(scratch), release)
        unpacked = _unpack(archive, Path(scratch) / "files")
        try:
            verify(unpacked, None, release)
        except (FileNotFoundError, ValueError) as error:
            broken = str(error).partition(":")[0].replace(f"{unpacked}/", "")
            raise ValueError(
                f"what {release.url} sent is not {release.name} ({broken}): try again later."
            ) from error
        try:
            os.replace(unpacked, folder)
        except OSError:
            if not (folder / SUMS).is_file():  # else another process was here first
                raise
    return folder


def _retrieve(scratch: Path, release: Release) -> Path:
    pooch.get_logger().setLevel(logging.WARNING)  # it would print hashes that nobody asked for
    try:
        path = pooch.retrieve(
            release.url,
            known_hash=None,  # the files in it are checked one by one
            fname="ludb.zip",
            path=scratch,
            downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
        )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise FileNotFoundError(
            f"{release.name} is not on this machine and cannot be downloaded from {release.url} "
            f"({type(error).__name__}): set {VARIABLE} to a folder that holds it, or use "
            'dataset="synthetic", which needs no download.'
        ) from error
    return Path(path)


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack a zip; the folder in it that holds the list of files. Nothing leaves `folder`."""
    try:
        with zipfile.ZipFile(archive) as file:
            for name in file.namelist():
                path = PurePosixPath(name.replace("\\", "/"))
                if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                    raise ValueError(
                        f"the downloaded zip names a file outside its folder ({name}): "
                        "nothing of it was kept; get LUDB from PhysioNet."
                    )
            file.extractall(folder)
    except zipfile.BadZipFile as error:
        raise ValueError(f"the downloaded file is not a whole zip ({error}): try again.") from error
    lists = sorted(folder.rglob(SUMS), key=lambda path: len(path.parts))
    if not lists:
        raise ValueError(f"the downloaded zip holds no {SUMS}: get LUDB from PhysioNet.")
    return lists[0].parent
