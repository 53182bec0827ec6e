"""What a build of the book runs, where, and with which parameters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ecglib.build import notebooks
from ecglib.build.runner import Run

SCALES = ("quick", "paper")
DEVICES = ("auto", "cpu", "cuda")
CELL_TIMEOUT_S = {"quick": 15 * 60, "paper": 12 * 60 * 60}
NUMBERED = re.compile(r"\d\d-")


@dataclass(frozen=True)
class Plan:
    """What a build runs and where. `place` holds the book's sources, `site` its pages."""

    root: Path
    place: Path
    site: Path
    scale: str
    dataset: str
    device: str
    numbered: list[str] = field(default_factory=list)  # experiments: independent of each other
    others: list[str] = field(default_factory=list)  # pages that read the experiments' results

    @property
    def in_place(self) -> bool:
        """Whether the committed notebooks themselves are run."""
        return self.place == self.root


def find_root() -> Path:
    """The folder that holds the book: here, above here, or where the package lies."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "_config.yml").is_file() and (folder / "chapters").is_dir():
            return folder
    raise FileNotFoundError(
        "there is no book here (no _config.yml with a folder chapters): go to the repository."
    )


def make_plan(
    scale: str, dataset: str | None, chapters: Sequence[str] | None, device: str, root: Path
) -> Plan:
    """Check the choices, and say what is to be run where.

    Raises ValueError for a scale, data set, chapter or device that does not exist.
    """
    if scale not in SCALES:
        raise ValueError(f"there is no scale {scale!r}: choose {' or '.join(SCALES)}.")
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}: choose {', '.join(DEVICES)}.")
    dataset = dataset or ("synthetic" if scale == "quick" else "ludb")
    label = dataset
    if dataset not in ("synthetic", "ludb"):
        path = Path(dataset).expanduser().resolve()
        if not path.exists() and not path.with_name(f"{path.name}.hea").exists():
            raise ValueError(
                f"there is no data set {dataset!r}: choose synthetic, ludb, or the path of a WFDB "
                "record or of a folder of them."
            )
        dataset, label = str(path), re.sub(r"\W+", "-", path.name)
    if (scale, label) == ("paper", "ludb"):
        place, site = root, root / "_build" / "html"
    else:
        folder = "quick" if (scale, label) == ("quick", "synthetic") else f"{scale}-{label}"
        place, site = root / "_build" / folder / "book", root / "_build" / folder / "html"
    numbered, others = pages(root)
    if chapters is not None:
        numbered = [_chosen(chapter, numbered) for chapter in dict.fromkeys(chapters)]
    return Plan(root, place, site, scale, dataset, device, sorted(set(numbered)), others)


def pages(root: Path) -> tuple[list[str], list[str]]:
    """Names of the notebooks: numbered chapters, and the others, the first page last."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    files = [entry["file"] for entry in toc.get("chapters", [])]
    for part in toc.get("parts", []):
        files += [entry["file"] for entry in part["chapters"]]
    names = [Path(f).stem for f in [*files, toc["root"]] if (root / f"{f}.ipynb").is_file()]
    return (
        [name for name in names if NUMBERED.match(name)],
        [name for name in names if not NUMBERED.match(name)],
    )


def _chosen(chapter: str, names: list[str]) -> str:
    for name in names:
        if chapter in (name, name[:2]):
            return name
    raise ValueError(f"there is no chapter {chapter!r}: the chapters are {', '.join(names)}.")


def chapter_run(plan: Plan, name: str) -> Run:
    """How a chapter is to be run.

    Raises ValueError for parameters that it does not have, before anything runs.
    """
    source = plan.root / "chapters" / f"{name}.ipynb"
    notebook = notebooks.read(source)
    known = notebooks.parameters(notebook)
    given = {"scale": plan.scale, "dataset": plan.dataset, "device": plan.device}
    if name in plan.others:  # such a page need not take parameters
        given = {key: value for key, value in given.items() if key in known}
    if plan.scale == "quick":
        given = {**quick_parameters(plan.root, name), **given}
    notebooks.check_parameters(name, notebook, given)
    chapters = plan.place / "chapters"
    return Run(
        name=name,
        source=source,
        target=chapters / f"{name}.ipynb",
        parameters={key: value for key, value in given.items() if known[key] != value},
        keep_injected=not plan.in_place,
        record={"scale": plan.scale, "dataset": _public(plan.dataset)},
        cell_timeout_s=CELL_TIMEOUT_S[plan.scale],
    )


def quick_parameters(root: Path, name: str) -> dict[str, Any]:
    """A chapter's parameters at quick scale; ValueError where `quick.yml` does not name it."""
    path = root / "chapters" / "quick.yml"
    everything = yaml.safe_load(path.read_text()) if path.is_file() else {}
    found = (everything or {}).get(name)
    if found is None and NUMBERED.match(name):
        raise ValueError(f"chapters/quick.yml has no entry {name}: add its parameters there.")
    return found or {}


def _public(dataset: str) -> str:
    return dataset if dataset in ("ludb", "synthetic") else Path(dataset).name
