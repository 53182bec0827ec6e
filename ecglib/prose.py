"""Numbers for the prose: every figure in a sentence comes from the run that drew the pictures."""

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from ecglib.estimates import Estimate

__all__ = ["phrase", "say", "table"]


def phrase(value: object, digits: int = 2) -> str:
    """A value as the prose shows it; an estimate with its 95 % interval."""
    if isinstance(value, Estimate):
        value, low, high = (_number(x, digits) for x in (value.value, value.low, value.high))
        return f"{value} ({low} to {high})"
    if isinstance(value, float | np.floating):
        return _number(float(value), digits)
    return str(value)


def say(digits: int = 2, /, **values: object) -> None:
    """Make values available to the text as `{glue:text}` under their names, `_` written `-`."""
    for name, value in values.items():
        glue(name.replace("_", "-"), phrase(value, digits), display=False)


def table(rows: list[dict[str, object]], digits: int = 2) -> Markdown:
    """Rows of equal keys as a Markdown table."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(phrase(row[c], digits) for c in columns) + " |" for row in rows]
    return Markdown("\n".join(lines))


def _number(value: float, digits: int) -> str:
    if np.isnan(value):
        return "not defined"
    if np.isinf(value):
        return "beyond the range"
    return f"{value:z.{digits}f}"  # z: never "-0.00"
