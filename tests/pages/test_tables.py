"""Numbers in words, and the tables of the front page."""

import json

import numpy as np
import pytest
from markdown_it import MarkdownIt
from myst_nb.ext import glue

from ecglib.claims import CLAIMS
from ecglib.estimates import Estimate
from ecglib.ledger import Ledger, read_results
from ecglib.pages import tables


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
    assert tables.phrase(value) == text


def test_the_number_of_decimals_is_the_writers():
    assert tables.phrase(Estimate(120.4, 90.5, 133.0, 9), digits=0) == "120 (90 to 133)"


def test_names_are_told_the_text_as_myst_nb_glues_them_and_kept_for_live_reading(monkeypatch):
    ours, theirs = [], []
    monkeypatch.setattr(tables, "display", lambda *what, **how: ours.append((what, how)))
    monkeypatch.setattr(glue, "ipy_display", lambda *what, **how: theirs.append((what, how)))
    monkeypatch.setattr(tables, "SAID", {})
    tables.say(1, d_star=12.34, pairs=40, source="a 'b' \\ \N{GREEK SMALL LETTER MU}V")
    said = {"d-star": "12.3", "pairs": "40", "source": "a 'b' \\ \N{GREEK SMALL LETTER MU}V"}
    assert said == tables.SAID
    for name, text in said.items():
        glue.glue(name, text, display=False)
    assert ours == theirs and len(ours) == 3


def rendered(table) -> str:
    """The table as the page shows it."""
    return MarkdownIt("gfm-like", {"linkify": False}).render(table.data)


def test_rows_become_a_markdown_table():
    rows = [{"net": "base", "C3": Estimate(0.5, 0.4, 0.6, 9)}, {"net": "a|b", "C3": np.nan}]
    assert tables.table(rows).data.splitlines() == [
        "| net | C3 |",
        "|---|---|",
        "| base | 0.50 (0.40 to 0.60) |",
        r"| a\|b | not defined |",
    ]
    assert "<td>a|b</td>" in rendered(tables.table(rows))


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_RESULTS", str(tmp_path))
    ledger = Ledger(
        "02-interpolation", scale="quick", dataset="<synthetic>", device="cpu", seeds=[]
    )
    ledger.decide("C2", power_ratio=Estimate(0.0123, 0.01, 0.02, 40, "ratio of power"))
    ledger.decide(
        "C3",
        violating_pairs=Estimate(0.8, 0.7, 0.9, 300, "share of pairs"),
        net_minus_oracle=Estimate(0.6, 0.5, 0.7, 300),
        null=Estimate(0.75, 0.7, 0.8, 300),
        oracle=Estimate(0.14, 0.1, 0.2, 300),
    )
    ledger.write()
    return read_results(tmp_path)


def test_ledger_shows_each_claim_with_its_figure_and_verdict(results):
    page = rendered(tables.ledger_table(results))
    assert page.count("<tr>") == 1 + len(CLAIMS)
    assert "0.012 (0.010 to 0.020)" in page  # small figures with three digits
    assert "0.80 (0.70 to 0.90)" in page
    assert "0.75 / 0.14" in page
    assert page.count("● holds") == 2
    assert page.count("not run") == len(CLAIMS) - 2
    assert '<a href="02-interpolation.html">C3</a>' in page


def test_rules_stand_in_the_table_word_for_word(results):
    page = rendered(tables.rules_table(results))
    assert page.count("<tr>") == 1 + len(CLAIMS)
    assert "d* between 0.5 and 1.5 widths; in part: d* grows with" in page


def test_a_run_s_data_are_shown_as_they_were_named(results):
    page = rendered(tables.runs_table(results))
    assert page.count("<tr>") == 2 and "<td>records of &lt;synthetic&gt;</td>" in page


def test_the_time_of_one_run_is_told_only_where_there_was_one(tmp_path, monkeypatch):
    fresh, resumed = ({"02": {"fits": {"fitted": 5, "kept": kept}}} for kept in (0, 13))
    monkeypatch.setattr(tables, "find_book", lambda: tmp_path)
    assert "not all made by one run" in tables.build_time(fresh)
    (tmp_path / "chapters").mkdir()
    path = tmp_path / "chapters" / "build.json"
    path.write_text(json.dumps({"jobs": 2, "wall_s": 3000.0}))
    assert tables.build_time(fresh).endswith("50 minutes, in 2 processes side by side")
    path.write_text(json.dumps({"jobs": 1, "wall_s": 5400.0}))
    told = "90 minutes, one after the other; of 18 fits 13 had been made before"
    assert tables.build_time(resumed).endswith(told)
