"""What the book costs: how long it took to run, and the benchmark's tables and figures."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML, Markdown
from matplotlib.figure import Figure
from myst_nb import glue

from ecglib.claims import FAILS, HOLDS, IN_PART
from ecglib.estimates import Estimate
from ecglib.ledger import ledger_rows
from ecglib.pages.style import COLORS, WIDTH


def phrase(value: object, digits: int = 2) -> str:
    """A value as the prose shows it; an estimate with its 95 % interval."""
    if isinstance(value, Estimate):
        value, low, high = (_number(x, digits) for x in (value.value, value.low, value.high))
        return f"{value} ({low} to {high})"
    if isinstance(value, float | np.floating):
        return _number(float(value), digits)
    return str(value)


def say(digits: int = 2, /, **values: object) -> None:
    """Make values available to the text as `{glue:text}` under their names, `_` written `-`."""
    for name, value in values.items():
        glue(name.replace("_", "-"), phrase(value, digits), display=False)


def table(rows: list[dict[str, object]], digits: int = 2) -> Markdown:
    """Rows of equal keys as a Markdown table."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(phrase(row[c], digits) for c in columns) + " |" for row in rows]
    return Markdown("\n".join(lines))


def _number(value: float, digits: int) -> str:
    if np.isnan(value):
        return "not defined"
    if np.isinf(value):
        return "beyond the range"
    return f"{value:z.{digits}f}"  # z: never "-0.00"


MARKS = {HOLDS: "●", IN_PART: "◐", FAILS: "○"}


def ledger_table(results: Mapping[str, dict]) -> HTML:
    """The sixteen claims: the figure that decides each, with its interval, and the verdict."""
    rows = [
        (
            f'<a href="{row["chapter"]}.html">{row["id"]}</a><br>{row["section"]}',
            f"{MARKS.get(row['verdict'], '')} {row['verdict']}",
            html.escape(row["statement"]),
            f"{_figure(row['estimate'])}<br><small>{_unit(row['estimate'])}</small>",
            _references(row["null"], row["oracle"]),
        )
        for row in ledger_rows(dict(results))
    ]
    head = ("claim", "verdict", "the paper says", "measured (95 % interval)", "null / oracle")
    return _table(head, rows)


def rules_table(results: Mapping[str, dict]) -> HTML:
    """What is measured for each claim, and the rule of its verdict."""
    rows = [
        (row["id"], html.escape(row["measure"]), html.escape(row["rule"]))
        for row in ledger_rows(dict(results))
    ]
    return _table(("claim", "measure", "rule"), rows)


def runs_table(results: Mapping[str, dict]) -> HTML:
    """How each chapter was run: data, scale, device, fits made (and kept from before), costs."""
    rows = [
        (
            f'<a href="{name}.html">{name}</a>',
            html.escape(str(run.get("dataset"))),
            str(run.get("scale")),
            str(run.get("device")),
            "{fitted} ({kept})".format(**run["fits"]),
            f"{run['wall_s'] / 60:.1f}",
            f"{run['peak_memory_mib'] / 1024:.1f}",
        )
        for name, run in results.items()
        if "fits" in run
    ]
    head = ("chapter", "data", "scale", "device", "fits (kept)", "minutes", "memory, GiB")
    return _table(head, rows)


def _figure(estimate: Estimate | None) -> str:
    if estimate is None:
        return "&ndash;"
    digits = 3 if abs(estimate.value) < 0.1 else 2
    return phrase(estimate, digits)


def _unit(estimate: Estimate | None) -> str:
    return html.escape(f"{estimate.unit}, n = {estimate.n}" if estimate else "")


def _references(null: Estimate | None, oracle: Estimate | None) -> str:
    if null is None and oracle is None:
        return ""
    return " / ".join("&ndash;" if e is None else f"{e.value:.2f}" for e in (null, oracle))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> HTML:
    cells = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{x}</td>" for x in row) + "</tr>" for row in rows)
    return HTML(
        '<div style="overflow-x:auto"><table class="table dataframe">'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


AXES = {  # by row: its variable, that variable's label, what the baseline is
    "kernel_scaling": ("taps", "taps of the kernel", "PyTorch's layer"),
    "length_scaling": ("samples", "samples of the signal", "PyTorch's layer"),
    "ensemble_scaling": ("models", "networks", "ecglib, one after the other"),
}


def build_time(path: str | Path = "build.json") -> str:
    """In words, how long the one run took that made all chapters, if one did."""
    path = Path(path)
    if not path.is_file():
        return "The chapters were not all made by one run"
    build = json.loads(path.read_text())
    minutes, jobs = build["wall_s"] / 60, build["jobs"]
    how = "one after the other" if jobs == 1 else f"in {jobs} processes side by side"
    return f"One command ran all chapters in {minutes:.0f} minutes, {how}"


def read_bench(path: str | Path = "bench.json") -> dict[str, dict]:
    """The rows that `python -m ecglib bench --json PATH` wrote, by name.

    Raises FileNotFoundError where there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no benchmark {path}; write it with `python -m ecglib bench --json {path}`"
        )
    content = json.loads(path.read_text())
    rows = content["rows"] if isinstance(content, dict) else content
    return {row["name"]: row for row in rows}


def compared(rows: dict[str, dict]) -> list[dict[str, object]]:
    """The rows that compare two ways of doing one thing, as a table's rows."""
    return [
        {
            "what": name,
            "baseline": f"{row['baseline']:.3g}",
            "ours": f"{row['ours']:.3g}",
            "unit": row["unit"],
            "ratio": f"{row['ratio']:.1f}",
        }
        for name, row in rows.items()
        if "points" not in row
    ]


def scaling_figure(rows: dict[str, dict]) -> Figure:
    """How the cost grows with kernel, signal and ensemble: baseline and ours, log scales."""
    shown = [name for name in AXES if name in rows]
    fig, axes = plt.subplots(len(shown), 1, figsize=(WIDTH, 2.4 * len(shown)), squeeze=False)
    for ax, name in zip(axes[:, 0], shown, strict=True):
        row, (at, label, baseline) = rows[name], AXES[name]
        x = [point[at] for point in row["points"]]
        for key, who, color in (
            ("baseline", baseline, COLORS["null"]),
            ("ours", "ecglib", COLORS["net"]),
        ):
            exponent = row["exponent" if key == "ours" else "baseline_exponent"]
            ax.loglog(
                x,
                [point[key] for point in row["points"]],
                "o-",
                color=color,
                ms=4,
                label=f"{who} (exponent {exponent:.2f})",
            )
        ax.set(xlabel=label, ylabel=row["unit"])
        ax.set_xticks(x, [f"{size:,}" for size in x])
        ax.set_xticks([], minor=True)
        ax.legend()
    return fig
