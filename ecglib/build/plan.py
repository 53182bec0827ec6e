"""What a build of the book runs, where, and with which parameters."""

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecglib import data
from ecglib.build.chapter import Run
from ecglib.build.contents import (
    OPTIONS,
    PLAIN,
    check_entries,
    is_plain,
    own_parameters,
    pages,
    quick_parameters,
    source_of,
)
from ecglib.ledger import find_book
from ecglib.markdown import code, escaped
from ecglib.parameters import check
from ecglib.places import WORDS, label, whole_path

SCALES = {"quick": "at quick scale", "paper": "at the paper's scale"}
SYNTHETIC_LEAD = "v6"
CELL_TIMEOUT_S = {"quick": 15 * 60, "paper": 12 * 60 * 60}
DEVICES = ("auto", "cpu", "cuda")
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
    own: the parameters of each of these as its notebook has them.
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
    own: Mapping[str, Mapping[str, Any]]

    @property
    def in_place(self) -> bool:
        """Whether the committed notebooks themselves are run."""
        return self.place == self.root

    @property
    def label(self) -> str:
        """What the data set is called, without a path of this machine."""
        return label(self.dataset)


def make_plan(
    scale: str,
    dataset: str | None,
    chapters: Sequence[str] | None,
    device: str,
    parameters: Mapping[str, Any],
    root: Path,
) -> Plan:
    """Check the choices, and say what is to be run where.

    Raises ValueError for a scale, data set, chapter or parameter that does not exist, for a value
    that a parameter cannot have, and for files of the book that are not what they should be;
    FileNotFoundError for a chapter that is not there.
    """
    if scale not in SCALES:
        raise ValueError(f"there is no scale {scale!r}: choose {' or '.join(SCALES)}.")
    if device not in DEVICES:
        raise ValueError(f"unknown device {device!r}: choose {', '.join(DEVICES)}.")
    if dataset is None:
        dataset = "synthetic" if scale == "quick" else "ludb"
    dataset = _data_set(dataset)
    every, others = pages(root)
    numbered = every
    if chapters is not None:
        numbered = sorted({_chosen(chapter, every) for chapter in chapters})
    own = {name: own_parameters(root, name) for name in numbered + others}
    for name, value in parameters.items():
        if name in OPTIONS:
            raise ValueError(f"{name} has an option of its own: --{name} instead of -p {name}=.")
        usual = [own[chapter][name] for chapter in numbered if name in own[chapter]]
        if not usual:
            raise ValueError(f"no chosen chapter has a parameter {name!r}.")
        if isinstance(value, str) and not isinstance(usual[0], str):
            raise ValueError(f"{name} is text, {value!r}, where the chapters have {usual[0]!r}.")
    if (scale, dataset) == ("paper", "ludb") and not parameters:
        place, site = root, root / "_build" / "html"
    else:
        folder = root / "_build" / _folder(scale, dataset, parameters)
        place, site = folder / "book", folder / "html"
    plan = Plan(root, place, site, scale, dataset, device, parameters, numbered, others, own)
    if scale == "quick":
        check_entries(root, every + others)
    chosen = {name: own[name] | _given(plan, name) for name in numbered}
    for name, values in chosen.items():
        check(name, values)
    for lead in {values["lead"] for values in chosen.values() if "lead" in values}:
        if dataset == "synthetic" and lead.lower() != SYNTHETIC_LEAD:
            raise ValueError(
                f"synthetic records are of lead {SYNTHETIC_LEAD}, not {lead!r}: leave --lead out, "
                "or choose another --dataset."
            )
        data.check(dataset, lead)
    return plan


def _data_set(name: str) -> str:
    """A data set as the notebooks take it: a word, or a whole path, which is no word.

    A record's path has no extension, so that with and without one it is the same data set.
    """
    if name in WORDS:
        return name
    path = whole_path(name, "--dataset")
    if path.is_dir():
        return str(path)
    folder = whole_path(Path(name).parent, "--dataset")
    for record in (Path(name).name, Path(name).stem):
        if (folder / f"{record}.hea").is_file():
            return str(folder / record)
    raise ValueError(
        f"there is no data set {name!r}: choose synthetic, ludb, or the path of a WFDB "
        "record or of a folder of them."
    )


def _folder(scale: str, dataset: str, parameters: Mapping[str, Any]) -> str:
    """Name of the folder of a build under `_build`; no two data sets or parameters share one."""
    if dataset in WORDS and not parameters:
        return "quick" if (scale, dataset) == ("quick", "synthetic") else f"{scale}-{dataset}"
    chosen = json.dumps([dataset, sorted(parameters.items())], default=str)
    name = re.sub(r"\W+", "-", Path(dataset).name)[:40]  # a folder's name has at most 255 bytes
    return f"{scale}-{name}-{hashlib.sha256(chosen.encode()).hexdigest()[:8]}"


def _chosen(chapter: str, names: list[str]) -> str:
    for name in names:
        if chapter in (name, name[:2]):
            return name
    raise ValueError(f"there is no chapter {chapter!r}: the chapters are {', '.join(names)}.")


def chapter_run(plan: Plan, name: str) -> Run:
    """How a chapter, or another page, is to be run."""
    known, given = plan.own[name], _given(plan, name)
    differing = {key: value for key, value in given.items() if known[key] != value}
    changed = {k: v for k, v in differing.items() if k not in ("scale", "dataset")}
    return Run(
        name=name,
        source=source_of(plan.root, name),
        target=plan.place / "chapters" / f"{name}.ipynb",
        parameters=differing,
        record={"scale": plan.scale, "dataset": plan.label, "parameters": changed},
        banner=None if plan.in_place else _banner(plan, changed),
        cell_timeout_s=CELL_TIMEOUT_S[plan.scale],
    )


def _given(plan: Plan, name: str) -> dict[str, Any]:
    """A page's parameters other than its own: by scale, by the command line, and by option.

    Raises ValueError for one that the page does not have.
    """
    own = plan.own[name]
    options = {"scale": plan.scale, "dataset": plan.dataset, "device": plan.device}
    if name in plan.others:  # such a page need not take parameters
        options = {key: value for key, value in options.items() if key in own}
    here = {key: value for key, value in plan.parameters.items() if key in own}
    quick = quick_parameters(plan.root, name) if plan.scale == "quick" else {}
    given = quick | here | options
    for key in given:
        if key not in own:
            raise ValueError(
                f"chapter {name} has no parameter {key!r}: its parameters, in the cell tagged so "
                f"of {source_of(plan.root, name)}, are {', '.join(own) or 'none'}."
            )
    return given


def _banner(plan: Plan, changed: Mapping[str, Any]) -> str:
    elsewhere = {name: value for name, value in plan.parameters.items() if name not in changed}
    return BANNER.format(
        records=escaped(WORDS.get(plan.label, plan.label)),
        scale=SCALES[plan.scale],
        changed=_listed(", with", changed),
        elsewhere=_listed("; other chapters with", elsewhere),
    )


def _listed(before: str, values: Mapping[str, Any]) -> str:
    listed = ", ".join(code(f"{name} = {value!r}") for name, value in values.items())
    return f"{before} {listed}" if listed else ""


def quick(name: str) -> dict[str, Any]:
    """A chapter's parameters at quick scale on synthetic records, as `make book` runs it.

    name: of the chapter, or its two digits. Raises ValueError where there is no such chapter.
    """
    root = find_book()
    found = quick_parameters(root, _chosen(name, pages(root)[0]))
    return {"scale": "quick", "dataset": "synthetic", **found}


def read_parameters(given: Sequence[str]) -> dict[str, Any]:
    """Parameters from the command line, each NAME=VALUE, where the value is Python's, or text.

    Raises ValueError for anything else, and for a name that is given twice.
    """
    parameters: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise ValueError(
                f"{text!r} is no parameter: write NAME=VALUE, such as steps=100 or seeds=[0,1]."
            )
        if name in parameters:
            raise ValueError(f"{name} is given twice: give it once.")
        try:
            parsed = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            parsed = value
        if not is_plain(parsed):
            raise ValueError(f"{name} is {value}, which is not {PLAIN}.")
        parameters[name] = json.loads(json.dumps(parsed))  # papermill takes a tuple for text
    return parameters
