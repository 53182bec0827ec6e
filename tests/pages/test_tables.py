"""The front page's tables and the cost chapter's."""

import json

import numpy as np
import pytest

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


def test_names_are_glued_with_hyphens_and_not_displayed(monkeypatch):
    glued = []
    monkeypatch.setattr(tables, "glue", lambda *what, **how: glued.append((what, how)))
    tables.say(1, d_star=12.34, pairs=40)
    assert glued == [
        (("d-star", "12.3"), {"display": False}),
        (("pairs", "40"), {"display": False}),
    ]


def test_rows_become_a_markdown_table():
    rows = [{"net": "base", "C3": Estimate(0.5, 0.4, 0.6, 9)}, {"net": "dropout", "C3": np.nan}]
    assert tables.table(rows).data.splitlines() == [
        "| net | C3 |",
        "|---|---|",
        "| base | 0.50 (0.40 to 0.60) |",
        "| dropout | not defined |",
    ]


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
    page = tables.ledger_table(results).data
    assert page.count("<tr>") == 1 + 16
    assert "0.012 (0.010 to 0.020)" in page  # small figures with three digits
    assert "0.80 (0.70 to 0.90)" in page
    assert "0.75 / 0.14" in page
    assert page.count("● holds") == 2
    assert page.count("not run") == 14
    assert '<a href="02-interpolation.html">C3</a>' in page


def test_rules_and_runs(results):
    assert tables.rules_table(results).data.count("<tr>") == 1 + 16
    runs = tables.runs_table(results).data
    assert "&lt;synthetic&gt;" in runs
    assert runs.count("<tr>") == 2


def test_bench_is_read_whole_or_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="ecglib bench --json"):
        tables.read_bench(tmp_path / "bench.json")
    points = [
        {"taps": 10, "baseline": 1.0, "ours": 0.5},
        {"taps": 100, "baseline": 10.0, "ours": 0.6},
    ]
    rows = [
        {"name": "table1_step", "baseline": 10.0, "ours": 2.0, "unit": "ms", "ratio": 5.0},
        {
            "name": "kernel_scaling",
            "unit": "ms",
            "points": points,
            "exponent": 0.1,
            "baseline_exponent": 1.0,
        },
    ]
    (tmp_path / "bench.json").write_text(json.dumps(rows))
    bench = tables.read_bench(tmp_path / "bench.json")
    assert [row["ratio"] for row in tables.compared(bench)] == ["5.0"]
    assert len(tables.scaling_figure(bench).axes) == 1


def test_the_time_of_one_run_is_told_only_where_there_was_one(tmp_path):
    path = tmp_path / "build.json"
    assert "not all made by one run" in tables.build_time(path)
    path.write_text('{"jobs": 2, "wall_s": 3000.0}')
    assert "50 minutes, in 2 processes" in tables.build_time(path)
    path.write_text('{"jobs": 1, "wall_s": 5400.0}')
    assert "90 minutes, one after the other" in tables.build_time(path)
