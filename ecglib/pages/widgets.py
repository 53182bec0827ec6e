"""Sliders over drawn frames: they move in the built page with no kernel, and in Jupyter take more.

Every frame is drawn beforehand, and the browser alone links the slider to what is shown: of all
ways that ipywidgets offers, only `jslink` works in a page without a kernel. `Play` is not used
since the theme's icons break it.
"""

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from ecglib.pages.style import NEEDS_KERNEL

PALETTE = 64  # colours of a frame: enough for lines and type, and a light page
STYLE = {"description_width": "initial"}

Frames = Sequence[bytes]


def png(fig: Figure) -> bytes:
    """Draw a figure, close it, return it as a PNG of few colours: equal figures, equal bytes."""
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", metadata={"Software": None})
    plt.close(fig)
    reduced = Image.open(drawn).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    reduced.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def frame_explorer(
    groups: Mapping[str, Frames],
    label: str,
    values: Sequence[object],
    alt: str,
    choices: Mapping[str, Sequence[str]],
    render: Callable[..., Frames],
    group_label: str = "Pair",
) -> widgets.VBox:
    """One slider for several groups of frames, and a list to choose the group from.

    groups: equally many frames for each group (a pair of records, a record and a net), by name;
        frames are PNG images of equal size, as `png` gives.
    label: what the slider moves, values: what it reads at each frame.
    alt: what the frames show, for readers who do not see them; the group's name and the slider's
        value are added.
    choices: in a live notebook, what the reader may choose besides: for each name shown (such as
        "from record") its options (record ids).
    render: the frames of such a choice, from one option for each of `choices`, in order; a
        ValueError, OSError or RuntimeError (a failed fit) is shown as its sentence.
    group_label: what a group is.

    Raises ValueError for no groups or no frames, values of another number, or frames that are not
    PNG.
    """
    if not groups or not values:
        raise ValueError("there are no groups of frames to show.")
    slider = widgets.SelectionSlider(
        options=[str(value) for value in values],
        index=0,
        description=label,
        style=STYLE,
        layout=widgets.Layout(width="100%"),
    )
    shown = widgets.Dropdown(options=list(groups), description=group_label, style=STYLE)
    outer = widgets.Stack()
    widgets.jslink((shown, "index"), (outer, "selected_index"))

    def add(name: str, frames: Frames) -> None:
        stack = _stack(frames, label, slider.options, f"{name}. {alt}")
        widgets.jslink((slider, "index"), (stack, "selected_index"))
        stack.selected_index = slider.index
        outer.children = (*outer.children, stack)

    for name, frames in groups.items():
        add(name, frames)
    outer.selected_index = 0
    return widgets.VBox([shown, slider, outer, _chooser(choices, render, add, shown)])


def _stack(frames: Frames, label: str, values: Sequence[str], alt: str) -> widgets.Stack:
    if len(frames) != len(values):
        raise ValueError(f"{label}: {len(frames)} frames cannot stand for {len(values)} values.")
    layout, style = widgets.Layout(), widgets.HTML().style  # one for all frames: a lighter page
    pictures = [
        widgets.HTML(_picture(frame, f"{alt} {label}: {value}."), layout=layout, style=style)
        for frame, value in zip(frames, values, strict=True)
    ]
    return widgets.Stack(pictures, selected_index=0)


def _picture(frame: bytes, alt: str) -> str:
    """An <img> that carries its frame: unlike an Image widget it has an alternative text."""
    if not frame.startswith(b"\x89PNG"):
        raise ValueError("a frame is not a PNG image: make frames with ecglib.pages.widgets.png.")
    width, height = (int.from_bytes(frame[i : i + 4], "big") for i in (16, 20))
    data = base64.b64encode(frame).decode()
    return (
        f'<img class="ecglib-frame" alt="{html.escape(alt.strip())}" width="{width}" '
        f'height="{height}" style="max-width:100%;height:auto" src="data:image/png;base64,{data}">'
    )


def _chooser(
    choices: Mapping[str, Sequence[str]],
    render: Callable[..., Frames],
    add: Callable[[str, Frames], None],
    shown: widgets.Dropdown,
) -> widgets.VBox:
    """Boxes to choose anything from, and a button that draws it and shows it in the explorer."""
    boxes = [
        widgets.Combobox(
            options=options, placeholder=f"one of {len(options)}", description=name, style=STYLE
        )
        for name, options in choices.items()
    ]
    button = widgets.Button(description="Draw")
    says = widgets.Label("Choose from all there is:")

    def draw(_: widgets.Button) -> None:
        chosen = [box.value.strip() for box in boxes]
        for box, option in zip(boxes, chosen, strict=True):
            if option not in box.options:
                says.value = f"{box.description}: there is no {option!r}; choose from the list."
                return
        name = " to ".join(chosen)
        if name not in shown.options:
            says.value, button.disabled = "Drawing …", True
            try:
                add(name, render(*chosen))
            except (ValueError, OSError, RuntimeError) as error:
                says.value = str(error)
                return
            finally:
                button.disabled = False
            shown.options = (*shown.options, name)
        shown.value = name
        says.value = f"Shown above: {name}."

    button.on_click(draw)
    box = widgets.VBox([says, *boxes, button])
    box.add_class(NEEDS_KERNEL)
    return box
