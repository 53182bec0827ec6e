"""Who is at a fit: locks of the operating system, by key, which end with the process.

By hand, since libraries lock whole files: a sweep would open as many files as it has fits at work.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]


class Locks:
    """Keys that this process holds against other processes, each a byte of one empty file.

    Held until they are released, the file is closed, or the process ends in whatever way. Whoever
    closes the file releases all that the process holds, so it is to be open only once at a time.

    Where the file cannot be opened, or its system has no locks, every key is free.
    """

    def __init__(self, path: Path):
        self._file: int | None = None
        if fcntl:
            with suppress(OSError):
                # A pipe in its place is not waited for.
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666)

    def __enter__(self) -> "Locks":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def take(self, key: str) -> bool:
        """Hold a key (hex digits) from now on; False, at once, where another process has it."""
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    def release(self, key: str) -> None:
        """Let others have a key."""
        if self._file is not None:
            with suppress(OSError):  # where `take` could not lock it either
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(key))


def _place(key: str) -> int:
    return int(key[:15], 16)  # below 2**60; a file's places end at 2**63
