"""From records to what a network is fed: baseline removal, resampling, windows, patient split."""

from dataclasses import dataclass, replace
from math import gcd

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import resample_poly

from ecglib.data.records import Records, Unsuited, moved

WINDOW = 512  # samples, the input of the paper's Table I
TEST_SHARE = 0.2  # of the records


@dataclass(frozen=True)
class Windows:
    """Stretches of equal length cut out of records.

    signals: (windows, samples) float32, mV.
    fs: sampling rate, Hz.
    record: (windows,) index of the record each was cut from: its patient.
    start: (windows,) where in the record it begins, samples.
    waves: for each window the waves whose peak lies in it, (waves,) WAVE, in samples from the
        window's start; onsets and offsets beyond it are clipped to it.
    """

    signals: np.ndarray
    fs: float
    record: np.ndarray
    start: np.ndarray
    waves: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.signals)

    def subset(self, indices: np.ndarray) -> "Windows":
        """The windows at `indices` (integers, or booleans of the length of the windows)."""
        indices = np.arange(len(self))[indices]
        return Windows(
            self.signals[indices],
            self.fs,
            self.record[indices],
            self.start[indices],
            tuple(self.waves[i] for i in indices),
        )

    def of_records(self, records: np.ndarray) -> "Windows":
        """The windows cut from the given records (indices)."""
        return self.subset(np.isin(self.record, records))


def remove_baseline(records: Records) -> Records:
    """Subtract baseline wander, estimated by medians over 200 ms and then 600 ms.

    The first median takes out the QRS complexes and P waves, the second the T waves (de Chazal
    et al. 2004); the authors' code does the same.
    """
    short, long = (2 * round(seconds * records.fs / 2) + 1 for seconds in (0.2, 0.6))
    # One by one, for the filter has a quick way in one dimension alone.
    wander = [median_filter(median_filter(signal, short), long) for signal in records.signals]
    return replace(records, signals=records.signals - np.array(wander))


def resample(records: Records, fs: int) -> Records:
    """The records at another sampling rate (Hz, whole), waves moved along."""
    old = round(records.fs)
    if fs == old:
        return records
    divisor = gcd(fs, old)
    signals = resample_poly(records.signals, fs // divisor, old // divisor, axis=1)
    last = signals.shape[1] - 1

    def at_new_rate(sample: np.ndarray) -> np.ndarray:
        return np.minimum(np.round(sample * fs / old), last)

    return replace(
        records,
        signals=signals.astype(np.float32),
        fs=float(fs),
        waves=tuple(moved(waves, at_new_rate) for waves in records.waves),
    )


def split_patients(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test records, four fifths and one, always the same.

    Each record counts as a patient of its own, as in LUDB.

    Raises ValueError where there are too few records for a test record.
    """
    order = np.random.default_rng(0).permutation(len(records))
    n_test = round(TEST_SHARE * len(records))
    if not n_test:
        raise ValueError(
            f"of {len(records)} records none is left for the test: give at least three."
        )
    return np.sort(order[n_test:]), np.sort(order[:n_test])


def windows_of(records: Records, length: int = WINDOW, step: int | None = None) -> Windows:
    """Windows of `length` samples, one every `step` samples; without a step, the middle one.

    Raises ValueError for records that are shorter than a window.
    """
    spare = records.signals.shape[1] - length
    if spare < 0:
        raise ValueError(
            f"a window of {length} samples does not fit into records of "
            f"{records.signals.shape[1]}; give longer records or a shorter window"
        )
    starts = [spare // 2] if step is None else range(0, spare + 1, step)
    return _cut(records, [(i, start) for i in range(len(records)) for start in starts], length)


def beat_windows(records: Records, length: int = WINDOW) -> Windows:
    """One window of `length` samples around each R peak, the peak at sample `length // 2`.

    Raises Unsuited where no R peak has a whole window around it.
    """
    last = records.signals.shape[1] - length
    where = [
        (record, peak - length // 2)
        for record in range(len(records))
        for peak in records.peaks(record, "qrs")
        if 0 <= peak - length // 2 <= last
    ]
    if not where:
        raise Unsuited(
            f"no R peak has a whole window of {length / records.fs:.2f} s around it in these "
            f"{len(records)} records; give records with R peaks in their middle."
        )
    return _cut(records, where, length)


def _cut(records: Records, where: list[tuple[int, int]], length: int) -> Windows:
    """The windows at `where`, (record, start) each."""
    record, start = np.array(where).T
    return Windows(
        np.stack([records.signals[r, s : s + length] for r, s in where]).astype(np.float32),
        records.fs,
        record,
        start,
        tuple(_inside(records.waves[r], s, length) for r, s in where),
    )


def _inside(waves: np.ndarray, start: int, length: int) -> np.ndarray:
    keep = (waves["peak"] >= start) & (waves["peak"] < start + length)
    return moved(waves[keep], lambda sample: np.clip(sample - start, 0, length - 1))
