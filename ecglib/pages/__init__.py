"""What the pages show: figures, tables, sliders, and what a reader of a live notebook sees."""


def open_page(name: str) -> None:
    """Set the figures' style; the first call of every notebook.

    name: of the notebook's file, without its ending.
    """
    from ecglib.pages import style

    style.use_style()
