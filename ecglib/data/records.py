"""Electrocardiograms of one lead with their annotated waves: the data that flows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

FS = 500  # Hz, LUDB's sampling rate: every source's records come at it

KINDS = ("p", "qrs", "t")
# The standard leads, in the order of LUDB, which has them all.
LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
# One annotated wave: its kind and three sample indices; -1 = not annotated.
WAVE = np.dtype([("kind", "U3"), ("onset", "i4"), ("peak", "i4"), ("offset", "i4")])

# WFDB's symbols at a wave's peak: the P wave's, the T wave's, and every kind of beat
# (https://physionet.org/physiotools/wfdb/lib/ecgcodes.h). LUDB's only beat is "N".
SYMBOLS = {"p": "p", "t": "t", **dict.fromkeys("NLRBAaJSVrFejnE/fQ?", "qrs")}


class Unsuited(ValueError):
    """These records cannot do what a chapter asks: they are too few, too short, or lack marks."""


@dataclass(frozen=True)
class Records:
    """Records of one lead, all of one length and sampling rate.

    signals: (records, samples) float32, mV.
    fs: sampling rate, Hz.
    ids: one a record.
    lead: its name in lower case, "v6".
    source: what the figures say they show, "LUDB 1.0.1".
    waves: for each record a (waves,) array of WAVE in order of time, in samples.
    rhythms: one a record, "" where it is not known.
    diagnoses: for each record every finding other than its rhythm and a normal axis.
    notes: sentences on what the source left out, cut, resampled or doubted.

    Raises ValueError where these do not describe equally many records.
    """

    signals: np.ndarray
    fs: float
    ids: tuple[str, ...]
    lead: str
    source: str
    waves: tuple[np.ndarray, ...]
    rhythms: tuple[str, ...]
    diagnoses: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = (self.ids, self.waves, self.rhythms, self.diagnoses)
        if self.signals.ndim != 2 or any(len(part) != len(self.signals) for part in parts):
            raise ValueError(
                f"signals of shape {self.signals.shape} do not match the {len(self.ids)} records "
                "described: signals are (records, samples), with one entry a record in the rest."
            )

    def __len__(self) -> int:
        return len(self.signals)

    @property
    def healthy(self) -> np.ndarray:
        """Which records have sinus rhythm, normal axis and no other finding, (records,) bool."""
        known = zip(self.rhythms, self.diagnoses, strict=True)
        return np.array([rhythm == "Sinus rhythm" and not found for rhythm, found in known], bool)

    def subset(self, indices: Iterable[int] | np.ndarray) -> "Records":
        """The records at these indices (or where a boolean array is true), in that order."""
        chosen = np.arange(len(self))[list(indices)]
        return replace(
            self,
            signals=self.signals[chosen],
            ids=tuple(self.ids[i] for i in chosen),
            waves=tuple(self.waves[i] for i in chosen),
            rhythms=tuple(self.rhythms[i] for i in chosen),
            diagnoses=tuple(self.diagnoses[i] for i in chosen),
        )

    def index(self, record_id: str) -> int:
        """Place of the record with this id; ValueError where there is none."""
        if str(record_id) in self.ids:
            return self.ids.index(str(record_id))
        some = ", ".join(self.ids[:5]) + (", …" if len(self) > 5 else "")
        raise ValueError(f"{self.source} has no record {record_id!r}: its records are {some}.")

    def peaks(self, record: int, kind: str) -> np.ndarray:
        """Peaks of one record's waves of a kind, (waves,) sample indices in order of time."""
        waves = self.waves[record]
        return np.sort(waves["peak"][waves["kind"] == kind])


def as_waves(rows: Sequence[tuple[str, int, int, int]]) -> np.ndarray:
    """(waves,) WAVE in order of their peaks, from (kind, onset, peak, offset)."""
    return np.sort(np.array(rows, dtype=WAVE), order="peak")


def waves_from_symbols(samples: Sequence[int], symbols: Sequence[str]) -> np.ndarray:
    """Waves, (waves,) WAVE, of one annotation file: "(" opens, one of SYMBOLS peaks, ")" closes.

    Triplets may be broken: a peak without its bracket is kept with -1 in the bracket's place; a
    bracket that no peak follows (or precedes) is dropped, and so is any other symbol.

    samples: (symbols,) sample indices in order of time.
    """
    rows: list[tuple[str, int, int, int]] = []
    opened, is_open = -1, False  # a bracket that waits for its peak, a peak that waits for its own
    for sample, symbol in zip(samples, symbols, strict=True):
        if symbol == "(":
            opened, is_open = int(sample), False
        elif symbol in SYMBOLS:
            rows.append((SYMBOLS[symbol], opened, int(sample), -1))
            opened, is_open = -1, True
        elif symbol == ")":
            if is_open:
                rows[-1] = (*rows[-1][:3], int(sample))
            opened, is_open = -1, False
    return as_waves(rows)


def moved(waves: np.ndarray, move: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The waves, (waves,) WAVE, with `move` applied to every annotated sample index, as floats."""
    found = waves.copy()
    for mark in ("onset", "peak", "offset"):
        found[mark] = np.where(waves[mark] >= 0, move(waves[mark].astype(float)), -1)
    return found


def largest_near(signal: np.ndarray, samples: np.ndarray, reach: int) -> np.ndarray:
    """Where a signal, (samples,), is farthest from its median within `reach` samples of each given.

    Returns (given,) sample indices.
    """
    size = np.abs(signal - np.median(signal))
    found = []
    for sample in samples:
        start = max(0, sample - reach)
        found.append(start + np.argmax(size[start : sample + reach + 1]))
    return np.array(found, int)
