"""Live reading: in Jupyter, captions and sentences with their numbers appear below the cells.

Jupyter Book puts the numbers into the text when it builds the pages; JupyterLab shows the role
`{glue:text}` as it stands, and no caption at all. So in a live notebook each cell is followed by
its figure's caption and by the paragraphs whose last missing number it gave.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell
from IPython.display import Markdown, display

from ecglib.ledger import find_book
from ecglib.markdown import escaped
from ecglib.pages.style import NEEDS_KERNEL
from ecglib.pages.tables import SAID

ROLE = re.compile(r"{([a-z:]+)}`([^`]+)`")  # MyST's, such as {cite}`key`
CHECKED = "nbval-check-output"  # tag of cells whose outputs a test compares


def read_along(name: str, shell: InteractiveShell) -> None:
    """Show what there is to read after each cell of the notebook `name`, in place of any other."""
    for other in list(shell.events.callbacks["post_run_cell"]):
        if isinstance(other, Reader):
            shell.events.unregister("post_run_cell", other)
    notebook = Path.cwd() / f"{name}.ipynb"
    with suppress(FileNotFoundError):  # no book: nothing to read
        if not notebook.is_file():
            notebook = find_book() / "chapters" / notebook.name
        shell.events.register("post_run_cell", Reader(notebook))


class Reader:
    """Called after every cell; shows its caption, and each paragraph once for given numbers."""

    def __init__(self, notebook: Path):
        """`notebook` is read anew after each cell, since it may be edited meanwhile."""
        self.notebook = notebook
        self.shown: dict[str, tuple[str, str]] = {}  # by paragraph: as filled, and below which code

    def __call__(self, result: ExecutionResult) -> None:
        """Show what a cell that has just run gives to read; nothing if it failed."""
        if result.success and result.info:
            with suppress(OSError, ValueError):  # the file is gone, or only half saved
                cells = json.loads(self.notebook.read_text(encoding="utf-8"))["cells"]
                for text in self._to_read(cells, result.info):
                    # Hidden in the book, should the notebook be saved as it was read.
                    display(Markdown(f'<div class="{NEEDS_KERNEL}">\n\n{text}\n\n</div>'))

    def _to_read(self, cells: list[dict], run: ExecutionInfo) -> Iterator[str]:
        code = run.raw_cell or ""
        same = (c for c in cells if _source(c) == code or c.get("id", "") == run.cell_id)
        metadata: dict = next((cell["metadata"] for cell in same), {})
        if CHECKED in metadata.get("tags", ()):
            return
        if caption := metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            yield filled(caption) or caption
        for paragraph in _paragraphs(cells):
            text = filled(paragraph)
            before, below = self.shown.get(paragraph, ("", ""))
            # What stood below this very cell went with its outputs, and is shown again.
            if text and (text != before or code == below):
                self.shown[paragraph] = text, code
                yield text


def filled(text: str) -> str | None:
    """The text with its numbers, other roles by their words; None while a number is not known."""
    if any(role == "glue:text" and name not in SAID for role, name in ROLE.findall(text)):
        return None
    return ROLE.sub(_words, text)


def _words(role: re.Match) -> str:
    words = role[2]
    return {"glue:text": escaped(SAID.get(words, "")), "cite": f"[{words}]"}.get(role[1], words)


def _source(cell: dict) -> str:
    return "".join(cell["source"])


def _paragraphs(cells: list[dict]) -> list[str]:
    """Those that hold a number, in the notebook's order."""
    texts = "\n\n".join(_source(cell) for cell in cells if cell["cell_type"] == "markdown")
    return [part for part in re.split(r"\n\s*\n", texts) if "{glue:text}" in part]
