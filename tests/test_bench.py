"""The benchmark's rows, on a configuration too small to time anything by."""

import json
import os

import numpy as np
import pytest
import torch

from ecglib import bench as module
from ecglib.autoencoder import ConvAutoencoder

TINY = module.Sizes(
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
    "unpunished_step_p7",
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
    rows = module.bench(TINY, "cpu")
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


def test_arithmetic_of_the_direct_method_is_table_ones():
    # taps x in x out x length of each convolution, of the decoder's too
    terms = 100 * 30 * 512, 100 * 30 * 15 * 256, 30 * 15 * 15 * 128, 20 * 15 * 5 * 64
    first, *others = [*terms, 20 * 5 * 15 * 64, 30 * 15 * 15 * 128, 100 * 15 * 30 * 256, terms[0]]
    done, direct = module._arithmetic(ConvAutoencoder(), 64)
    assert direct == 64 * 2 * (2 * first + 3 * sum(others))
    assert done < direct / 5


def test_table_is_printed_and_written_whole(rows, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "_rows", lambda *_: iter(rows.values()))
    module.main(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == list(rows.values())
    assert os.listdir(tmp_path) == ["bench.json"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in NAMES)
