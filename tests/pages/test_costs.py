"""The benchmark, as the page of costs shows it."""

import json

import matplotlib.pyplot as plt
import pytest

from ecglib.pages import costs

ROWS = [
    {"name": "table1_step", "baseline": 10.0, "ours": 2.0, "unit": "ms", "ratio": 5.0},
    {"name": "arithmetic"},
    {"name": "memory"},
    {
        "name": "kernel_scaling",
        "unit": "ms",
        "points": [
            {"taps": 10, "baseline": 1.0, "ours": 0.5},
            {"taps": 100, "baseline": 10.0, "ours": 0.6},
        ],
        "exponent": 0.1,
        "baseline_exponent": 1.0,
    },
]


@pytest.fixture
def book(tmp_path, monkeypatch):
    (tmp_path / "chapters").mkdir()
    monkeypatch.setattr(costs, "find_book", lambda: tmp_path)
    yield tmp_path
    plt.close("all")


def test_rows_are_compared_or_drawn(book):
    (book / "chapters" / "bench.json").write_text(json.dumps(ROWS))
    bench = costs.read_bench()
    assert costs.compared(bench).data.splitlines()[2:] == [r"| table1\_step | 10 | 2 | ms | 5.0 |"]
    (ax,) = costs.scaling_figure(bench).axes
    baseline, ours = ax.lines
    assert baseline.get_xydata().tolist() == [[10, 1.0], [100, 10.0]]
    assert ours.get_ydata().tolist() == [0.5, 0.6]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "PyTorch's layer (exponent 1.00)",
        "ecglib (exponent 0.10)",
    ]


def test_limits_are_times_of_the_machines_best():
    rates = {"table1_step": {"ours": 60.0}}
    work = {"gflop": 0.5, "direct_gflop": 10.0, "baseline": 100.0}
    moved = {"gbyte": 0.4, "operations": 1234, "baseline": 20.0}
    found = costs.limits(rates | {"arithmetic": work, "memory": moved})
    assert (found["computing_ms"], found["moving_ms"], found["step_ms"]) == ("5.0", "20", "60")
    assert (found["nearer"], found["times"], found["operations"]) == ("memory", "3.0", "1,234")


def test_the_published_protocol_is_compared_with_minutes_in_which_fits_were_made():
    run = {"wall_s": 3600.0, "fits": {"fitted": 9, "kept": 1}}
    assert costs.published({"01": run, "02": run}) == "72 hours, 36 times these minutes"
    kept = run | {"fits": {"fitted": 0, "kept": 10}}
    assert costs.published({"01": run, "02": kept}) == "72 hours"


def test_a_missing_benchmark_names_the_command_that_writes_it(book):
    with pytest.raises(FileNotFoundError, match="ecglib bench --json"):
        costs.read_bench()
