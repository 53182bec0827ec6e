"""The eight cells of section III's three conditions."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib import factorial
from ecglib.regions import Condition, RegionOutcome


def outcome(inside: float) -> RegionOutcome:
    errors = np.full(5, inside)
    return RegionOutcome(
        np.zeros((5, 10)),
        np.zeros((5, 10)),
        np.tile([0, 5], (5, 1)),
        errors,
        errors,
        errors,
        errors,
    )


def test_each_cell_differs_from_the_best_in_what_it_lacks():
    cells = factorial.cells()
    best = Condition(p=3, process="ECG", cycles=2.0)
    assert len(cells) == len(set(cells.values())) == 8
    assert cells[factorial.ALL_THREE] == best
    assert cells[False, True, True] == replace(best, process="squared exponential")
    assert cells[True, False, True] == replace(best, cycles=0.5)
    assert cells[True, True, False] == replace(best, p=7)


def test_cells_are_named_by_what_they_are():
    assert factorial.name_of(factorial.ALL_THREE) == "ECG, 2 cycles, p = 3"
    assert factorial.name_of((False, False, False)) == "process, ½ cycle, p = 7"


def test_an_effect_is_the_rise_without_one_condition():
    outcomes = {cell: outcome(1.0 - 0.25 * sum(cell)) for cell in factorial.cells()}
    outcomes[True, False, True] = outcome(0.75)
    found = factorial.effects(outcomes)
    assert found["all_three"].value == pytest.approx(0.25)
    assert found["without_period"].value == pytest.approx(0.5)
    assert found["without_repeats"].value == found["without_moderate"].value == pytest.approx(0.25)
    assert found["none"].value == 1
