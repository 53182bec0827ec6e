"""Texts from records and from readers, as Markdown that shows them as they are."""

import html
import re


class Marked(str):
    """Text that is Markdown already; any other is escaped before it stands in a page."""


def escaped(text: str) -> str:
    """A text from records, or from a reader, in one line of Markdown that shows it as it is."""
    if isinstance(text, Marked):
        return text
    return re.sub(r"([\\`*_\[\]|$~])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def code(text: str) -> str:
    """A text as code; the marks around it are longer than any row of such marks in it."""
    mark = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    room = " " if len(mark) > 1 else ""
    return f"{mark}{room}{' '.join(text.split())}{room}{mark}"
