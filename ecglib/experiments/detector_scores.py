"""How well R peaks are detected, where somebody marked them by hand."""

from collections.abc import Iterable, Iterator

import numpy as np

from ecglib.data.detection import detect_r_peaks
from ecglib.data.records import Records
from ecglib.estimates import Estimate, resampled
from ecglib.experiments.survey import percentiles

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

    A beat and a detection belong together where each is the other's nearest and they are at most
    150 ms apart; detections count from that long before the first mark to that long after the last
    one. Shares are in %, with intervals over records; distances are of the beats found, in ms.
    """
    beats: list[np.ndarray] = []
    detections: list[np.ndarray] = []
    for record, signal in enumerate(records.signals):
        marks = records.peaks(record, "qrs")
        found = detect_r_peaks(signal, records.fs)
        beats.append(distances(marks, found) * 1000 / records.fs)
        to_marks = distances(found, marks) * 1000 / records.fs
        reach = WITHIN_MS / 1000 * records.fs
        detections.append(to_marks[(found >= marks[0] - reach) & (found <= marks[-1] + reach)])
    away = np.concatenate(beats)
    near = away[away <= WITHIN_MS]
    _, middle, far = percentiles(near)
    return {
        "lead": records.lead.upper(),
        "beats marked": len(away),
        FOUND: _share(beats, WITHIN_MS),
        TRUE: _share(detections, WITHIN_MS),
        "found within 50 ms, %": _share(beats, CLOSE_MS),
        "distance, ms": f"{middle:.0f} (95th percentile {far:.0f})" if len(near) else "none found",
    }


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


def distances(these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each sample of `these` to the nearest of `others`, (these,) samples.

    Infinite where another one of `these` is nearer to that, or there are no others.
    """
    if not len(these) or not len(others):
        return np.full(len(these), np.inf)
    apart = np.abs(np.subtract.outer(these, others)).astype(float)
    nearest = apart.argmin(axis=1)
    mutual = apart.argmin(axis=0)[nearest] == np.arange(len(these))
    return np.where(mutual, apart.min(axis=1), np.inf)


def _share(away: list[np.ndarray], within: float) -> Estimate:
    """Share of the distances that are at most `within`, %, resampled over records."""
    hits, every = np.array([(np.sum(one <= within), len(one)) for one in away]).T
    return resampled(
        lambda w: float(100 * (w @ hits).sum() / max((w @ every).sum(), 1)),
        np.arange(len(away)),
        unit="%",
    )
