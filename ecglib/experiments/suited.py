"""What records must have for a chapter, and what a chapter cannot say of those it was given."""

from collections.abc import Sequence

import numpy as np

from ecglib.data.records import KINDS, Records, Unsuited
from ecglib.data.windows import TEST_SHARE, Windows, split_patients

LEAST_RECORDS = next(n for n in range(100) if round(TEST_SHARE * n) >= 2)

NAMES = {"p": "P wave", "qrs": "R peak", "t": "T wave"}


def split(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test records, as `split_patients` gives them.

    Raises Unsuited where no two records are left for the test, between which a path could run.
    """
    if len(records) < LEAST_RECORDS:
        raise Unsuited(
            f"at least {LEAST_RECORDS} records, of a patient each, are needed, so that a fifth of "
            f"them are two for the test, and there {_are(len(records))}."
        )
    return split_patients(records)


def need_beats(training: Windows, test: Windows) -> None:
    """Raise Unsuited where training has fewer than 2 beats, or the test beats of fewer than 2."""
    for beats, side in ((training, "training"), (test, "test")):
        patients = len(np.unique(beats.record))
        if patients < 2:
            seconds = beats.signals.shape[1] / beats.fs
            raise Unsuited(
                f"at least 2 {side} records with an R peak that has {seconds / 2:.2f} s of signal "
                f"on either side are needed, and there {_are(patients)}."
            )


def unannotated(records: Records) -> list[str]:
    """The kinds of wave, in words, of which no record has one annotated."""
    there = {str(kind) for waves in records.waves for kind in np.unique(waves["kind"])}
    return [NAMES[kind] for kind in KINDS if kind not in there]


def limits_of_annotation(records: Records, consequence: str) -> list[str]:
    """What the lack of P or T waves means for a chapter, in its words; nothing where both are."""
    lacking = [name for name in unannotated(records) if name != NAMES["qrs"]]
    if not lacking:
        return []
    return [f"None of these records has an annotated {' or '.join(lacking)}: {consequence}"]


def limits_of_pairs(records: Records, pairs: Sequence, consequence: str) -> list[str]:
    """What it means that no pair of beats could be made of the test patients' T waves."""
    if len(pairs):
        return []
    if NAMES["t"] in unannotated(records):
        return [f"None of these records has an annotated T wave: {consequence}"]
    return [
        "No two test patients have beats with a whole annotated T wave of a single peak and of one "
        f"polarity: {consequence}"
    ]


def limits_of_number(n: int, what: str) -> list[str]:
    """What it means that there is one observation alone; `what`: its name, in the singular."""
    if n > 1:
        return []
    return [
        f"There is one {what} only: what compares {what}s, or is an interval over them, is not "
        "defined, and a claim that rests on it is not decided."
    ]


def limits_of_left_out(left_out: Sequence[str]) -> list[str]:
    """How many records of section III were passed over, and why."""
    if not left_out:
        return []
    return [
        f"{len(left_out)} of these records {'is' if len(left_out) == 1 else 'are'} passed over: "
        "fewer than 3 R peaks found, too slow for the longest observed part, or flat in a part "
        "whose error is measured."
    ]


def place(shown: int, n: int) -> int:
    """The index of the record that a chapter shows; ValueError where there is none."""
    if shown not in range(n):
        raise ValueError(
            f"shown is {shown}, but {n} records are used, counted from 0: give 0"
            + (f" to {n - 1}." if n > 1 else ".")
        )
    return shown


def _are(n: int) -> str:
    return f"{'is' if n == 1 else 'are'} {n or 'none'}"
