"""What a set of records holds: rhythms, RR intervals, the durations and delays of its waves."""

from collections import Counter

import numpy as np

from ecglib.data.records import KINDS, Records

MIDDLE_S = 4.0  # one window of the paper's section II-A
REACH_MS = 40.0  # how far from its mark an R peak is looked for


def rr_intervals(records: Records, record: int) -> np.ndarray:
    """Times between a record's R peaks, (R peaks - 1,) s."""
    return np.diff(records.peaks(record, "qrs")) / records.fs


def heart_rate(records: Records, record: int) -> float:
    """Beats a minute, from the median RR interval; NaN with fewer than two R peaks."""
    rr = rr_intervals(records, record)
    return float(60 / np.median(rr)) if len(rr) else np.nan


def heart_rates(records: Records) -> np.ndarray:
    """Every record's heart rate, (records,) a minute."""
    return np.array([heart_rate(records, record) for record in range(len(records))])


def irregularity(records: Records) -> np.ndarray:
    """Coefficient of variation of each record's RR intervals, (records,); NaN with fewer than 2."""
    every = (rr_intervals(records, record) for record in range(len(records)))
    return np.array([rr.std() / rr.mean() if len(rr) > 1 else np.nan for rr in every])


def per_record(records: Records) -> dict[str, np.ndarray]:
    """What each record measures, by name, (records,); NaN where it has no such wave.

    RR, P, QRS and T (durations) and R-T (from R peak to the next T peak) are medians over the
    record's beats, ms; amplitude is from the lowest to the highest sample, mV.
    """
    rows = [_medians(records, record) for record in range(len(records))]
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {**found, "amplitude": np.ptp(records.signals, axis=1).astype(float)}


def _medians(records: Records, record: int) -> dict[str, float]:
    ms = 1000 / records.fs
    waves = records.waves[record]
    whole = waves[(waves["onset"] >= 0) & (waves["offset"] >= 0)]
    found = {"RR": rr_intervals(records, record) * 1000}
    for kind in KINDS:
        chosen = whole[whole["kind"] == kind]
        found[kind.upper()] = (chosen["offset"] - chosen["onset"]) * ms
    r, t = records.peaks(record, "qrs"), records.peaks(record, "t")
    before = np.searchsorted(r, t) - 1
    found["R-T"] = (t - r[before])[before >= 0] * ms if len(r) else np.array([])
    return {name: float(np.median(x)) if len(x) else np.nan for name, x in found.items()}


def rhythm_rows(records: Records) -> list[dict[str, object]]:
    """A table's rows: each rhythm, the commonest first, with its rate and irregularity."""
    rates, spread = heart_rates(records), irregularity(records)
    rows = []
    for rhythm, n in sorted(Counter(records.rhythms).items(), key=lambda item: (-item[1], item[0])):
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

    P, QRS and T, marked from onset to end, of the middle such cycle of the first healthy record
    that has one, else of the first record that has one; where none has, the QRS complex in the
    middle of the first record, however it is marked.
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
    beats = records.waves[0][records.waves[0]["kind"] == "qrs"]
    return 0, beats[len(beats) // 2 :][:1]


def einthoven(digital: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """I + III - II of one record, in its integers and as gains that fit each lead's range have it.

    By Einthoven's law it is zero. LUDB's headers give each lead the gain that makes its range
    one "mV".

    digital: (samples, 3) integer microvolts of leads I, II and III.
    Returns two (samples,) arrays: in microvolts, and in what such a header calls mV.
    """
    gained = digital / np.ptp(digital, axis=0)
    return tuple(x[:, 0] + x[:, 2] - x[:, 1] for x in (digital, gained))


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
    for record in range(len(records)):
        size = np.abs(records.signals[record] - np.median(records.signals[record]))
        for peak in records.peaks(record, "qrs"):
            start = max(0, peak - reach)
            leads.append(start + np.argmax(size[start : peak + reach + 1]) - peak)
    return np.array(leads) * 1000 / records.fs
