"""The folder in which a build works: held by one at a time, swept of what killed ones left."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from ecglib.build import BuildError, notebooks
from ecglib.build.plan import Plan

TIME = "build.json"  # in the folder of the chapters: how the last complete run of them went
SHARED = ("_config.yml", "_toc.yml", "references.bib", "_static", "_extensions", "vendor")
SCRATCH = ("chapters/.*.running", "chapters/.*.part", "chapters/results/.*.part", "_build/errors")


@contextmanager
def held(plan: Plan) -> Iterator[None]:
    """Keep other builds out of the plan's folder; the system lets go when this process ends.

    Raises BuildError where another build is at work there, and where the disk is full.
    """
    folder = plan.site.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / ".lock", blocking=False):
            yield
    except filelock.Timeout as error:
        raise BuildError(f"another build is running in {folder}: let it end first.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BuildError(f"the disk is full: {error.filename} could not be written.") from error


def sweep(plan: Plan) -> None:
    """Remove what killed builds left, and put a site back that one had in its hands."""
    left = [path for pattern in SCRATCH for path in plan.place.glob(pattern)]
    for pages in plan.site.parent.glob(".pages-*"):
        if not plan.site.exists() and (pages / "old").exists():
            os.replace(pages / "old", plan.site)
        left.append(pages)
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def copy_sources(plan: Plan) -> None:
    """Bring the book's other files to its place; chapters only where none was run before."""
    if plan.place == plan.root:
        return
    chapters = plan.place / "chapters"
    (chapters / "results").mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        source, target = plan.root / name, plan.place / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        elif source.is_file():
            _copy_whole(source, target)
    sources = {source.name: source for source in (plan.root / "chapters").iterdir()}
    sources.pop(TIME, None)  # it speaks of the run in the root, not of the copy's
    for target in chapters.iterdir():
        if target.is_file() and target.name not in sources:
            target.unlink()  # its page is gone
    for name, source in sources.items():
        if source.is_file() and not (source.suffix == ".ipynb" and _was_run_here(plan, source)):
            _copy_whole(source, chapters / name)


def _was_run_here(plan: Plan, source: Path) -> bool:
    """Whether a chapter's copy is what a run of this plan's folder left."""
    chapters = plan.place / "chapters"
    copy = chapters / source.name
    if not copy.exists():
        return False
    if source.stem in plan.others or (chapters / "results" / f"{source.stem}.json").exists():
        return True
    return notebooks.was_left_out(notebooks.read(copy))


def _copy_whole(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    shutil.copy2(source, part)
    os.replace(part, target)
