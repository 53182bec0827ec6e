"""How well R peaks are detected, where somebody marked them by hand."""

from collections.abc import Iterable, Iterator

import numpy as np

from ecglib.data.detection import detect_r_peaks
from ecglib.data.records import Records
from ecglib.estimates import Estimate, resampled
from ecglib.experiments.survey import percentiles
from ecglib.measures import match_peaks

WITHIN_MS = 150.0  # of its mark a beat counts as found, by the standard ANSI/AAMI EC57
CLOSE_MS = 50.0
FOUND, TRUE = "found, % of the beats", "true, % of the detections"  # sensitivity, PPV


def marked_leads(dataset: str, records: Records) -> Iterator[Records]:
    """All leads of LUDB, else the records given: of them those with beats marked by hand.

    These are the ones with an onset or an end of a QRS complex. A peak alone may come from a
    detector, and is no evidence about another one.
    """
    if dataset == "ludb":
        from ecglib.data.ludb import LEADS, load_ludb  # wfdb takes seconds

        leads: Iterable[Records] = (load_ludb(lead=lead) for lead in LEADS)
    else:
        leads = [records]
    for one in leads:
        marked = [i for i, waves in enumerate(one.waves) if _by_hand(waves)]
        if marked:
            yield one.subset(marked)


def _by_hand(waves: np.ndarray) -> bool:
    beats = waves[waves["kind"] == "qrs"]
    return bool(np.any((beats["onset"] >= 0) | (beats["offset"] >= 0)))


def detector_row(records: Records) -> dict[str, object]:
    """A table's row: how many of a lead's marked beats are detected, and how near to their marks.

    A beat is found where it has a detection of its own within 150 ms; detections count from that
    long before the first mark to that long after the last one. Shares are in %, with intervals over
    records; distances are from the beats' marks to the nearest detection within 150 ms, in ms.
    """
    reach, close = (ms / 1000 * records.fs for ms in (WITHIN_MS, CLOSE_MS))
    marked, detected, hits, close_hits = np.zeros((4, len(records)))
    away = []
    for i, signal in enumerate(records.signals):
        marks = records.peaks(i, "qrs")
        found = detect_r_peaks(signal, records.fs)
        found = found[(found >= marks[0] - reach) & (found <= marks[-1] + reach)]
        marked[i], detected[i] = len(marks), len(found)
        hits[i] = match_peaks(found, marks, reach)
        close_hits[i] = match_peaks(found, marks, close)
        away.append(to_nearest(marks, found) * 1000 / records.fs)
    near = np.concatenate(away)
    near = near[near <= WITHIN_MS]
    _, middle, far = percentiles(near)
    return {
        "lead": records.lead.upper(),
        "beats marked": int(marked.sum()),
        FOUND: _share(hits, marked),
        TRUE: _share(hits, detected),
        "found within 50 ms, %": _share(close_hits, marked),
        "distance, ms": f"{middle:.0f} (95th percentile {far:.0f})" if len(near) else "none found",
    }


def to_nearest(samples: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each of `samples` to the nearest of `others`, (samples,) samples; infinite of none."""
    apart = np.abs(np.subtract.outer(samples, others)).astype(float)
    return apart.min(axis=1, initial=np.inf)


def in_words(rows: list[dict]) -> str:
    """What the table's rows come to, in a sentence."""
    if not rows:
        return (
            "The beats of these records carry no onset or end: they were found by this detector, "
            "or come from a list of peaks, and say nothing about it."
        )
    found, true = (_span([row[name].value for row in rows]) for name in (FOUND, TRUE))
    marked = sum(row["beats marked"] for row in rows)
    return f"Of {marked} marked beats {found} % are found; of the detections {true} % are true."


def _span(values: list[float]) -> str:
    """The values' range in words."""
    ends = dict.fromkeys(f"{end:.1f}" for end in (min(values), max(values)))
    return " to ".join(ends)


def _share(hits: np.ndarray, every: np.ndarray) -> Estimate:
    """How many of all are hits, %, from both numbers of each record; resampled over records."""
    return resampled(
        lambda w: float(100 * (w @ hits).sum() / max((w @ every).sum(), 1)),
        np.arange(len(every)),
        unit="%",
    )
