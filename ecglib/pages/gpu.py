"""How the book ran on a GPU, for the page that says what it costs."""

from collections.abc import Mapping

from IPython.display import Markdown

from ecglib.ledger import find_book, read_json
from ecglib.markdown import Marked, escaped
from ecglib.pages.costs import compared
from ecglib.pages.tables import NONE, table


def chapters_on_gpu(results: Mapping[str, dict]) -> Markdown:
    """What `make gpu` wrote to `chapters/gpu.json`; without that file, a sentence that says so.

    results: of the chapters, as `read_results` gives them.

    Raises ValueError naming the file where it is broken.
    """
    path = find_book() / "chapters" / "gpu.json"
    if not path.is_file():
        devices = sorted({run["device"] for run in results.values()} - {"cpu"})
        where = "Nothing in this book has been run on a GPU yet"
        if devices:
            where = f"These chapters ran on {', '.join(devices)}, beside no run on a CPU"
        return Markdown(
            f"{escaped(where)}: on a machine with CUDA `make gpu` runs tests, benchmark and "
            "chapters within ten minutes, and sets their figures beside the CPU's."
        )
    report = read_json(path)
    try:
        rows = [_on_both(name, run) for name, run in report["chapters"].items()]
        apart = _apart(report["chapters"])
        left_out = [f"{name} ({why})" for name, why in report["left_out"].items()]
        tests = ", ".join(f"{count} {what}" for what, count in report["tests"].items())
        words = (
            f"On {report['device']} (torch {report['torch']}), within {report['minutes']:g} minutes"
            f"; of the tests that need a GPU {tests or 'none ran'}. {report['rule']}"
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no report of `make gpu`: restore it, or delete it.") from error
    parts = [escaped(words), *([table(rows).data] if rows else [])]
    beside = path.with_name("bench-gpu.json")
    if beside.is_file():
        parts.append(compared({row["name"]: row for row in read_json(beside, list)}).data)
    for title, lines in (("Not in agreement", apart), ("Left out", left_out)):
        parts.append(f"{title}: {escaped('; '.join(lines) or 'none')}.")
    return Markdown("\n\n".join(parts))


def _on_both(name: str, run: dict) -> dict[str, object]:
    """A chapter's row: minutes on the GPU and on the CPU, fits made and kept, agreement."""
    return {
        "chapter": Marked(f"[{name}]({name}.html)"),
        **{f"minutes on the {who.upper()} (fits, kept)": _cost(run, who) for who in ("gpu", "cpu")},
        "figures that agree": f"{run['agree']} of {run['figures']}",
        "median distance over that root": NONE
        if run["typical"] is None
        else f"{run['typical']:.2f}",
    }


def _cost(run: dict, who: str) -> str:
    if who not in run["minutes"]:
        return NONE
    return "{:.1f} ({fitted}, {kept})".format(run["minutes"][who], **run["fits"][who])


def _apart(chapters: Mapping[str, dict]) -> list[str]:
    """Every figure and every verdict that differs, by name."""
    return [
        f"{name}, {what}: {pair['gpu']} on the GPU, {pair['cpu']} on the CPU"
        for name, run in chapters.items()
        for what, pair in (run["outside"] | run["verdicts"]).items()
    ]
