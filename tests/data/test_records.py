from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.records import WAVE, Records, as_waves, waves_from_symbols


def three_records() -> Records:
    return Records(
        signals=np.arange(12, dtype=np.float32).reshape(3, 4),
        fs=500.0,
        ids=("a", "b", "c"),
        lead="v6",
        source="test",
        waves=tuple(as_waves([("t", 2, 3, 3), ("qrs", 0, 1, 2)][: i + 1]) for i in range(3)),
        rhythms=("Sinus rhythm", "Sinus rhythm", "z"),
        diagnoses=((), ("f",), ()),
    )


def test_subset_takes_every_part_along():
    records = three_records()
    chosen = records.subset([2, 0])
    assert chosen.ids == ("c", "a")
    assert chosen.signals[:, 0].tolist() == [8, 0]
    assert chosen.rhythms == ("z", "Sinus rhythm")
    assert records.subset([1]).diagnoses == (("f",),)
    assert [len(waves) for waves in chosen.waves] == [2, 1]


def test_subset_takes_a_mask_and_an_empty_choice():
    records = three_records()
    assert records.healthy.tolist() == [True, False, False]
    assert records.subset(records.healthy).ids == ("a",)
    assert len(records.subset(range(0))) == 0


def test_subset_keeps_what_the_source_noted():
    records = three_records()
    assert records.notes == ()
    noted = replace(records, notes=("1 of 4 records are left out: d is flat.",))
    assert noted.subset([1]).notes == noted.notes


def test_peaks_are_of_one_kind_and_in_order():
    records = three_records()
    assert records.peaks(1, "qrs").tolist() == [1]
    assert records.peaks(0, "qrs").tolist() == []


def test_an_unknown_record_is_named_beside_those_there_are():
    assert three_records().index("b") == 1
    with pytest.raises(ValueError, match="test has no record 'x': its records are a, b, c"):
        three_records().index("x")


def test_parts_of_different_length_are_refused():
    records = three_records()
    with pytest.raises(ValueError, match=r"\(3, 4\) do not match the 2 records"):
        replace(records, ids=("a", "b"))


@pytest.mark.parametrize(
    ("symbols", "waves"),
    [
        ("(N)", [("qrs", 0, 1, 2)]),
        ("N)", [("qrs", -1, 0, 1)]),
        ("(N(t)", [("qrs", 0, 1, -1), ("t", 2, 3, 4)]),
        ("N", [("qrs", -1, 0, -1)]),
        ("NN)", [("qrs", -1, 0, -1), ("qrs", -1, 1, 2)]),
        ("((p)", [("p", 1, 2, 3)]),
        (")()(N))", [("qrs", 3, 4, 5)]),
        ("(p)(N)(t)+~", [("p", 0, 1, 2), ("qrs", 3, 4, 5), ("t", 6, 7, 8)]),
        ("V", [("qrs", -1, 0, -1)]),
        ("", []),
    ],
)
def test_brackets_go_to_the_peak_they_belong_to(symbols, waves):
    assert waves_from_symbols(range(len(symbols)), list(symbols)).tolist() == waves


@given(st.lists(st.sampled_from(list("()pNt+")), max_size=40))
def test_any_string_of_symbols_keeps_every_peak_and_its_order(symbols):
    waves = waves_from_symbols(range(len(symbols)), symbols)
    assert waves.dtype == WAVE
    assert waves["peak"].tolist() == [i for i, s in enumerate(symbols) if s in "pNt"]
    for wave in waves:
        assert wave["onset"] in (-1, *range(wave["peak"]))
        assert wave["offset"] == -1 or wave["offset"] > wave["peak"]
        assert wave["onset"] == -1 or symbols[wave["onset"]] == "("
        assert wave["offset"] == -1 or symbols[wave["offset"]] == ")"
