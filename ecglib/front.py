"""The front page's tables: the ledger and how the book was made, from the chapters' results."""

import html
from collections.abc import Mapping, Sequence

from IPython.display import HTML

from ecglib.estimates import Estimate
from ecglib.ledger import ledger_rows
from ecglib.prose import phrase
from ecglib.verdicts import FAILS, HOLDS, IN_PART

__all__ = ["ledger_table", "rules_table", "runs_table"]

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
