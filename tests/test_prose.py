"""Numbers as the text shows them."""

import numpy as np
import pytest

from ecglib import prose
from ecglib.estimates import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.126, "0.13"),
        (np.float32(2), "2.00"),
        (-0.001, "0.00"),
        (-0.006, "-0.01"),
        (7, "7"),
        ("V6", "V6"),
        (np.nan, "not defined"),
        (np.inf, "beyond the range"),
        (Estimate(0.5, 0.4, 0.62, 9), "0.50 (0.40 to 0.62)"),
        (Estimate(120.0, 90.5, np.inf, 9, "ms"), "120.00 (90.50 to beyond the range)"),
    ],
)
def test_a_value_is_shown_with_two_decimals_and_an_estimate_with_its_interval(value, text):
    assert prose.phrase(value) == text


def test_the_number_of_decimals_is_the_writers():
    assert prose.phrase(Estimate(120.4, 90.5, 133.0, 9), digits=0) == "120 (90 to 133)"


def test_names_are_glued_with_hyphens_and_not_displayed(monkeypatch):
    glued = []
    monkeypatch.setattr(prose, "glue", lambda *what, **how: glued.append((what, how)))
    prose.say(1, d_star=12.34, pairs=40)
    assert glued == [
        (("d-star", "12.3"), {"display": False}),
        (("pairs", "40"), {"display": False}),
    ]


def test_rows_become_a_markdown_table():
    rows = [{"net": "base", "C3": Estimate(0.5, 0.4, 0.6, 9)}, {"net": "dropout", "C3": np.nan}]
    assert prose.table(rows).data.splitlines() == [
        "| net | C3 |",
        "|---|---|",
        "| base | 0.50 (0.40 to 0.60) |",
        "| dropout | not defined |",
    ]
