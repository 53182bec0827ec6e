"""What a set of records holds: rhythms, RR intervals, the durations and delays of its waves."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ecglib.data.records import KINDS, Records, largest_near

MIDDLE_S = 4.0  # one window of the paper's section II-A
REACH_MS = 40.0  # how far from its mark an R peak is looked for


def rr_intervals(records: Records) -> list[np.ndarray]:
    """Times between each record's R peaks, (R peaks - 1,) s each."""
    return [np.diff(records.peaks(i, "qrs")) / records.fs for i in range(len(records))]


def heart_rates(records: Records) -> np.ndarray:
    """Beats a minute, from each record's median RR interval, (records,); NaN without one."""
    return 60 / _medians(rr_intervals(records))


def irregularity(records: Records) -> np.ndarray:
    """Coefficient of variation of each record's RR intervals, (records,); NaN with fewer than 2."""
    every = rr_intervals(records)
    return np.array([rr.std() / rr.mean() if len(rr) > 1 else np.nan for rr in every])


def per_record(records: Records) -> dict[str, np.ndarray]:
    """What each record measures, by name, (records,); NaN where it has no such wave.

    RR, P, QRS and T (durations) and R-T (from R peak to the next T peak) are medians over the
    record's beats, ms; amplitude is from the lowest to the highest sample, mV.
    """
    ms = 1000 / records.fs
    found = {"RR": _medians(rr * 1000 for rr in rr_intervals(records))}
    for kind in KINDS:
        found[kind.upper()] = _medians(_durations(waves, kind) * ms for waves in records.waves)
    found["R-T"] = _medians(_r_to_t(records, i) * ms for i in range(len(records)))
    found["amplitude"] = np.ptp(records.signals, axis=1).astype(float)
    return found


def _medians(measured: Iterable[np.ndarray]) -> np.ndarray:
    return np.array([np.median(values) if len(values) else np.nan for values in measured])


def _durations(waves: np.ndarray, kind: str) -> np.ndarray:
    """From onset to offset of the whole waves of a kind, (waves,) samples."""
    whole = waves[(waves["kind"] == kind) & (waves["onset"] >= 0) & (waves["offset"] >= 0)]
    return whole["offset"] - whole["onset"]


def _r_to_t(records: Records, record: int) -> np.ndarray:
    """From the last R peak to each T peak that has one before it, (T peaks,) samples."""
    r, t = records.peaks(record, "qrs"), records.peaks(record, "t")
    r_before = np.searchsorted(r, t)  # how many
    return t[r_before > 0] - r[r_before[r_before > 0] - 1]


def rhythm_rows(records: Records) -> list[dict[str, object]]:
    """A table's rows: each rhythm, the commonest first, with its rate and irregularity."""
    rates, spread = heart_rates(records), irregularity(records)
    rows = []
    for rhythm, n in Counter(sorted(records.rhythms)).most_common():
        mine = np.array(records.rhythms) == rhythm
        rows.append(
            {
                "rhythm": rhythm or "not known",
                "records": n,
                "heart rate, /min": _middle_and_range(rates[mine], 0),
                "RR interval, ms": _middle_and_range(60000 / rates[mine], 0),
                "RR spread, % of its mean": _middle_and_range(100 * spread[mine], 1),
            }
        )
    return rows


def wave_rows(records: Records) -> list[dict[str, object]]:
    """A table's rows: each kind of wave, how many there are, in how many records, how long."""
    durations = per_record(records)
    rows = []
    for kind, name in zip(KINDS, ("P wave", "QRS complex", "T wave"), strict=True):
        counts = [len(records.peaks(i, kind)) for i in range(len(records))]
        rows.append(
            {
                "wave": name,
                "annotated": sum(counts),
                "records": sum(count > 0 for count in counts),
                "duration, ms": _middle_and_range(durations[kind.upper()], 0),
            }
        )
    return rows


def percentiles(values: np.ndarray) -> tuple[float, float, float]:
    """5th, 50th and 95th percentile of the values that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return tuple(np.percentile(known, [5, 50, 95]).tolist()) if len(known) else (np.nan,) * 3


def rounded(value: float, digits: int) -> float | None:
    """A number as JSON can hold it: to so many digits, None where it is not defined."""
    return round(float(value), digits) if np.isfinite(value) else None


def _middle_and_range(values: np.ndarray, digits: int) -> str:
    """Median with the range that holds 90 % of the values, as a table shows them."""
    if not np.isfinite(values).any():
        return "not annotated"
    low, middle, high = percentiles(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def from_regular_to_irregular(records: Records, n: int) -> np.ndarray:
    """Indices of at most n records, from the most regular to the most irregular.

    Each rhythm is shown once, by the record in the middle of its irregularity (where there are
    more rhythms than places: the commonest, of equals the more irregular); places left over go
    to records evenly spread over the rest, the most irregular one among them.
    """
    spread = irregularity(records)
    every = np.argsort(spread, kind="stable")
    order = [i for i in every if np.isfinite(spread[i])] or list(every)
    by_rhythm: dict[str, list[int]] = {}
    for i in order:
        by_rhythm.setdefault(records.rhythms[i], []).append(i)
    middles = {same[len(same) // 2]: len(same) for same in by_rhythm.values()}
    chosen = set(sorted(middles, key=lambda i: (-middles[i], -order.index(i)))[:n])
    rest = [i for i in order if i not in chosen]
    free = min(n - len(chosen), len(rest))
    chosen.update(rest[-1 - round(k * len(rest) / max(free, 1))] for k in range(free))
    return np.array(sorted(chosen, key=order.index), dtype=int)


def share_of_unequal_counts(records: Records) -> float:
    """Share of pairs of records whose middle four seconds hold different numbers of R peaks."""
    middle, half = records.signals.shape[1] / 2, MIDDLE_S * records.fs / 2
    from_middle = [records.peaks(i, "qrs") - middle for i in range(len(records))]
    counts = np.array([np.sum((x >= -half) & (x < half)) for x in from_middle])
    first, second = np.triu_indices(len(counts), 1)
    return float(np.mean(counts[first] != counts[second])) if len(first) else np.nan


def typical_cycle(records: Records) -> tuple[int, np.ndarray]:
    """A record's index and the waves, (waves,) WAVE, of one of its cycles.

    That is the middle one with a whole P, QRS and T of the first healthy record that has one, else
    of the first record that has one; else a QRS complex alone, in the middle of the first record
    that has any; else none.
    """
    for record in np.argsort(~records.healthy, kind="stable"):
        waves = records.waves[record]
        whole = (waves["onset"] >= 0) & (waves["offset"] >= 0)
        cycles = [
            waves[k : k + 3]
            for k in range(len(waves) - 2)
            if tuple(waves["kind"][k : k + 3]) == KINDS and whole[k : k + 3].all()
        ]
        if cycles:
            return int(record), cycles[len(cycles) // 2]
    for record, waves in enumerate(records.waves):
        beats = waves[waves["kind"] == "qrs"]
        if len(beats):
            return record, beats[len(beats) // 2 :][:1]
    return 0, records.waves[0][:0]


def einthoven(digital: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """I + III - II, zero by Einthoven's law, (samples,): in microvolts, and in LUDB's headers' mV.

    Those headers give each lead the gain that makes its range one "mV".

    digital: (samples, 3) integer microvolts of leads I, II and III.
    """
    gained = digital / fitted_gains(digital)
    return tuple(x[:, 0] + x[:, 2] - x[:, 1] for x in (digital, gained))


def fitted_gains(digital: np.ndarray) -> np.ndarray:
    """Each lead's own range, (leads,), the gain in LUDB's headers; 1 of a lead that is flat."""
    return np.maximum(np.ptp(digital, axis=0), 1)


def made_limb_leads(records: Records) -> np.ndarray:
    """Leads I, II and III, (samples, 3) integer microvolts, made of the first record's signal.

    For sources that have one lead only: the second lead is the first, smaller and 4 ms later.
    """
    one = np.round(records.signals[0] * 1000).astype(int)
    two = np.round(np.roll(records.signals[0], round(0.004 * records.fs)) * 700).astype(int)
    return np.stack([one, two, two - one], axis=1)


def r_mark_leads(records: Records) -> np.ndarray:
    """By how much each annotated R peak precedes its QRS complex's largest deflection, (beats,) ms.

    The deflection is looked for within 40 ms, from the record's median.
    """
    reach = round(REACH_MS / 1000 * records.fs)
    leads = []
    for record, signal in enumerate(records.signals):
        peaks = records.peaks(record, "qrs")
        leads.extend(largest_near(signal, peaks, reach) - peaks)
    return np.array(leads, float) * 1000 / records.fs
