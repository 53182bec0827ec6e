"""The benchmark's table and figure, for the page that says what the book costs."""

from collections.abc import Mapping

from IPython.display import Markdown
from matplotlib.figure import Figure

from ecglib.ledger import find_book, read_json
from ecglib.markdown import Marked, escaped
from ecglib.pages.style import COLORS, panels
from ecglib.pages.tables import NONE, table

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
            if name not in AXES
        ]
    )


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


def on_gpu(results: Mapping[str, dict]) -> Markdown:
    """How long each chapter took on a GPU, beside the CPU, and how its figures stand to these.

    results: of the chapters, as `read_results` gives them. Read from `chapters/gpu.json`, which
    `make gpu` writes; where there is none, a sentence says so.

    Raises ValueError naming the file where it is broken.
    """
    path = find_book() / "chapters" / "gpu.json"
    if not path.is_file():
        return Markdown(
            "Nothing in this book has been run on a GPU yet; `make gpu` does so within ten minutes "
            "on a machine with CUDA, and its figures then stand here."
        )
    report = read_json(path)
    try:
        rows = [_on_both(name, run, results) for name, run in report["chapters"].items()]
        apart = _apart(report["chapters"])
        left_out = [f"{name} ({why})" for name, why in report["left_out"].items()]
        tests = ", ".join(f"{count} {what}" for what, count in report["tests"].items())
        words = (
            f"On {report['device']} (torch {report['torch']}), within {report['minutes']:g} minutes"
            f"; of the tests that need a GPU {tests or 'none ran'}. {report['rule']}"
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no report of `make gpu`: restore it, or delete it.") from error
    parts = [escaped(words), table(rows).data]
    for title, lines in (("Not in agreement", apart), ("Left out", left_out)):
        parts.append(f"{title}: {escaped('; '.join(lines) or 'none')}.")
    return Markdown("\n\n".join(parts))


def _on_both(name: str, run: dict, results: Mapping[str, dict]) -> dict[str, object]:
    """A chapter's row: minutes on the GPU and on the CPU, fits made and kept, agreement."""
    cpu = results.get(name)
    return {
        "chapter": Marked(f"[{name}]({name}.html)"),
        "GPU, minutes": f"{run['minutes']:.1f}",
        "fits (kept)": "{fitted} ({kept})".format(**run["fits"]),
        "CPU, minutes": f"{cpu['wall_s'] / 60:.1f}" if cpu else NONE,
        "CPU, fits (kept)": "{fitted} ({kept})".format(**cpu["fits"]) if cpu else NONE,
        "figures that agree": f"{run['agree']} of {run['figures']}",
        "typical distance": NONE if run["typical"] is None else f"{run['typical']:.2f}",
    }


def _apart(chapters: Mapping[str, dict]) -> list[str]:
    """Every figure and every verdict that differs, by name."""
    return [
        f"{name}, {what}: {pair['gpu']} on the GPU, {pair['cpu']} on the CPU"
        for name, run in chapters.items()
        for what, pair in (run["outside"] | run["verdicts"]).items()
    ]
