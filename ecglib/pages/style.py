"""One style for every figure of the book, and what its style sheet is told."""

from typing import TYPE_CHECKING, Any

from matplotlib import rcParams

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 5.6  # inches: narrow, so that the type stays legible when a phone shrinks it
DPI = 130
NEEDS_KERNEL = "ecglib-needs-kernel"  # the book's style sheet hides what has this class

# Colours that stay apart for colour-blind readers (after Okabe and Ito).
COLORS = {
    "signal": "#8c8c8c",
    "reconstruction": "#0072b2",
    "net": "#0072b2",
    "null": "#d55e00",
    "oracle": "#009e73",
    "region": "#f6e3b4",
    "p": "#cc79a7",
    "qrs": "#0072b2",
    "t": "#d55e00",
    "good": "#0072b2",
    "bad": "#d55e00",
}

PATHS = {"net": "the network's path", "null": "cross-fade (null)", "oracle": "moved waves (oracle)"}


def use_style() -> None:
    """Set matplotlib's defaults: a white ground, type legible on a phone, no chart junk."""
    rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 1.3,
        }
    )


def panels(count: int, height: float, **options: Any) -> tuple["Figure", list["Axes"]]:
    """A figure of panels below each other, `height` inches in all, and their axes."""
    import matplotlib.pyplot as plt  # a page without a figure need not wait for it

    fig, axes = plt.subplots(count, figsize=(WIDTH, height), squeeze=False, **options)
    return fig, list(axes[:, 0])


def plain(text: str) -> str:
    """A text from records or from a reader as a figure shows it: no dollar begins a formula."""
    return text.replace("$", r"\$")


def nothing_to_draw(why: str, source: str) -> "Figure":
    """An empty panel that says why there is nothing in it."""
    fig, (ax,) = panels(1, 1.4)
    ax.set_axis_off()
    ax.text(0.5, 0.5, plain(f"Nothing to draw: {why}."), ha="center", va="center", wrap=True)
    stamp(fig, source)
    return fig


def stamp(fig: "Figure", source: str) -> None:
    """Write under the figure which data it shows."""
    fig.supxlabel(plain(f"Data: {source}"), x=0.99, ha="right", fontsize=8, color="#666666")


def ecg_axes(ax: "Axes", seconds: bool = True) -> None:
    """Label the axes of a signal: amplitude in millivolts and, of the lowest, time in seconds."""
    ax.margins(x=0)
    ax.set_ylabel("mV")
    if seconds:
        ax.set_xlabel("time, s")
