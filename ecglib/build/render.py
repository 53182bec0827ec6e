"""The pages built by Jupyter Book, and put in place whole."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ecglib.build import BuildError

TIMEOUT_S = 30 * 60  # the whole book takes half a minute
CODE = """\
import sys
from ecglib.lifetime import end_with
end_with(int(sys.argv.pop(1)))
from jupyter_book.cli.main import main
main()
"""
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # <fcntl.h>, <linux/fs.h>


def render(place: Path, site: Path) -> Path:
    """Build the pages anew from the sources in `place`, and move them to `site` when complete."""
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent, prefix=".pages-") as scratch:
        log = site.parent / "jupyter-book.log"
        command = [sys.executable, "-c", CODE, str(os.getpid())]
        command += ["build", str(place), "--path-output", scratch, "-W", "-n", "--keep-going"]
        print("rendering the book", file=sys.stderr, flush=True)
        try:
            with open(log, "w") as out:
                done = subprocess.run(
                    command, stdout=out, stderr=subprocess.STDOUT, check=False, timeout=TIMEOUT_S
                )
        except subprocess.TimeoutExpired as error:
            raise BuildError(
                f"jupyter-book did not end within {TIMEOUT_S // 60} minutes; see {log}."
            ) from error
        if done.returncode != 0:
            raise BuildError(_complaint(log))
        _put(Path(scratch) / "_build" / "html", site, Path(scratch) / "old")
    return site / "index.html"


def _put(new: Path, site: Path, old: Path) -> None:
    """Move new pages to their place and the old ones out of it, in one step where Linux can.

    Elsewhere there is a moment without pages; `old` is where a next build then finds them.
    """
    if site.exists() and not _exchange(new, site):
        os.replace(site, old)
    if not site.exists():
        os.replace(new, site)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders, so that each path always leads to one of them; False where it cannot be."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    return rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0


def _complaint(log: Path) -> str:
    colourless = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text())
    if "No space left on device" in colourless:
        return f"the disk is full: jupyter-book could not write the pages; see {log}."
    found = re.findall(".*(?:WARNING|ERROR).*", colourless) or ["no warning was printed"]
    return f"jupyter-book failed ({len(found)} complaints, the first: {found[0]}); see {log}."
