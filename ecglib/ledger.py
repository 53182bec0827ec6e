"""Results on disk: a chapter's evidence and verdicts, and the ledger over all chapters."""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecglib.claims import CLAIMS
from ecglib.estimates import Estimate
from ecglib.files import write_whole
from ecglib.places import label

# What every chapter's results hold, and as what.
CONTENT: dict[str, type | tuple[type, ...]] = {
    "chapter": str,
    "scale": str,
    "dataset": str,
    "device": str,
    "versions": dict,
    "wall_s": (int, float),
    "peak_memory_mib": (int, float),
    "fits": dict,
    "claims": dict,
}
PARTS: tuple[tuple[str, tuple[str, ...], type], ...] = (
    ("fits", ("fitted", "kept"), int),
    ("versions", ("python", "torch"), str),
)
REMEDY = "run the chapter again, or delete the file"


def find_book() -> Path:
    """The folder that holds the book: here, above here, or where the package lies.

    Raises FileNotFoundError where there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "_config.yml").is_file() and (folder / "chapters" / "quick.yml").is_file():
            return folder
    raise FileNotFoundError(
        "there is no book here (no _config.yml beside chapters/quick.yml): go to the repository."
    )


class Ledger:
    """Gathers a chapter's evidence and writes `<chapter>.json`, whole or not at all."""

    def __init__(self, chapter: str, **run: Any) -> None:
        """`run` says how the chapter was run: scale, dataset, lead, device, seeds."""
        self.chapter = chapter
        self.run = run | {"device": device_name(run["device"])}
        if "dataset" in run:
            self.run["dataset"] = label(run["dataset"])
        self.started = time.monotonic()
        self.claims: dict[str, dict] = {}
        self.more: dict[str, object] = {}  # what else to write: JSON's types, and estimates

    def decide(self, claim_id: str, /, **evidence: Estimate) -> str:
        """Enter a claim's evidence, return the verdict that follows from it.

        Raises KeyError for an unknown claim and for evidence that is lacking, ValueError where a
        whole family of estimates is, and for a claim of another chapter.
        """
        claim = CLAIMS[claim_id]
        if claim.chapter != self.chapter:
            raise ValueError(f"claim {claim_id} is decided by {claim.chapter}, not {self.chapter}.")
        headline, verdict = evidence[claim.headline], claim.decide(evidence)
        self.claims[claim_id] = {
            "estimate": headline.as_dict(),
            "evidence": {name: e.as_dict() for name, e in evidence.items()},
            "rule": claim.rule,
            "verdict": verdict,
        }
        return verdict

    def write(self) -> Path:
        """Write the file and return its path.

        It goes to the folder that a build names (`ECGLIB_RESULTS`), else to a scratch folder, which
        one printed sentence names.
        """
        import torch

        from ecglib.fits import tally

        content = {
            "chapter": self.chapter,
            **self.run,
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__.split("+")[0],
                "numpy": np.__version__,
            },
            "wall_s": round(time.monotonic() - self.started, 1),
            "peak_memory_mib": round(_peak_memory_mib()),
            "fits": dict(tally),
            "claims": self.claims,
            **self.more,
        }
        text = json.dumps({k: _plain(k, v) for k, v in content.items()}, indent=1) + "\n"
        folder = os.environ.get("ECGLIB_RESULTS")
        path = Path(folder or tempfile.mkdtemp(prefix="ecglib-results-")) / f"{self.chapter}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
        if not folder:
            print(f"The book keeps its own results; those of this run are in {path}.")
        return path


def _plain(name: str, value: object) -> Any:
    """An entry as JSON has it, estimates as `as_dict` gives them; ValueError naming it."""

    def of_estimate(found: object) -> dict:
        if isinstance(found, Estimate):
            return found.as_dict()
        raise TypeError(f"it holds {found!r:.50}")

    try:
        return json.loads(json.dumps(value, allow_nan=False, default=of_estimate))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{name} cannot be written to the results ({error}): give estimates, text, lists, "
            "dictionaries by text, and Python's own finite numbers."
        ) from error


def read_results(folder: str | Path | None = None) -> dict[str, dict]:
    """The results of every chapter that has them, by chapter; by default the book's.

    Raises FileNotFoundError where there is no such folder, ValueError naming a file in it that
    holds no results.
    """
    folder = find_book() / "chapters" / "results" if folder is None else Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder of results {folder}; build the book first")
    results = {path.stem: read_result(path) for path in sorted(folder.glob("[!.]*.json"))}
    for name, content in results.items():
        for key in CONTENT.keys() - content.keys():
            raise ValueError(f"{folder / name}.json has no {key}: {REMEDY}.")
    return results


def read_json(path: Path, holds: type = dict) -> Any:
    """A JSON file of the book; ValueError naming it where it is broken or `holds` another type."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path} is no file: move it out of the way.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({error}): restore it, or delete it.") from error
    if not isinstance(content, holds):
        kind = "object" if holds is dict else holds.__name__
        raise ValueError(f"{path} holds no JSON {kind}: restore it, or delete it.")
    return content


def _no_number(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def read_result(path: Path) -> dict:
    """What a file of results holds; ValueError naming it where some of that is of a wrong type."""
    content = read_json(path)
    for key, kind in CONTENT.items():
        if key in content and not isinstance(content[key], kind):
            raise ValueError(f"{path} has {content[key]!r:.50} as its {key}: {REMEDY}.")
    for key, parts, kind in PARTS:
        if key in content and not all(isinstance(content[key].get(p), kind) for p in parts):
            raise ValueError(f"{path} has no {' or no '.join(parts)} in its {key}: {REMEDY}.")
    if content.get("chapter", path.stem) != path.stem:
        raise ValueError(f"{path} is of chapter {content['chapter']}: {REMEDY}.")
    for name, entry in content.get("claims", {}).items():
        try:
            entry["verdict"].strip()
            for estimate in entry["evidence"].values():
                Estimate.from_dict(estimate)
                if type(estimate["n"]) is not int or not isinstance(estimate["unit"], str):
                    raise TypeError
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise ValueError(f"{path} has no whole entry of claim {name}: {REMEDY}.") from error
    return content


def ledger_rows(results: Mapping[str, dict]) -> list[dict]:
    """The ledger, a row for each claim; a claim without a result has the verdict "not run".

    Each row: id, section, chapter, statement, measure, rule, verdict, and estimate, null and
    oracle as `Estimate` or None.
    """
    rows = []
    for claim in CLAIMS.values():
        entry = results.get(claim.chapter, {}).get("claims", {}).get(claim.id, {})
        evidence = {name: Estimate.from_dict(e) for name, e in entry.get("evidence", {}).items()}
        rows.append(
            {
                "id": claim.id,
                "section": claim.section,
                "chapter": claim.chapter,
                "statement": claim.statement,
                "measure": claim.measure,
                "rule": claim.rule,
                "verdict": entry.get("verdict", "not run"),
                "estimate": evidence.get(claim.headline),
                "null": evidence.get("null"),
                "oracle": evidence.get("oracle"),
            }
        )
    return rows


def device_name(device: str) -> str:
    """What "auto" stood for, and which GPU it was."""
    if device == "cpu":
        return device
    import torch  # slow to import, and the ledger's readers do not need it

    from ecglib.fits import resolve_device

    resolved = resolve_device(device)
    return torch.cuda.get_device_name(resolved) if resolved.type == "cuda" else str(resolved)


def _peak_memory_mib() -> float:
    """The largest resident set of this process and of its finished children, MiB.

    By `resource` where there is one: psutil knows a process's peak on Windows only, and nothing
    of finished children.
    """
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(u.ru_maxrss for u in usage) / (2**20 if sys.platform == "darwin" else 2**10)
