"""The run on a GPU, as the page of costs shows it: there, not there, broken."""

import json

import pytest

from ecglib.pages import gpu

CHAPTER = {
    "minutes": {"gpu": 1.25, "cpu": 9.4},
    "fits": {"gpu": {"fitted": 5, "kept": 0}, "cpu": {"fitted": 4, "kept": 1}},
    "figures": 12,
    "agree": 11,
    "typical": 0.2,
    "outside": {"C3/null": {"gpu": "0.3 [0.2, 0.4]", "cpu": "0.6 [0.5, 0.7]"}},
    "verdicts": {"C3": {"gpu": "holds", "cpu": "holds in part"}},
}
REPORT = {
    "device": "A GPU",
    "torch": "2.11.0",
    "python": "3.12.3",
    "minutes": 10,
    "tests": {"passed": 4},
    "chapters": {"02-interpolation": CHAPTER, "09-new": CHAPTER | {"minutes": {"gpu": 2}}},
    "left_out": {"04-variations": "stopped after 60 s, when the time was up"},
    "rule": "A figure agrees where it agrees.",
}
RESULTS = {"02-interpolation": {"device": "cpu"}}


@pytest.fixture
def book(tmp_path, monkeypatch):
    (tmp_path / "chapters").mkdir()
    monkeypatch.setattr(gpu, "find_book", lambda: tmp_path)
    return tmp_path / "chapters"


def test_minutes_stand_beside_the_cpus_and_what_differs_is_named(book):
    (book / "gpu.json").write_text(json.dumps(REPORT))
    said = gpu.chapters_on_gpu(RESULTS).data
    rows = [line for line in said.splitlines() if line.startswith("| [")]
    assert "table1" not in said
    row = {"name": "table1_step", "baseline": 10.0, "ours": 2.0, "unit": "ms", "ratio": 5.0}
    (book / "bench-gpu.json").write_text(json.dumps([row]))
    assert "| 10 | 2 | ms | 5.0 |" in gpu.chapters_on_gpu(RESULTS).data
    assert rows == [
        "| [02-interpolation](02-interpolation.html) | 1.2 (5, 0) | 9.4 (4, 1) | 11 of 12 | 0.20 |",
        "| [09-new](09-new.html) | 2.0 (5, 0) | \N{EN DASH} | 11 of 12 | 0.20 |",
    ]
    assert (
        "On A GPU (torch 2.11.0), within 10 minutes; of the tests that need a GPU 4 passed." in said
    )
    assert (
        r"02-interpolation, C3/null: 0.3 \[0.2, 0.4\] on the GPU, 0.6 \[0.5, 0.7\] on the CPU"
        in said
    )
    assert "02-interpolation, C3: holds on the GPU, holds in part on the CPU" in said
    assert "Left out: 04-variations (stopped after 60 s, when the time was up)." in said
    assert "A figure agrees where it agrees." in said


def test_a_run_that_left_everything_out_says_so(book):
    nothing = REPORT | {"chapters": {}, "tests": {}, "left_out": {"tests": "failed"}}
    (book / "gpu.json").write_text(json.dumps(nothing))
    said = gpu.chapters_on_gpu(RESULTS).data
    assert "that need a GPU none ran" in said and "|" not in said
    assert "Not in agreement: none." in said and "Left out: tests (failed)." in said


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("cpu", "Nothing in this book has been run on a GPU yet: "),
        ("A GPU", "These chapters ran on A GPU, beside no run on a CPU: "),
    ],
)
def test_without_a_run_one_sentence_says_how_to(book, device, says):
    said = gpu.chapters_on_gpu({"02-interpolation": {"device": device}}).data
    assert said.startswith(says) and "`make gpu`" in said and said.count(".") == 1


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "{}",
        json.dumps(REPORT | {"chapters": {"02": {}}}),
        json.dumps(REPORT | {"chapters": {"02": CHAPTER | {"minutes": 3}}}),
        json.dumps(REPORT | {"chapters": {"02": CHAPTER | {"outside": {"C3/net": "no"}}}}),
        json.dumps(REPORT | {"tests": 4}),
        json.dumps(REPORT | {"minutes": "ten"}),
    ],
)
def test_a_broken_report_is_named(book, broken):
    (book / "gpu.json").write_text(broken)
    with pytest.raises(ValueError, match=r"gpu\.json .*restore it, or delete it"):
        gpu.chapters_on_gpu(RESULTS)
