"""The benchmark's rows, on a configuration too small to time anything by."""

import numpy as np
import pytest
import torch

from ecglib.bench import Sizes, bench

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
