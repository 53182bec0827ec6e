"""The front page's tables and the cost chapter's."""

import json

import pytest

from ecglib import costs, front
from ecglib.estimates import Estimate
from ecglib.ledger import Ledger, read_results


@pytest.fixture
def results(tmp_path):
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
    ledger.write(tmp_path)
    return read_results(tmp_path)


def test_ledger_shows_each_claim_with_its_figure_and_verdict(results):
    page = front.ledger_table(results).data
    assert page.count("<tr>") == 1 + 16
    assert "0.012 (0.010 to 0.020)" in page  # small figures with three digits
    assert "0.80 (0.70 to 0.90)" in page
    assert "0.75 / 0.14" in page
    assert page.count("● holds") == 2
    assert page.count("not run") == 14
    assert '<a href="02-interpolation.html">C3</a>' in page


def test_rules_and_runs(results):
    assert front.rules_table(results).data.count("<tr>") == 1 + 16
    runs = front.runs_table(results).data
    assert "&lt;synthetic&gt;" in runs
    assert runs.count("<tr>") == 2


def test_bench_is_read_whole_or_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="ecglib bench --json"):
        costs.read_bench(tmp_path / "bench.json")
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
    bench = costs.read_bench(tmp_path / "bench.json")
    assert [row["ratio"] for row in costs.compared(bench)] == ["5.0"]
    assert len(costs.scaling_figure(bench).axes) == 1


def test_the_time_of_one_run_is_told_only_where_there_was_one(tmp_path):
    path = tmp_path / "build.json"
    assert "not all made by one run" in costs.build_time(path)
    path.write_text('{"jobs": 2, "wall_s": 3000.0}')
    assert "50 minutes, in 2 processes" in costs.build_time(path)
    path.write_text('{"jobs": 1, "wall_s": 5400.0}')
    assert "90 minutes, one after the other" in costs.build_time(path)
