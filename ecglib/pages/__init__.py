"""What the pages show: figures, tables, sliders, and what a reader of a live notebook sees."""

import os


def open_page(name: str) -> None:
    """Set the figures' style and, outside a build, start live reading: a notebook's first call.

    name: of the notebook's file, without its ending.
    """
    from IPython import get_ipython

    from ecglib.pages.reading import read_along
    from ecglib.pages.style import use_style

    use_style()
    shell = get_ipython()
    if shell and "ECGLIB_RESULTS" not in os.environ:
        read_along(name, shell)
