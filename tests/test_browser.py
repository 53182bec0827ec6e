"""The quick book in Chromium: sliders answer to the keyboard, and nothing is asked for outside."""

import re
from pathlib import Path

import pytest
from conftest import QUICK

SIZES = {"desktop": (1280, 900), "phone": (375, 740)}
HARMLESS = re.compile(r"strict mode: use allowUnionTypes|\[PST\]|\[togglebutton\]|DevTools")


def names(site: Path) -> list[str]:
    return sorted(path.name for path in (site / "chapters").glob("*.html"))


class Page:
    """A page that remembers what went wrong in it."""

    def __init__(self, browser, address: str, name: str, size: tuple[int, int]):
        self.address = address
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.wrong: list[str] = []
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


@pytest.fixture
def open_page(browser, address):
    opened = []

    def opener(name: str, size: str = "desktop") -> Page:
        opened.append(Page(browser, address, name, SIZES[size]))
        return opened[-1]

    yield opener
    for page in opened:
        page.context.close()


def test_no_page_complains_or_asks_for_anything_outside(site, open_page):
    for name in names(site):
        assert not open_page(name).wrong, name


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_the_screen(site, open_page, size):
    folder = QUICK.parent / "screenshots" / size
    folder.mkdir(parents=True, exist_ok=True)
    for name in names(site):
        page = open_page(name, size).page
        page.screenshot(path=folder / f"{Path(name).stem}.png", full_page=True)
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], f"{name} scrolls sideways at {size} size"


def with_sliders(site: Path) -> list[str]:
    return [n for n in names(site) if "widget-view+json" in (site / "chapters" / n).read_text()]


def test_sliders_answer_to_the_keyboard(site, open_page):
    assert with_sliders(site), "no page has a slider"
    for name in with_sliders(site):
        opened = open_page(name)
        page = opened.page
        page.wait_for_selector(".noUi-handle")
        for slider in page.locator(".jupyter-widgets.widget-vbox:has(> .widget-slider)").all():
            handle, frame = slider.locator(".noUi-handle"), slider.locator("img.ecglib-frame")
            assert handle.get_attribute("aria-label"), f"{name}: the slider has no name"
            seen = [frame.get_attribute("src")]
            handle.focus()
            for key in ("ArrowRight", "End"):
                page.keyboard.press(key)
                page.wait_for_function(
                    "([image, last]) => image.isConnected ? image.src !== last : true",
                    arg=[frame.element_handle(), seen[-1]],
                    timeout=5000,
                )
                page.wait_for_timeout(200)
                seen.append(frame.get_attribute("src"))
            assert len(set(seen)) == 3, f"{name}: the frame stands still"
            value = handle.get_attribute("aria-valuetext")
            assert frame.get_attribute("alt").endswith(f": {value}."), name
            assert frame.evaluate("image => image.complete && image.naturalWidth > 0"), name
        assert not opened.wrong, name


def test_choosing_a_group_keeps_the_slider_s_place(site, open_page):
    for name in with_sliders(site):
        page = open_page(name).page
        page.wait_for_selector(".noUi-handle")
        for box in page.locator(".jupyter-widgets.widget-vbox:has(> .widget-dropdown)").all():
            options = box.locator("select option").count()
            if options < 2:
                continue
            box.locator(".noUi-handle").focus()
            page.keyboard.press("End")
            page.wait_for_timeout(200)
            before = box.locator("img.ecglib-frame").get_attribute("alt")
            box.locator("select").select_option(index=1)
            page.wait_for_timeout(300)
            after = box.locator("img.ecglib-frame").get_attribute("alt")
            assert after != before and after.split(": ")[-1] == before.split(": ")[-1], name


def test_controls_that_need_a_kernel_are_not_shown(site, open_page):
    for name in with_sliders(site):
        page = open_page(name).page
        page.wait_for_selector(".noUi-handle")
        assert not page.locator(".ecglib-needs-kernel").locator("visible=true").count(), name


def test_dark_theme_keeps_figures_legible(site, open_page):
    for name in with_sliders(site)[:1]:
        page = open_page(name).page
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        grounds = page.locator("article img").evaluate_all(
            "images => images.map(i => getComputedStyle(i).backgroundColor)"
        )
        assert set(grounds) == {"rgb(255, 255, 255)"}, name
