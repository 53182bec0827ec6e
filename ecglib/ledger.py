"""Results on disk: a chapter's evidence and verdicts, and the ledger over all chapters."""

import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from ecglib.claims import CLAIMS, Evidence
from ecglib.estimates import Estimate


def write_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and move it there; readable by everybody, UTF-8."""
    part = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".", suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            part = Path(file.name)
            file.write(text)
        part.chmod(0o644)
        os.replace(part, path)
    finally:
        if part:
            part.unlink(missing_ok=True)


class Ledger:
    """Gathers a chapter's evidence and writes `results/<chapter>.json`, whole or not at all."""

    def __init__(self, chapter: str, **run: object) -> None:
        """`run` says how the chapter was run: scale, dataset, lead, device, seeds."""
        self.chapter = chapter
        self.run = run | ({"device": _device_name(str(run["device"]))} if "device" in run else {})
        self.started = time.monotonic()
        self.claims: dict[str, dict] = {}
        self.more: dict[str, object] = {}  # what else to write: JSON's types, and estimates

    def decide(self, claim_id: str, **evidence: Estimate) -> str:
        """Enter a claim's evidence, return the verdict that follows from it.

        Raises KeyError for an unknown claim and for evidence that is lacking, ValueError where a
        whole group of evidence is.
        """
        return self.decide_from(claim_id, evidence)

    def decide_from(self, claim_id: str, evidence: Evidence) -> str:
        """The same for evidence whose names are not words (`inside/periodic`)."""
        claim = CLAIMS[claim_id]
        headline = evidence[claim.headline]
        verdict = claim.decide(evidence)
        self.claims[claim_id] = {
            "estimate": headline.as_dict(),
            "evidence": {name: e.as_dict() for name, e in evidence.items()},
            "rule": claim.rule,
            "verdict": verdict,
        }
        return verdict

    def write(self, folder: str | Path = "results") -> Path:
        """Write the file; returns its path."""
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
        text = json.dumps(content, indent=1, allow_nan=False, default=Estimate.as_dict) + "\n"
        path = Path(folder) / f"{self.chapter}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
        return path


def read_results(folder: str | Path) -> dict[str, dict]:
    """The results of every chapter that has them, by chapter.

    Raises FileNotFoundError where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder of results {folder}; build the book first")
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def ledger_rows(results: dict[str, dict]) -> list[dict]:
    """The sixteen rows of the ledger; a claim without a result has the verdict "not run".

    Each row: id, section, chapter, statement, measure, rule, verdict, and estimate, null and
    oracle as `Estimate` or None.
    """
    rows = []
    for claim in CLAIMS.values():
        entry = results.get(claim.chapter, {}).get("claims", {}).get(claim.id)
        evidence = entry["evidence"] if entry else {}

        def estimate(name: str, evidence: dict = evidence) -> Estimate | None:
            return Estimate.from_dict(evidence[name]) if name in evidence else None

        rows.append(
            {
                "id": claim.id,
                "section": claim.section,
                "chapter": claim.chapter,
                "statement": claim.statement,
                "measure": claim.measure,
                "rule": claim.rule,
                "verdict": entry["verdict"] if entry else "not run",
                "estimate": estimate(claim.headline),
                "null": estimate("null"),
                "oracle": estimate("oracle"),
            }
        )
    return rows


def _device_name(device: str) -> str:
    """What "auto" stood for, and which GPU it was."""
    import torch  # slow to import, and the ledger's readers do not need it

    from ecglib.fits import resolve_device

    resolved = resolve_device(device)
    return torch.cuda.get_device_name(resolved) if resolved.type == "cuda" else str(resolved)


def _peak_memory_mib() -> float:
    """The largest resident set of this process and of its finished children, MiB."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(u.ru_maxrss for u in usage) / 1024
