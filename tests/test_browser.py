"""The quick book in Chromium: sliders answer to the keyboard, and nothing is asked for outside.

Every page is opened once; a test waits for what it asserts, however slow the machine.
"""

import re
from collections.abc import Iterator

import pytest
from conftest import QUICK

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 375, "height": 740}}
HARMLESS = re.compile(r"strict mode: use allowUnionTypes|\[PST\]|\[togglebutton\]|DevTools")
# The frame that a slider shows is the one that its handle names, and it is drawn.
AGREES = """box => {
    const image = box.querySelector('img.ecglib-frame');
    const value = box.querySelector('.noUi-handle').getAttribute('aria-valuetext');
    return image.alt.endsWith(`: ${value}.`) && image.complete && image.naturalWidth > 0;
}"""


class Page:
    """A page that remembers what went wrong in it."""

    def __init__(self, browser, address: str, name: str):
        self.name, self.address = name, address
        self.wrong: list[str] = []
        self.page = browser.new_page(viewport=SIZES["desktop"])
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda m: self._say(f"console {m.type}: {m.text}"))
        self.page.on("pageerror", lambda error: self._say(f"error: {error}"))
        self.page.on("request", self._ask)
        self.page.on(
            "response",
            lambda r: self._say(f"status {r.status}: {r.url}") if r.status >= 400 else None,
        )
        self.page.goto(f"{address}/chapters/{name}", wait_until="networkidle")

    def _say(self, what: str) -> None:
        if not HARMLESS.search(what):
            self.wrong.append(what)

    def _ask(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self._say(f"request outside the book: {request.url}")

    def wait(self, condition: str, **given) -> None:
        """Wait until a condition in JavaScript holds; a failed test where it never does."""
        try:
            self.page.wait_for_function(condition, **given)
        except Exception as error:
            raise AssertionError(f"{self.name}: never {condition}") from error

    def boxes(self, control: str) -> list:
        """The sliders with a given kind of control beside them."""
        return self.page.locator(f".jupyter-widgets.widget-vbox:has(> .{control})").all()


@pytest.fixture(scope="module")
def pages(browser, site, address) -> Iterator[list[Page]]:
    names = sorted(path.name for path in (site / "chapters").glob("*.html"))
    opened = [Page(browser, address, name) for name in names]
    yield opened
    for page in opened:
        page.page.close()


@pytest.fixture(scope="module")
def with_sliders(pages, site) -> list[Page]:
    """The pages with sliders, once these can be moved."""
    view = "widget-view+json"
    found = [p for p in pages if view in (site / "chapters" / p.name).read_text()]
    assert found, "no page has a slider"
    for page in found:
        page.page.wait_for_selector(".noUi-handle")
    return found


def test_no_page_complains_or_asks_for_anything_outside(pages):
    assert {page.name: page.wrong for page in pages if page.wrong} == {}


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_the_screen(pages, size):
    folder = QUICK.parent / "screenshots" / size
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        page.page.set_viewport_size(SIZES[size])
        page.wait("document.documentElement.scrollWidth <= innerWidth")
        page.page.screenshot(path=(folder / page.name).with_suffix(".png"), full_page=True)
        page.page.set_viewport_size(SIZES["desktop"])


def test_sliders_answer_to_the_keyboard(with_sliders):
    for page in with_sliders:
        sliders = page.boxes("widget-slider")
        assert sliders, f"{page.name}: no slider has come"
        for slider in sliders:
            handle, frame = slider.locator(".noUi-handle"), slider.locator("img.ecglib-frame")
            assert handle.get_attribute("aria-label"), f"{page.name}: the slider has no name"
            seen = set()
            handle.focus()
            for key in ("Home", "ArrowRight", "End"):
                before = handle.get_attribute("aria-valuetext")
                page.page.keyboard.press(key)
                if key != "Home":  # where it may have stood already
                    page.wait(
                        "([handle, last]) => handle.getAttribute('aria-valuetext') !== last",
                        arg=[handle.element_handle(), before],
                    )
                page.wait(AGREES, arg=slider.element_handle())
                seen.add(frame.get_attribute("src"))
            assert len(seen) == 3, f"{page.name}: the frame stands still"
        assert not page.wrong, page.name


def test_choosing_a_group_keeps_the_slider_s_place(with_sliders):
    for page in with_sliders:
        for box in page.boxes("widget-dropdown"):
            choice, frame = box.locator("select"), box.locator("img.ecglib-frame")
            if choice.locator("option").count() < 2:
                continue
            box.locator(".noUi-handle").focus()
            page.page.keyboard.press("End")
            page.wait(AGREES, arg=box.element_handle())
            before = frame.get_attribute("alt")
            choice.select_option(index=1)
            page.wait(
                "([box, last]) => box.querySelector('img.ecglib-frame').alt !== last",
                arg=[box.element_handle(), before],
            )
            page.wait(AGREES, arg=box.element_handle())
            place = before.split(": ")[-1]
            assert frame.get_attribute("alt").split(": ")[-1] == place, page.name


def test_controls_that_need_a_kernel_are_not_shown(with_sliders):
    for page in with_sliders:
        shown = "[...document.querySelectorAll('.ecglib-needs-kernel')].filter(e => e.offsetParent)"
        page.wait(f"!{shown}.length")


def test_dark_theme_keeps_figures_legible(with_sliders):
    page = with_sliders[0]
    page.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait(
        "[...document.querySelectorAll('article img')]"
        ".every(i => getComputedStyle(i).backgroundColor === 'rgb(255, 255, 255)')"
    )
