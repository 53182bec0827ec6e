"""What the book costs: how long it took to run, and the benchmark's tables and figures."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ecglib.figures import COLORS, WIDTH

__all__ = ["build_time", "compared", "read_bench", "scaling_figure"]

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
