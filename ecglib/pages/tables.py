"""Numbers in words and in tables: the prose of the chapters, the ledger, how the chapters ran."""

from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import Markdown, display

from ecglib.claims import FAILS, HOLDS, IN_PART, NOT_MEASURED
from ecglib.estimates import Estimate
from ecglib.ledger import find_book, ledger_rows, read_json
from ecglib.markdown import Marked, escaped

SAID: dict[str, str] = {}  # what `say` told the text, by name
MARKS = {HOLDS: "●", IN_PART: "◐", FAILS: "○", NOT_MEASURED: "◌"}
NONE = "\N{EN DASH}"  # where there is no figure
RECORD = "application/papermill.record/"  # by which MyST-NB knows what a text takes from a cell


def phrase(value: object, digits: int = 2) -> str:
    """A value as the prose shows it; an estimate with its 95 % interval."""
    if isinstance(value, Estimate):
        middle, low, high = (_number(x, digits) for x in (value.value, value.low, value.high))
        if value.known:
            return f"{middle} ({low} to {high})"
        return middle if np.isnan(value.value) else f"{middle} (interval not defined)"
    if isinstance(value, float | np.floating):
        return _number(float(value), digits)
    return value if isinstance(value, str) else str(value)


def _number(value: float, digits: int) -> str:
    if np.isnan(value):
        return "not defined"
    if np.isinf(value):
        return "beyond the range"
    return f"{value:z.{digits}f}"  # z: never "-0.00"


def say(digits: int = 2, /, **values: object) -> None:
    """Make values available to the text as `{glue:text}` under their names, `_` written `-`."""
    for name, value in values.items():
        name = name.replace("_", "-")
        SAID[name] = phrase(value, digits)
        # As myst_nb's `glue` does, whose import takes a second in every kernel.
        told = {"scrapbook": {"name": name, "mime_prefix": RECORD}}
        display({f"{RECORD}text/plain": repr(SAID[name])}, raw=True, metadata=told)


def table(rows: Sequence[Mapping[str, object]], digits: int = 2) -> Markdown:
    """Rows of equal keys as a Markdown table; of no rows a sentence."""
    if not rows:
        return Markdown("Nothing of this could be measured on these records.")
    columns = list(rows[0])
    cells = [[phrase(row[name], digits) for name in columns] for row in rows]
    lines = [f"| {' | '.join(map(escaped, line))} |" for line in (columns, *cells)]
    return Markdown("\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]]))


def remarks(notes: Sequence[str], limits: Sequence[str] = ()) -> Markdown | None:
    """What a source noted on its records, and what a chapter cannot do with them, if anything."""
    blocks = []
    for kind, title, lines in (
        ("note", "About these records", notes),
        ("warning", "What these records cannot show", limits),
    ):
        if lines:
            points = "\n".join(f"- {escaped(line)}" for line in lines)
            heading = f'<div class="admonition {kind}">\n<p class="admonition-title">{title}</p>'
            blocks.append(f"{heading}\n\n{points}\n\n</div>")
    return Markdown("\n\n".join(blocks)) if blocks else None


def ledger_table(results: Mapping[str, dict]) -> Markdown:
    """The claims: the figure that decides each, with its interval, and the verdict."""
    return table(
        [
            {
                "claim": Marked(f"[{row['id']}]({row['chapter']}.html)<br>{row['section']}"),
                "verdict": f"{MARKS.get(row['verdict'], '')} {row['verdict']}",
                "the paper says": row["statement"],
                "measured (95 % interval)": _measured(row["estimate"]),
                "null / oracle": _references(row["null"], row["oracle"]),
            }
            for row in ledger_rows(results)
        ]
    )


def _measured(estimate: Estimate | None) -> str:
    if estimate is None:
        return NONE
    figure = phrase(estimate, 3 if abs(estimate.value) < 0.1 else 2)
    return Marked(f"{figure}<br><small>{escaped(estimate.unit)}, n = {estimate.n}</small>")


def _references(*estimates: Estimate | None) -> str:
    if not any(estimates):
        return ""
    return " / ".join(NONE if e is None else phrase(e.value) for e in estimates)


def rules_table(results: Mapping[str, dict]) -> Markdown:
    """What is measured for each claim, and the rule of its verdict."""
    return table(
        [
            {
                "claim": row["id"],
                "measure": row["measure"],
                "rule": row["rule"],
            }
            for row in ledger_rows(results)
        ]
    )


def runs_table(results: Mapping[str, dict]) -> Markdown:
    """How each chapter was run: data, scale, device, fits made (and kept from before), costs."""
    return table(
        [
            {
                "chapter": Marked(f"[{name}]({name}.html)"),
                "data": run["dataset"],
                "scale": run["scale"],
                "device": run["device"],
                "fits (kept)": "{fitted} ({kept})".format(**run["fits"]),
                "minutes": f"{run['wall_s'] / 60:.1f}",
                "memory, GiB": f"{run['peak_memory_mib'] / 1024:.1f}",
            }
            for name, run in results.items()
        ]
    )


def build_time(results: Mapping[str, dict]) -> str:
    """In words, how long the one run took that made all chapters of the book, if one did."""
    path = find_book() / "chapters" / "build.json"
    if not path.is_file():
        return "The chapters were not all made by one run"
    build = read_json(path)
    if not all(isinstance(build.get(key), int | float) for key in ("wall_s", "jobs")):
        raise ValueError(f"{path} has no wall_s or no jobs: restore it, or delete it.")
    minutes, jobs = build["wall_s"] / 60, build["jobs"]
    how = "one after the other" if jobs == 1 else f"in {jobs} processes side by side"
    made, kept = (sum(run["fits"][of] for run in results.values()) for of in ("fitted", "kept"))
    before = f"; of {made + kept} fits {kept} had been made before" if kept else ""
    return f"One command ran all chapters in {minutes:.0f} minutes, {how}{before}"
