"""Figures of chapter 01: the records, one cycle, the headers' fault, two sources compared."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ecglib.data.records import Records
from ecglib.experiments.survey import (
    einthoven,
    fitted_gains,
    heart_rates,
    per_record,
    typical_cycle,
)
from ecglib.pages.style import COLORS, WIDTH, ecg_axes, nothing_to_draw, plain, stamp

NAMES = {"p": "P wave", "qrs": "QRS", "t": "T wave"}
TITLES = {
    "RR": "RR interval",
    "R-T": "R peak to T peak",
    "P": "P wave's duration",
    "QRS": "QRS complex's duration",
    "T": "T wave's duration",
    "amplitude": "peak to peak",
}


def strips(shown: Sequence[tuple[Records, int]], seconds: float | None = None) -> Figure:
    """Records under each other, their annotated R peaks marked, with rhythm and heart rate.

    shown: which records, by source and index.
    seconds: how much of them, from the start; None for all.
    """
    sources = list(dict.fromkeys(records.source for records, _ in shown))
    fig, axes = plt.subplots(
        len(shown), 1, figsize=(WIDTH, 1.12 * len(shown) + 0.5), sharex=True, squeeze=False
    )
    for ax, (records, record) in zip(axes[:, 0], shown, strict=True):
        n = records.signals.shape[1] if seconds is None else round(seconds * records.fs)
        signal, peaks = records.signals[record, :n], records.peaks(record, "qrs")
        peaks = peaks[peaks < n]
        low, high = signal.min(), signal.max()
        ax.plot(np.arange(len(signal)) / records.fs, signal, color="black", lw=0.8)
        marks = np.full(len(peaks), high + 0.16 * (high - low))
        ax.plot(peaks / records.fs, marks, "v", color=COLORS["qrs"], ms=4)
        whose = f"{records.source}, record" if len(sources) > 1 else "Record"
        rhythm = records.rhythms[record] or "rhythm not known"
        (rate,) = heart_rates(records.subset([record]))
        beats = f"{rate:.0f} /min" if np.isfinite(rate) else "heart rate not known"
        said = f"{rhythm[0].lower()}{rhythm[1:]}, {beats}"
        ax.set_title(plain(f"{whose} {records.ids[record]}: {said}"), fontsize=10, pad=2)
        ecg_axes(ax, seconds=False)
        ax.set_ylim(low - 0.05 * (high - low), high + 0.3 * (high - low))
        ax.locator_params(axis="y", nbins=3)
    axes[-1, 0].set_xlabel("time, s")
    stamp(fig, " and ".join(sources))
    return fig


def cycle(records: Records) -> Figure:
    """One cycle, its P wave, QRS complex and T wave shaded from annotated onset to offset."""
    record, waves = typical_cycle(records)
    fs = records.fs
    if not len(waves):
        return nothing_to_draw("no wave of these records is annotated", records.source)
    marks = np.concatenate([waves[part][waves[part] >= 0] for part in ("onset", "peak", "offset")])
    # A lone R peak gets the room that its P and T waves would take.
    before, after = (0.12, 0.12) if len(waves) == 3 else (0.35, 0.55)
    start = max(0, marks.min() - round(before * fs))
    stop = min(records.signals.shape[1], marks.max() + round(after * fs))
    signal = records.signals[record, start:stop]
    low, high = signal.min(), signal.max()
    fig, ax = plt.subplots(figsize=(WIDTH, 3.8))
    ax.plot(np.arange(start, stop) / fs, signal, color="black", lw=1.6)
    for wave in waves:
        kind, peak = str(wave["kind"]), wave["peak"]
        ax.plot(peak / fs, records.signals[record, peak], "o", color=COLORS[kind], ms=7)
        middle, label = peak / fs, "R peak"
        if wave["onset"] >= 0 and wave["offset"] >= 0:
            onset, offset = wave["onset"] / fs, wave["offset"] / fs
            ax.axvspan(onset, offset, color=COLORS[kind], alpha=0.22, lw=0)
            middle, label = (onset + offset) / 2, f"{NAMES[kind]}\n{1000 * (offset - onset):.0f} ms"
        height = high + 0.30 * (high - low)
        ax.text(middle, height, label, ha="center", va="top", fontsize=10)
    ecg_axes(ax)
    ax.set_ylim(low - 0.06 * (high - low), high + 0.34 * (high - low))
    stamp(fig, f"{records.source}, record {records.ids[record]}, lead {records.lead}")
    return fig


def einthoven_error(digital: np.ndarray, fs: float, source: str) -> Figure:
    """Leads I, II and III and what is left of I + III - II, with and without fitted gains.

    digital: (samples, 3) integer microvolts of leads I, II and III, at `fs` Hz.
    source: whose leads they are, as the figure says it.
    """
    span = slice(0, min(len(digital), round(4 * fs)))
    time = np.arange(span.stop) / fs
    exact, gained = einthoven(digital)
    scaled = digital / fitted_gains(digital)
    fig, axes = plt.subplots(2, 1, figsize=(WIDTH, 5.0), sharex=True)
    for ax, leads, rest, title in (
        (axes[0], digital / 1000, exact / 1000, "the file's integers as microvolts"),
        (axes[1], scaled, gained, "with each lead divided by its own range"),
    ):
        for k, name in enumerate(("I", "II", "III")):
            ax.plot(time, leads[span, k], lw=0.9, color=plt.cm.Greys(0.4 + 0.25 * k), label=name)
        ax.plot(time, rest[span], color=COLORS["null"], lw=1.6, label="I + III - II")
        ax.set_title(title)
        ecg_axes(ax, seconds=ax is axes[1])
    axes[1].set_ylabel('"mV"')
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    stamp(fig, source)
    return fig


def distributions(sets: Sequence[Records]) -> Figure:
    """What records of each source measure: the share of records up to each value."""
    found = [per_record(records) for records in sets]
    fig, axes = plt.subplots(3, 2, figsize=(WIDTH, 6.6), sharey=True)
    colors = ("black", COLORS["null"])
    for ax, (name, title) in zip(axes.flat, TITLES.items(), strict=True):
        for records, values, color in zip(sets, found, colors, strict=False):
            known = np.sort(values[name][np.isfinite(values[name])])
            share = np.arange(1, len(known) + 1) / max(len(known), 1)
            ax.step(known, share, where="post", color=color, label=plain(records.source))
        ax.set_title(title)
        ax.set_xlabel("ms")
        if name == "amplitude":
            ax.set_xlabel("mV")
            ax.set_xscale("log")
            ax.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
            ax.minorticks_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("share of records")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    stamp(fig, " and ".join(records.source for records in sets))
    return fig
