"""The benchmark's table and figure, for the page that says what the book costs."""

from collections.abc import Mapping

import numpy as np
from IPython.display import Markdown
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ecglib.ledger import find_book, read_json
from ecglib.pages.style import COLORS, panels
from ecglib.pages.tables import table

LIMITS = ("arithmetic", "memory")  # rows that say how far a step is from what the machine does
AXES = {  # by row: its variable, that variable's label, what the baseline is
    "kernel_scaling": ("taps", "taps of the kernel", "PyTorch's layer"),
    "length_scaling": ("samples", "samples of the signal", "PyTorch's layer"),
    "ensemble_scaling": ("models", "networks", "ecglib, one after the other"),
}


PUBLISHED_STEP_S = 0.1  # of the authors' graph on two threads of a current TensorFlow
PUBLISHED_STEPS = 19_000  # for each record, network and signal, over all its regions


def read_bench() -> dict[str, dict]:
    """The rows of the book's benchmark, `chapters/bench.json`, by name.

    Raises FileNotFoundError where there is none, ValueError naming it where it is broken.
    """
    path = find_book() / "chapters" / "bench.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no benchmark {path}; write it with `python -m ecglib bench --json {path}`"
        )
    rows = read_json(path, list)
    named = {row["name"]: row for row in rows if isinstance(row, dict) and "name" in row}
    if len(named) < len(rows) or not {"table1_step", *LIMITS} <= named.keys():
        raise ValueError(
            f"{path} is no benchmark of this version: restore it, or write it with `python -m "
            f"ecglib bench --json {path}`."
        )
    return named


def published(results: Mapping[str, dict]) -> str:
    """What the published protocol of section III would take, and beside what the chapters took."""
    hours = 34 * 2 * 2 * PUBLISHED_STEPS * PUBLISHED_STEP_S / 3600
    if any(run["fits"]["kept"] > run["fits"]["fitted"] for run in results.values()):
        return f"{hours:.0f} hours"
    minutes = sum(run["wall_s"] for run in results.values()) / 60
    return f"{hours:.0f} hours, {60 * hours / minutes:.0f} times these minutes"


def compared(bench: dict[str, dict]) -> Markdown:
    """The rows that compare two ways of doing one thing."""
    return table(
        [
            {
                "what": name,
                "baseline": f"{row['baseline']:.3g}",
                "ours": f"{row['ours']:.3g}",
                "unit": row["unit"],
                "ratio": f"{row['ratio']:.1f}",
            }
            for name, row in bench.items()
            if name not in (*AXES, *LIMITS)
        ]
    )


def limits(bench: dict[str, dict]) -> dict[str, str]:
    """What bounds a step of Table I's network, for `say`: its work, and the least time of each."""
    arithmetic, memory = (bench[name] for name in LIMITS)
    computing = 1e3 * arithmetic["gflop"] / arithmetic["baseline"]  # ms
    moving = 1e3 * memory["gbyte"] / memory["baseline"]
    step = bench["table1_step"]["ours"]
    nearer, least = max(("arithmetic", computing), ("memory", moving), key=lambda of: of[1])
    return {
        "direct_gflop": f"{arithmetic['direct_gflop']:.1f}",
        "gflop": f"{arithmetic['gflop']:.2f}",
        "product_rate": f"{arithmetic['baseline']:.0f}",
        "computing_ms": f"{computing:.1f}",
        "operations": f"{memory['operations']:,}",
        "gbyte": f"{memory['gbyte']:.2f}",
        "copy_rate": f"{memory['baseline']:.0f}",
        "moving_ms": f"{moving:.0f}",
        "step_ms": f"{step:.0f}",
        "nearer": nearer,
        "times": f"{step / least:.1f}",
    }


def scaling_figure(bench: dict[str, dict]) -> Figure:
    """How the cost grows with kernel, signal and ensemble: baseline and ours, log scales."""
    shown = [name for name in AXES if name in bench]
    fig, axes = panels(len(shown), 2.4 * len(shown))
    for ax, name in zip(axes, shown, strict=True):
        row = bench[name]
        variable, label, baseline = AXES[name]
        sizes = [point[variable] for point in row["points"]]
        for key, exponent, who, color in (
            ("baseline", "baseline_exponent", baseline, COLORS["null"]),
            ("ours", "exponent", "ecglib", COLORS["net"]),
        ):
            times = [point[key] for point in row["points"]]
            legend = f"{who} (exponent {row[exponent]:.2f})"
            ax.loglog(sizes, times, "o-", color=color, ms=4, label=legend)
        ax.set(xlabel=label, ylabel=row["unit"])
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.set_xticks([], minor=True)
        ax.yaxis.set_minor_formatter(NullFormatter())
        least, most = ax.get_ylim()
        ax.set_ylim(10 ** np.floor(np.log10(least)), 10 ** np.ceil(np.log10(most)))
        ax.legend()
    return fig
