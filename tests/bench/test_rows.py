"""The benchmark: its arithmetic, its rows at tiny sizes, and its table and file."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecglib.bench import rows as bench
from ecglib.bench.rows import Sizes, measure, medians, versus

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
    pytest.mark.filterwarnings("ignore:TF32 acceleration"),
]


@pytest.fixture(scope="module", autouse=True)
def on_cpu():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "DEVICE", torch.device("cpu"))
        yield


@pytest.fixture
def sleep(monkeypatch):
    """Let time pass, which passes only by this."""
    naps = []
    monkeypatch.setattr(bench, "time", SimpleNamespace(perf_counter=lambda: sum(naps)))
    return naps.append


def test_calls_take_turns_and_the_first_of_each_does_not_count(sleep):
    calls, naps = [], iter([0.3, 0.5, 0.01, 0.02, 0.03, 0.07, 0.02, 0.04])

    def call(name):
        calls.append(name)
        sleep(next(naps))

    times = medians(3, lambda: call("a"), lambda: call("b"))
    assert calls == ["a", "b"] * 4
    assert times == pytest.approx([20, 40])  # ms


@pytest.mark.parametrize(("with_mkldnn", "without"), [(0.2, 0.01), (0.01, 0.2)])
def test_pytorchs_layers_are_timed_by_the_better_setting(sleep, with_mkldnn, without):
    def theirs() -> None:
        sleep(with_mkldnn if torch.backends.mkldnn.enabled else without)

    before = torch.backends.mkldnn.enabled
    assert versus(1, theirs, lambda: sleep(0.05)) == pytest.approx((10, 50))
    assert torch.backends.mkldnn.enabled == before


SCALINGS = {"kernels": (10, 20), "lengths": (100, 200), "ensembles": (1, 2)}
SMALL = {"batch": 2, "models": 2, "samples": 300, "matrix": 32, "pairs": 4, "frames": 3}
TINY = Sizes(repeats=1, fits=1, steps=2, **SMALL, **SCALINGS)


@pytest.fixture(scope="module")
def rows():
    threads = torch.get_num_threads()
    rows = list(measure(TINY))
    assert torch.get_num_threads() == threads
    return {row["name"]: row for row in rows}


def test_every_row_has_its_figures(rows):
    assert {"table1_step", "unpunished_step_p3", "arithmetic", "memory", "workers"} < set(rows)
    assert {"path_r_counts", "path_t_waves", "path_oracle"} < set(rows)
    for row in rows.values():
        assert row["baseline"] > 0 and row["ours"] > 0
        assert row["ratio"] == row["baseline"] / row["ours"]
        assert {"unit", "machine", "device", "threads", "repeats"} < set(row)


@pytest.mark.parametrize(
    ("name", "variable", "sizes"),
    [
        ("kernel_scaling", "taps", TINY.kernels),
        ("length_scaling", "samples", TINY.lengths),
        ("ensemble_scaling", "models", TINY.ensembles),
    ],
)
def test_scaling_rows_hold_their_points_and_exponents(rows, name, variable, sizes):
    row = rows[name]
    assert [point[variable] for point in row["points"]] == list(sizes)
    for who, exponent in (("ours", "exponent"), ("baseline", "baseline_exponent")):
        first, second = (point[who] for point in row["points"])
        growth = np.log(second / first) / np.log(sizes[1] / sizes[0])
        assert row[exponent] == pytest.approx(growth)


ROW = {"baseline": 8.0, "ours": 2.0, "unit": "ms", "ratio": 4.0}
RUN = {"machine": "a machine", "device": "cpu", "threads": 1, "repeats": 7}
ROWS = [
    {"name": "table1_step", **ROW, **RUN},
    {"name": "kernel_scaling", **ROW, **RUN, "exponent": 0.25, "points": [{"taps": 10}]},
]


def test_table_is_printed_and_written_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda: iter(ROWS))
    bench.main(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == ROWS
    assert os.listdir(tmp_path) == ["bench.json"]
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "a machine; device cpu; threads 1"
    assert [line.split() for line in lines] == [
        ["table1_step", "8.000", "2.000", "ms", "4.00"],
        ["kernel_scaling", "8.000", "2.000", "ms", "4.00", "grows", "as", "size^0.25"],
    ]


@pytest.mark.parametrize("place", ["nowhere/a.json", "."])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path, place):
    with pytest.raises(OSError, match="cannot be written: name a file in a folder that can be"):
        bench.main(tmp_path / place)
