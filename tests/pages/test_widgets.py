"""The sliders, without a page: what is linked, what is shown, and the live part's answers."""

import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from ecglib.fits import FitError
from ecglib.pages.style import NEEDS_KERNEL
from ecglib.pages.widgets import frame_explorer, png


def picture(value: float = 0.0) -> bytes:
    fig, ax = plt.subplots(figsize=(2, 1), dpi=50)
    ax.axhline(value)
    return png(fig)


def explorer(groups, label="at", values=(1,), alt="", choices=None, render=None):
    """A frame explorer of one frame a group, unless more is said."""
    return frame_explorer(groups, label, values, alt, choices or {}, render)


def links() -> list[dict]:
    """The states of all links there are."""
    models = ipywidgets.Widget.get_manager_state()["state"].values()
    return [model["state"] for model in models if model["model_name"] == "LinkModel"]


@pytest.fixture(autouse=True)
def no_widgets_left():
    yield
    ipywidgets.Widget.close_all()
    plt.close("all")


def test_equal_figures_give_equal_bytes_of_few_colours_and_are_closed():
    assert picture(0.5) == picture(0.5)
    assert picture(0.5) != picture(0.7)
    image = Image.open(io.BytesIO(picture()))
    assert image.mode == "P" and image.size == (100, 50)
    assert len(image.getcolors()) <= 64
    assert not plt.get_fignums()


def test_palette_keeps_the_picture():
    fig, ax = plt.subplots()
    ax.plot(np.sin(np.linspace(0, 20, 300)), color="#0072b2")
    plain = io.BytesIO()
    fig.savefig(plain)
    exact = np.asarray(Image.open(plain).convert("RGB"), float)
    reduced = np.asarray(Image.open(io.BytesIO(png(fig))).convert("RGB"), float)
    assert np.abs(exact - reduced).max() < 30


def test_slider_is_linked_to_the_frames_of_every_group_and_the_list_to_the_groups():
    groups = {"1 to 2": [picture(x) for x in (0, 1, 2)], "3 to 4": [picture(x) for x in (3, 4, 5)]}
    box = explorer(groups, "place", ["a", "b", "c"], alt="A line.")
    shown, slider, outer, _ = box.children
    assert shown.options == tuple(groups) and slider.options == ("a", "b", "c")
    ends = {(link["source"][0], link["target"][0]) for link in links()}
    point = "IPY_MODEL_{}".format
    assert ends == {
        (point(shown.model_id), point(outer.model_id)),
        *((point(slider.model_id), point(stack.model_id)) for stack in outer.children),
    }
    assert all(
        (link["source"][1], link["target"][1]) == ("index", "selected_index") for link in links()
    )
    assert len(outer.children) == 2 and outer.selected_index == 0
    for stack in outer.children:
        assert len(stack.children) == 3 and stack.selected_index == 0
    assert 'alt="3 to 4. A line. place: b."' in outer.children[1].children[1].value


def test_alternative_text_is_escaped():
    outer = explorer({"a": [picture()]}, alt='less < than & "quoted"').children[2]
    escaped = 'alt="a. less &lt; than &amp; &quot;quoted&quot; at: 1."'
    assert escaped in outer.children[0].children[0].value


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: explorer({"a": []}), "0 frames"),
        (lambda: explorer({"a": [picture()]}, values=[1, 2]), "1 frames cannot stand for 2 values"),
        (lambda: explorer({"a": [b"GIF89a"]}), "not a PNG"),
        (lambda: explorer({}), "no groups"),
        (lambda: explorer({"a": []}, values=[]), "no groups"),
        (lambda: explorer({"a": [picture()], "b": []}), "0 frames"),
    ],
)
def test_what_cannot_be_shown_is_said(make, says):
    with pytest.raises(ValueError, match=says):
        make()


class Live:
    """An explorer of one group of two frames whose reader chooses two of three records."""

    def __init__(self, render):
        ids = ["1", "2", "3"]
        choices = {"from": ids, "to": ids}
        group = {"1 to 2": [picture(0), picture(1)]}
        box = explorer(group, "position", [0, 1], choices=choices, render=render)
        self.shown, self.slider, self.outer, self.chooser = box.children

    def choose(self, first, second):
        """Draw a choice; what is said of it."""
        says, *boxes, button = self.chooser.children
        boxes[0].value, boxes[1].value = first, second
        button.click()
        assert not button.disabled
        return says.value


def test_live_choice_is_added_and_shown_at_the_slider_s_place():
    asked = []

    def render(a, b):
        asked.append((a, b))
        return [picture(5), picture(6)]

    live = Live(render)
    assert NEEDS_KERNEL in live.chooser._dom_classes
    live.slider.index = 1
    live.choose("3", " 1 ")
    assert asked == [("3", "1")]
    assert live.shown.value == "3 to 1" and live.shown.options == ("1 to 2", "3 to 1")
    assert live.outer.children[1].selected_index == 1
    live.choose("3", "1")
    assert len(asked) == 1, "a choice that is there already is not drawn again"


def test_live_choice_that_is_not_there_is_named():
    live = Live(lambda a, b: pytest.fail("drawn"))
    assert "no '7'" in live.choose("7", "1") and len(live.outer.children) == 1


@pytest.mark.parametrize("kind", [ValueError, OSError, FitError])
def test_error_of_the_live_drawing_is_shown_as_its_sentence(kind):
    def render(a, b):
        raise kind("record 3 is flat.")

    live = Live(render)
    assert live.choose("3", "1") == "record 3 is flat."
    assert live.shown.options == ("1 to 2",) and len(live.outer.children) == 1
