"""The benchmark's table and file, of rows that nobody measured."""

import json
import os
import time

import numpy as np
import pytest
import torch

import ecglib.bench as bench_module
from ecglib.bench import Sizes, bench, convolution_flops, medians, versus
from ecglib.nets.autoencoder import ConvAutoencoder


def test_arithmetic_of_the_direct_method_is_table_ones():
    # taps x in x out x length of each convolution, of the decoder's too
    terms = 100 * 30 * 512, 100 * 30 * 15 * 256, 30 * 15 * 15 * 128, 20 * 15 * 5 * 64
    first, *others = [*terms, 20 * 5 * 15 * 64, 30 * 15 * 15 * 128, 100 * 15 * 30 * 256, terms[0]]
    done, direct = convolution_flops(ConvAutoencoder(), 64)
    assert direct == 64 * 2 * (2 * first + 3 * sum(others))
    assert done < direct / 5


CPU = torch.device("cpu")


def test_calls_take_turns_after_one_to_warm_up():
    calls = []
    times = medians(2, CPU, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert len(times) == 2 and min(times) > 0


def test_times_are_milliseconds_and_the_first_does_not_count():
    naps = iter([0.3, 0.01])
    (taken,) = medians(1, CPU, lambda: time.sleep(next(naps)))
    assert 10 <= taken < 300


def test_pytorchs_layers_are_timed_by_the_better_setting():
    def theirs() -> None:
        time.sleep(0.2 if torch.backends.mkldnn.enabled else 0.01)

    before = torch.backends.mkldnn.enabled
    baseline, ours = versus(1, CPU, theirs, lambda: time.sleep(0.05))
    assert baseline < 200
    assert ours >= 50
    assert torch.backends.mkldnn.enabled == before


TINY = Sizes(
    repeats=1,
    batch=2,
    models=2,
    samples=300,
    kernels=(10, 20),
    lengths=(100, 200),
    ensembles=(1, 2),
    fits=1,
    steps=2,
    matrix=32,
)
NAMES = [
    "table1_step",
    "unpunished_step_p3",
    "unpunished_region_p3",
    "unpunished_step_p7",
    "unpunished_region_p7",
    "kernel_scaling",
    "length_scaling",
    "ensemble_scaling",
    "roofline",
    "workers",
]

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


@pytest.fixture(scope="module")
def rows():
    threads = torch.get_num_threads()
    rows = list(bench(TINY, "cpu"))
    assert torch.get_num_threads() == threads
    return {row["name"]: row for row in rows}


def test_every_row_has_its_figures(rows):
    assert list(rows) == NAMES
    for row in rows.values():
        assert row["baseline"] > 0 and row["ours"] > 0
        assert row["ratio"] == row["baseline"] / row["ours"]
        assert {"unit", "machine", "device", "threads", "repeats"} < set(row)


def test_scaling_rows_hold_their_points_and_exponents(rows):
    for name, variable, sizes in [
        ("kernel_scaling", "taps", TINY.kernels),
        ("length_scaling", "samples", TINY.lengths),
        ("ensemble_scaling", "models", TINY.ensembles),
    ]:
        row = rows[name]
        assert [point[variable] for point in row["points"]] == list(sizes)
        (a, b), costs = sizes, [point["ours"] for point in row["points"]]
        assert row["exponent"] == pytest.approx(np.log(costs[1] / costs[0]) / np.log(b / a))


ROW = {"baseline": 8.0, "ours": 2.0, "unit": "ms", "ratio": 4.0}
RUN = {"machine": "a machine", "device": "cpu", "threads": 1, "repeats": 7}
ROWS = [
    {"name": "table1_step", **ROW, **RUN},
    {"name": "kernel_scaling", **ROW, **RUN, "exponent": 0.25, "points": [{"taps": 10}]},
]


def test_table_is_printed_and_written_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench_module, "bench", lambda: iter(ROWS))
    bench_module.main(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == ROWS
    assert os.listdir(tmp_path) == ["bench.json"]
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "a machine; device cpu; threads 1"
    assert [line.split() for line in lines] == [
        ["table1_step", "8.000", "2.000", "ms", "4.00"],
        ["kernel_scaling", "8.000", "2.000", "ms", "4.00", "grows", "as", "size^0.25"],
    ]
