import subprocess
import sys

import numpy as np
import pytest
import wfdb

from ecglib.data import load


def test_synthetic_records_by_number():
    records = load("synthetic", n_records=3)
    assert records.ids == ("s1", "s2", "s3")
    assert records.source == "synthetic (seed 0)"
    assert len(load("synthetic")) == 200


def test_a_path_is_a_data_set(tmp_path):
    signal = load("synthetic", n_records=1).signals[0][:, None].astype(float)
    for name, size in (("a", 1), ("b", 0.5)):
        wfdb.wrsamp(name, 500, ["mV"], ["V6"], size * signal, fmt=["16"], write_dir=str(tmp_path))
    assert load(str(tmp_path)).ids == ("a", "b")
    assert load(str(tmp_path), n_records=1).ids == ("a",)
    assert load(str(tmp_path), n_records=9).ids == ("a", "b")
    assert np.ptp(load(str(tmp_path)).signals[0]) == pytest.approx(np.ptp(signal), rel=1e-3)


@pytest.mark.parametrize("n_records", [0, -1])
def test_no_records_cannot_be_asked_for(n_records):
    with pytest.raises(ValueError, match=f"n_records is {n_records}"):
        load("synthetic", n_records=n_records)


def test_an_unknown_data_set_is_named_beside_those_there_are():
    with pytest.raises(FileNotFoundError, match='no data set "lubd": give "ludb", "synthetic"'):
        load("lubd")


def test_synthetic_records_do_without_wfdb():
    """It takes seconds to import, and chapters at the quick scale have no use for it."""
    code = (
        "import sys; from ecglib.data import load; load('synthetic', n_records=1); "
        "sys.exit('wfdb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
