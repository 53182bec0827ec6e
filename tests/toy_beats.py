"""Records by hand: electrocardiograms of beats at given times, and their annotation."""

import numpy as np
from toy_records import records_by_hand

from ecglib.experiments.interpolation import RATE

SECONDS = 10
T_DELAY = 0.28


def beats_at(r_at, fs=RATE, t=True):
    """Beats at times r_at, s, each a QRS of 1 mV and a T wave of 0.25 mV."""
    time = np.arange(SECONDS * fs) / fs
    signal = sum(np.exp(-0.5 * ((time - r) / 0.012) ** 2) for r in r_at)
    if t:
        signal = signal + sum(
            0.25 * np.exp(-0.5 * ((time - r - T_DELAY) / 0.04) ** 2) for r in r_at
        )
    return signal.astype(np.float32)


def annotation(r_at, fs=RATE, t=True):
    rows = [("qrs", *(round((r + d) * fs) for d in (-0.04, 0, 0.04))) for r in r_at]
    if t:
        rows += [("t", *(round((r + T_DELAY + d) * fs) for d in (-0.1, 0, 0.1))) for r in r_at]
    return rows


def records_of(trains, fs=RATE, annotated=slice(None), t=True):
    rows = [annotation(r_at[annotated], fs, t) for r_at in trains]
    return records_by_hand([beats_at(r_at, fs) for r_at in trains], rows, fs)


REGULAR = [np.arange(0.45, 9.6, rr) for rr in (0.7, 0.8, 0.9, 1.0, 1.1)]
