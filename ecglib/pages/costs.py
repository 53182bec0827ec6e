"""The benchmark's table and figure, for the page that says what the book costs."""

from IPython.display import Markdown
from matplotlib.figure import Figure

from ecglib.ledger import find_book, read_json
from ecglib.pages.style import COLORS, panels
from ecglib.pages.tables import table

LIMITS = ("arithmetic", "memory")  # rows that say how far a step is from what the machine does
AXES = {  # by row: its variable, that variable's label, what the baseline is
    "kernel_scaling": ("taps", "taps of the kernel", "PyTorch's layer"),
    "length_scaling": ("samples", "samples of the signal", "PyTorch's layer"),
    "ensemble_scaling": ("models", "networks", "ecglib, one after the other"),
}


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
    if not rows or not all(isinstance(row, dict) and "name" in row for row in rows):
        raise ValueError(f"{path} holds no rows of a benchmark: restore it, or write it again.")
    return {row["name"]: row for row in rows}


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
        "room": f"{step / (computing + moving):.1f}",
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
        ax.legend()
    return fig
