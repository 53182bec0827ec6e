"""The paper's three conditions for the effect, each met or not: eight cells (section III, C16).

A cell is a triple of bool: the pattern repeats, a whole period is observed, the compression is
moderate.
"""

from collections.abc import Mapping
from itertools import product

from ecglib.estimates import Estimate
from ecglib.processes import GAUSSIAN
from ecglib.region_evidence import mean_errors, paired
from ecglib.regions import ECG, Condition, RegionOutcome
from ecglib.unpunished import BAD, GOOD

__all__ = ["ALL_THREE", "cells", "effects", "name_of"]

Cell = tuple[bool, bool, bool]
ALL_THREE: Cell = (True, True, True)


def cells() -> dict[Cell, Condition]:
    """How the networks of each cell are fitted: to an ECG or to the paper's process, and so on."""
    return {
        (repeats, period, moderate): Condition(
            p=GOOD if moderate else BAD,
            process=ECG if repeats else GAUSSIAN[0],
            cycles=2.0 if period else 0.5,
        )
        for repeats, period, moderate in product((True, False), repeat=3)
    }


def name_of(cell: Cell) -> str:
    """A cell in words."""
    repeats, period, moderate = cell
    return (
        f"{'ECG' if repeats else 'process'}, {'2 cycles' if period else '½ cycle'}, "
        f"p = {GOOD if moderate else BAD}"
    )


def effects(outcomes: Mapping[Cell, RegionOutcome]) -> dict[str, Estimate]:
    """C16's evidence from the eight cells, error over variance.

    "all_three" is the inside error with all conditions met; "without_..." its rise when that one
    is taken away; "none" the error with none met.
    """
    best = outcomes[ALL_THREE]
    return {
        "all_three": mean_errors(best)["inside"],
        "without_repeats": paired(best, outcomes[False, True, True], "inside"),
        "without_period": paired(best, outcomes[True, False, True], "inside"),
        "without_moderate": paired(best, outcomes[True, True, False], "inside"),
        "none": mean_errors(outcomes[False, False, False])["inside"],
    }
