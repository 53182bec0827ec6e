"""What a build of the book runs, where, and with which parameters."""

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ecglib.build import notebooks
from ecglib.build.chapter import Run
from ecglib.ledger import find_book

SCALES = {"quick": "at quick scale", "paper": "at the paper's scale"}
WORDS = {"synthetic": "synthetic records", "ludb": "LUDB"}  # data sets that go by a word
SYNTHETIC_LEAD = "v6"
CELL_TIMEOUT_S = {"quick": 15 * 60, "paper": 12 * 60 * 60}
NUMBERED = re.compile(r"\d\d-")
BANNER = """\
```{{admonition}} Not the published figures
:class: important
This copy was run on {records} {scale}{changed}{elsewhere}. The published figures are others: those
of LUDB at the paper's scale, with no parameter changed.
```"""


@dataclass(frozen=True)
class Plan:
    """What a build runs and where.

    root: the folder of the book. place: where its sources are run; site: where its pages go.
    dataset: as the notebooks take it.
    parameters: those given from outside.
    numbered: the chosen chapters; others: the pages that read the chapters' results.
    """

    root: Path
    place: Path
    site: Path
    scale: str
    dataset: str
    device: str
    parameters: Mapping[str, Any]
    numbered: list[str]
    others: list[str]

    @property
    def in_place(self) -> bool:
        """Whether the committed notebooks themselves are run."""
        return self.place == self.root

    @property
    def label(self) -> str:
        """What the data set is called, without a path of this machine."""
        return self.dataset if self.dataset in WORDS else f"records of {Path(self.dataset).name}"


def make_plan(
    scale: str,
    dataset: str | None,
    chapters: Sequence[str] | None,
    device: str,
    parameters: Mapping[str, Any],
    root: Path,
) -> Plan:
    """Check the choices, and say what is to be run where.

    Raises ValueError for a scale, data set, chapter or parameter that does not exist.
    """
    if scale not in SCALES:
        raise ValueError(f"there is no scale {scale!r}: choose {' or '.join(SCALES)}.")
    dataset = _data_set(dataset or ("synthetic" if scale == "quick" else "ludb"))
    numbered, others = pages(root)
    if chapters is not None:
        numbered = sorted({_chosen(chapter, numbered) for chapter in chapters})
    known = [_known(root, chapter) for chapter in numbered] if parameters else []
    for name, value in parameters.items():
        if name in ("scale", "dataset", "device"):
            raise ValueError(f"{name} has an option of its own: --{name} instead of -p {name}=.")
        usual = [defaults[name] for defaults in known if name in defaults]
        if not usual:
            raise ValueError(f"no chosen chapter has a parameter {name!r}.")
        if isinstance(value, str) and not isinstance(usual[0], str):
            raise ValueError(f"{name} is text, {value!r}, where the chapters have {usual[0]!r}.")
    lead = parameters.get("lead", SYNTHETIC_LEAD)
    if dataset == "synthetic" and str(lead).lower() != SYNTHETIC_LEAD:
        raise ValueError(
            f"synthetic records are of lead {SYNTHETIC_LEAD}, not {lead!r}: leave --lead out, or "
            "choose another --dataset."
        )
    if (scale, dataset) == ("paper", "ludb") and not parameters:
        place, site = root, root / "_build" / "html"
    else:
        folder = root / "_build" / _folder(scale, dataset, parameters)
        place, site = folder / "book", folder / "html"
    return Plan(root, place, site, scale, dataset, device, parameters, numbered, others)


def _data_set(name: str) -> str:
    """A data set as the notebooks take it: a word, or a whole path, which is no word."""
    if name in WORDS:
        return name
    path = Path(name).expanduser().resolve()
    if not path.exists() and not path.with_name(f"{path.name}.hea").exists():
        raise ValueError(
            f"there is no data set {name!r}: choose synthetic, ludb, or the path of a WFDB "
            "record or of a folder of them."
        )
    return str(path)


def _folder(scale: str, dataset: str, parameters: Mapping[str, Any]) -> str:
    """Name of the folder of a build under `_build`; no two data sets or parameters share one."""
    if dataset in WORDS and not parameters:
        return "quick" if (scale, dataset) == ("quick", "synthetic") else f"{scale}-{dataset}"
    chosen = json.dumps([dataset, sorted(parameters.items())], default=str)
    label = re.sub(r"\W+", "-", Path(dataset).name)
    return f"{scale}-{label}-{hashlib.sha256(chosen.encode()).hexdigest()[:8]}"


def pages(root: Path) -> tuple[list[str], list[str]]:
    """Names of the notebooks: numbered chapters, and the others."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    files = [*(entry["file"] for entry in toc["chapters"]), toc["root"]]
    names = [Path(file).stem for file in files if (root / f"{file}.ipynb").is_file()]
    numbered = [name for name in names if NUMBERED.match(name)]
    return numbered, [name for name in names if name not in numbered]


def _chosen(chapter: str, names: list[str]) -> str:
    for name in names:
        if chapter in (name, name[:2]):
            return name
    raise ValueError(f"there is no chapter {chapter!r}: the chapters are {', '.join(names)}.")


def chapter_run(plan: Plan, name: str) -> Run:
    """How a chapter is to be run.

    Raises ValueError where `quick.yml` names parameters that it does not have.
    """
    known = _known(plan.root, name)
    options = {"scale": plan.scale, "dataset": plan.dataset, "device": plan.device}
    if name in plan.others:  # such a page need not take parameters
        options = {key: value for key, value in options.items() if key in known}
    here = {key: value for key, value in plan.parameters.items() if key in known}
    quick = quick_parameters(plan.root, name) if plan.scale == "quick" else {}
    given = quick | here | options
    for key in given:
        if key not in known:
            raise ValueError(
                f"chapter {name} has no parameter {key!r}: its parameters are "
                f"{', '.join(known) or 'none'}."
            )
    differing = {key: value for key, value in given.items() if known[key] != value}
    changed = {k: v for k, v in differing.items() if k not in ("scale", "dataset")}
    return Run(
        name=name,
        source=_source(plan.root, name),
        target=plan.place / "chapters" / f"{name}.ipynb",
        parameters=differing,
        record={"scale": plan.scale, "dataset": plan.label, "parameters": changed},
        banner=None if plan.in_place else _banner(plan, changed),
        cell_timeout_s=CELL_TIMEOUT_S[plan.scale],
    )


def _source(root: Path, name: str) -> Path:
    return root / "chapters" / f"{name}.ipynb"


def _known(root: Path, name: str) -> dict[str, Any]:
    return notebooks.parameters(notebooks.read(_source(root, name)))


def _banner(plan: Plan, changed: Mapping[str, Any]) -> str:
    elsewhere = {name: value for name, value in plan.parameters.items() if name not in changed}
    return BANNER.format(
        records=WORDS.get(plan.label, plan.label),
        scale=SCALES[plan.scale],
        changed=_listed(", with", changed),
        elsewhere=_listed("; other chapters with", elsewhere),
    )


def _listed(before: str, values: Mapping[str, Any]) -> str:
    listed = ", ".join(f"`{name} = {value!r}`" for name, value in values.items())
    return f"{before} {listed}" if listed else ""


def quick(name: str) -> dict[str, Any]:
    """A chapter's parameters at quick scale on synthetic records, as `make book` runs it.

    name: of the chapter, or its two digits. Raises ValueError where there is no such chapter.
    """
    root = find_book()
    found = quick_parameters(root, _chosen(name, pages(root)[0]))
    return {"scale": "quick", "dataset": "synthetic", **found}


def quick_parameters(root: Path, name: str) -> dict[str, Any]:
    """A chapter's parameters at quick scale; ValueError where `quick.yml` does not name it."""
    path = root / "chapters" / "quick.yml"
    everything = yaml.safe_load(path.read_text()) if path.is_file() else {}
    found = (everything or {}).get(name)
    if found is None and NUMBERED.match(name):
        raise ValueError(f"chapters/quick.yml has no entry {name}: add its parameters there.")
    return found or {}


def read_parameters(given: Sequence[str]) -> dict[str, Any]:
    """Parameters from the command line, each NAME=VALUE, where the value is Python's, or text.

    Raises ValueError for anything else.
    """
    parameters: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise ValueError(
                f"{text!r} is no parameter: write NAME=VALUE, such as steps=100 or seeds=[0,1]."
            )
        try:
            parameters[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parameters[name] = value
    return parameters
