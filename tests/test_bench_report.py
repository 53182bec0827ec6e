"""The benchmark's table and file, of rows that nobody measured."""

import json
import os

from ecglib import bench_report

ROW = {"baseline": 8.0, "ours": 2.0, "unit": "ms", "ratio": 4.0}
RUN = {"machine": "a machine", "device": "cpu", "threads": 1, "repeats": 7}
ROWS = [
    {"name": "table1_step", **ROW, **RUN},
    {"name": "kernel_scaling", **ROW, **RUN, "exponent": 0.25, "points": [{"taps": 10}]},
]


def test_table_is_printed_and_written_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench_report, "bench", lambda: iter(ROWS))
    bench_report.main(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == ROWS
    assert os.listdir(tmp_path) == ["bench.json"]
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "a machine; device cpu; threads 1"
    assert [line.split() for line in lines] == [
        ["table1_step", "8.000", "2.000", "ms", "4.00"],
        ["kernel_scaling", "8.000", "2.000", "ms", "4.00", "grows", "as", "size^0.25"],
    ]
