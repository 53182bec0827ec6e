"""Records that look like lead V6, with every wave known: no download, no patient.

Each record is a patient of its own: a train of R peaks, a phase that runs from each R peak to the
next, and waves on that phase, each made of asymmetric Gaussians. The idea is ECGSYN's (McSharry
et al., IEEE Trans. Biomed. Eng. 50:289, 2003), whose Gaussians pull a point up and down on its way
round a circle; here their sum is written down directly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecglib.data.records import FS, KINDS, Records, as_waves

SECONDS = 10.0
OTHER_RHYTHMS = {  # by their place in every ten records, so that the first few show every one
    1: "Sinus bradycardia",
    3: "Atrial fibrillation",
    5: "Sinus tachycardia",
    7: "Sinus arrhythmia",
}
MEAN_RR = {  # median over patients, s, and standard deviation of its logarithm
    "Sinus rhythm": (0.93, 0.12),
    "Sinus bradycardia": (1.14, 0.07),
    "Sinus tachycardia": (0.55, 0.05),
    "Sinus arrhythmia": (0.92, 0.08),
    "Atrial fibrillation": (0.74, 0.15),
}

# A wave lasts from so many sigmas before its peak to as many after it. LUDB's annotators have
# the width at half height at 0.43 of a T wave's duration and 0.56 of a P wave's (V6, medians);
# a Gaussian cut at 2.5 sigmas has 0.47.
REACH = 2.5

# Of controlled beats, after the R peak.
QRS_END_MS = 40.0
FIRST_T_MS = 125.0  # T peak at no displacement

Findings = tuple[str, ...]


@dataclass(frozen=True)
class Bump:
    """An asymmetric Gaussian: its peak after the R peak (s), sigmas before and after it (s), mV."""

    delay: float
    before: float
    after: float
    amplitude: float

    def at(self, lag: np.ndarray) -> np.ndarray:
        """Its height, mV, at times after the R peak, s (same shape)."""
        from_peak = lag - self.delay
        sigma = np.where(from_peak < 0, self.before, self.after)
        return self.amplitude * np.exp(-0.5 * (from_peak / sigma) ** 2)


def load_synthetic(n_records: int = 200, seed: int = 0) -> Records:
    """Synthetic ten-second records of lead V6 at 500 Hz with their true waves.

    Rhythms are normal, slow, fast and irregular; some waves are inverted, biphasic, wide or absent.
    RR intervals vary with respiration and at random, amplitudes with respiration; baseline wander
    and noise are added. Waves that the record's ends cut are drawn but not annotated. Record i
    depends on `seed` and i alone.

    Returns signals (n_records, 5000) in mV. Raises ValueError for fewer than one record.
    """
    if n_records < 1:
        raise ValueError(f"n_records is {n_records}: ask for one record at least.")
    rhythms = tuple(OTHER_RHYTHMS.get(i % 10, "Sinus rhythm") for i in range(n_records))
    made = [_record(np.random.default_rng([seed, i]), r) for i, r in enumerate(rhythms)]
    signals, waves, findings = zip(*made, strict=True)
    return Records(
        signals=np.array(signals, np.float32),
        fs=FS,
        ids=tuple(f"s{i + 1}" for i in range(n_records)),
        lead="v6",
        source=f"synthetic (seed {seed})",
        waves=waves,
        rhythms=rhythms,
        diagnoses=findings,
    )


def _r_peaks(rng: np.random.Generator, rhythm: str, breath: tuple[float, float]) -> np.ndarray:
    """Times of R peaks, s, from before the record's start to after its end."""
    median, spread = MEAN_RR[rhythm]
    mean = rng.lognormal(np.log(median), spread)
    swing = rng.uniform(0.1, 0.2) if rhythm == "Sinus arrhythmia" else rng.uniform(0.005, 0.05)
    irregular = rhythm == "Atrial fibrillation"
    jitter = rng.uniform(0.15, 0.28) if irregular else rng.uniform(0.004, 0.02)
    times = [-2.0 - rng.uniform() * mean]
    while times[-1] < SECONDS + 2:
        rr = mean * (1 + swing * np.sin(2 * np.pi * breath[0] * times[-1] + breath[1]))
        times.append(times[-1] + max(0.3, rr * (1 + jitter * rng.standard_normal())))
    return np.array(times)


def _record(rng: np.random.Generator, rhythm: str) -> tuple[np.ndarray, np.ndarray, Findings]:
    """One record's signal, (samples,) mV, its whole waves, (waves,) WAVE, and its findings."""
    waves, findings = _patient(rng, rhythm)
    time = np.arange(round(SECONDS * FS)) / FS
    breath = rng.uniform(0.18, 0.32), rng.uniform(0, 2 * np.pi)  # Hz, rad
    depth = rng.uniform(0.01, 0.07)
    r_peaks = _r_peaks(rng, rhythm, breath)
    cycles = np.arange(len(r_peaks))
    phase = np.interp(time, r_peaks, cycles)  # k at the R peak of cycle k, k + 1 at the next
    signal, rows = np.zeros_like(time), []
    for k in range(1, len(r_peaks) - 1):
        gain = 1 + depth * np.sin(2 * np.pi * breath[0] * r_peaks[k] + breath[1])
        for kind, bumps in waves.items():
            # A cycle's length turns phase into seconds. In long cycles T waves come later and
            # last longer, as the square root of RR (Bazett); P and QRS do not stretch.
            rr = r_peaks[k] - r_peaks[k - 1] if kind == "p" else r_peaks[k + 1] - r_peaks[k]
            unit = rr / np.sqrt(rr) if kind == "t" else rr  # s a cycle, at an RR interval of 1 s
            near = np.flatnonzero(np.abs(phase - k) * unit < 1)
            wave = sum(bump.at((phase[near] - k) * unit) for bump in bumps)
            signal[near] += gain * wave
            before = min(bump.delay - REACH * bump.before for bump in bumps)
            after = max(bump.delay + REACH * bump.after for bump in bumps)
            onset = round(FS * np.interp(k + before / unit, cycles, r_peaks))
            offset = round(FS * np.interp(k + after / unit, cycles, r_peaks))
            if onset >= 0 and offset < len(time):
                rows.append((kind, onset, int(near[np.argmax(np.abs(wave))]), offset))
    return signal + _disturbance(rng, time, rhythm, breath), as_waves(rows), findings


def _disturbance(
    rng: np.random.Generator, time: np.ndarray, rhythm: str, breath: tuple[float, float]
) -> np.ndarray:
    """Baseline wander, noise, and in fibrillation the atria's own waves, (samples,) mV."""
    slow = rng.lognormal(np.log(0.05), 0.8)
    wander = slow * np.sin(2 * np.pi * (rng.uniform(0.04, 0.15) * time + rng.uniform()))
    wander += rng.uniform(0.01, 0.06) * np.sin(2 * np.pi * breath[0] * time + breath[1] + 1)
    if rhythm == "Atrial fibrillation":
        turns = np.cumsum(rng.normal(6.0, 8.0, len(time))) / FS  # about 6 Hz
        wander += rng.uniform(0.02, 0.05) * np.sin(2 * np.pi * turns)
    return wander + rng.lognormal(np.log(0.005), 0.5) * rng.standard_normal(len(time))


def _patient(rng: np.random.Generator, rhythm: str) -> tuple[dict[str, list[Bump]], Findings]:
    """One patient's waves at an RR interval of 1 s, by kind, and the findings they amount to.

    Over patients, durations, delays and amplitudes spread about as they do on LUDB's lead V6;
    chapter 01 shows both.
    """
    height = _lognormal(rng, 1.25, 0.4, 0.4, 5.0)
    qrs, qrs_findings = _qrs(rng, height)
    t, t_findings = _t(rng, height)
    p, p_findings = ([], ()) if rhythm == "Atrial fibrillation" else _p(rng)
    waves = {kind: bumps for kind, bumps in zip(KINDS, (p, qrs, t), strict=True) if bumps}
    return waves, (*qrs_findings, *t_findings, *p_findings)


def _qrs(rng: np.random.Generator, height: float) -> tuple[list[Bump], Findings]:
    width = _lognormal(rng, 0.0093, 0.12)
    q, s = rng.uniform(0.02, 0.15), rng.uniform(0.05, 0.5)
    findings = []
    if rng.random() < 0.07:
        width *= 1.6
        findings.append("Wide QRS complex")
    if rng.random() < 0.04:
        height = -height
        findings.append("Negative QRS complex")
    return [
        Bump(0.0, width, width, height),
        Bump(-2.3 * width, 0.8 * width, 0.8 * width, -q * height),
        Bump(2.5 * width, 0.9 * width, 1.0 * width, -s * height),
    ], tuple(findings)


def _t(rng: np.random.Generator, height: float) -> tuple[list[Bump], Findings]:
    delay = float(np.clip(rng.normal(0.285, 0.028), 0.21, 0.37))
    duration = _lognormal(rng, 0.193, 0.14)
    rise = rng.uniform(0.5, 0.62)  # most T waves rise more slowly than they fall
    before, after = rise * duration / REACH, (1 - rise) * duration / REACH
    height = _lognormal(rng, 0.22, 0.5, 0.06, 0.9) * height**0.3
    draw = rng.random()
    if draw < 0.03:
        return [], ("No T wave",)
    if draw < 0.14:
        return [Bump(delay, before, after, -height)], ("Inverted T wave",)
    if draw < 0.20:
        return [
            Bump(delay - duration / 4, before / 2, after / 2, -0.6 * height),
            Bump(delay + duration / 5, before / 2, after / 2, height),
        ], ("Biphasic T wave",)
    return [Bump(delay, before, after, height)], ()


def _p(rng: np.random.Generator) -> tuple[list[Bump], Findings]:
    sigma = _lognormal(rng, 0.1, 0.14) / 2 / REACH
    delay = -float(np.clip(rng.normal(0.145, 0.02), 0.11, 0.2))
    height = _lognormal(rng, 0.065, 0.35, 0.025, 0.2)
    draw = rng.random()
    if draw < 0.03:
        return [], ("No P wave",)
    if draw < 0.06:
        return [Bump(delay, sigma, sigma, -height)], ("Inverted P wave",)
    return [Bump(delay, sigma, sigma, height)], ()


def _lognormal(
    rng: np.random.Generator, median: float, spread: float, low: float = 0, high: float = np.inf
) -> float:
    return float(np.clip(rng.lognormal(np.log(median), spread), low, high))


@dataclass(frozen=True)
class ControlledBeats:
    """One-cycle beats that differ in their T wave alone.

    signals: (beats, 512) float32, mV, at 500 Hz, the R peak at sample 256.
    t_peak: (beats,) place of the T peak, samples (not rounded).
    displacement_ms, width_ms: (beats,) the T peak's distance from its first place; its duration.
    """

    signals: np.ndarray
    t_peak: np.ndarray
    displacement_ms: np.ndarray
    width_ms: np.ndarray


def controlled_beats(
    displacements_ms: Sequence[float] | np.ndarray, widths_ms: Sequence[float] | np.ndarray
) -> ControlledBeats:
    """Beats alike but for the T wave: every displacement at every width, widths running fastest.

    The R peak is 1.2 mV, the T wave a symmetric Gaussian of 0.3 mV.

    displacements_ms: how far the T peak lies behind its first place, 125 ms after the R peak.
    widths_ms: durations of the T wave as annotators would mark it, 5 sigma.

    Raises ValueError where a T wave does not fit between the QRS complex and the window's end: a
    displacement of 300 ms leaves room for 160 ms, one of 0 for 170 ms.
    """
    from ecglib.data.windows import WINDOW  # with scipy.signal, a second that records do not need

    displacement = np.repeat(np.asarray(displacements_ms, float), len(widths_ms))
    width = np.tile(np.asarray(widths_ms, float), len(displacements_ms))
    middle = WINDOW // 2
    delay, last = FIRST_T_MS + displacement, (WINDOW - 1 - middle) * 1000 / FS
    unfit = (delay - width / 2 < QRS_END_MS) | (delay + width / 2 > last) | (width <= 0)
    if unfit.any():
        first = np.flatnonzero(unfit)[0]
        raise ValueError(
            f"a T wave of {width[first]:g} ms displaced by {displacement[first]:g} ms does not fit "
            f"between the QRS complex's end ({QRS_END_MS:g} ms after the R peak) and the window's "
            f"({last:g} ms): give a smaller width or displacement."
        )
    lag = (np.arange(WINDOW) - middle) / FS
    constant = [
        Bump(0.0, 0.008, 0.008, 1.2),
        Bump(-0.020, 0.007, 0.007, -0.1),
        Bump(0.022, 0.007, 0.007, -0.2),
        Bump(-0.15, 0.02, 0.02, 0.1),
    ]
    shared = sum(bump.at(lag) for bump in constant)
    sigma = width / 1000 / 2 / REACH
    t = 0.3 * np.exp(-0.5 * ((lag - delay[:, None] / 1000) / sigma[:, None]) ** 2)
    return ControlledBeats(
        signals=(shared + t).astype(np.float32),
        t_peak=middle + delay / 1000 * FS,
        displacement_ms=displacement,
        width_ms=width,
    )
