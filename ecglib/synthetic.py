"""Ten-second records that look like lead V6, with every wave known: no download, no patient.

Each record is a patient of its own: a train of R peaks, a phase that runs from each R peak to the
next, and waves on that phase, each an asymmetric Gaussian. The idea is ECGSYN's (McSharry et al.,
IEEE Trans. Biomed. Eng. 50:289, 2003), which integrates the same sum of waves as a differential
equation.
"""

from dataclasses import dataclass, replace

import numpy as np

from ecglib.records import Records, as_waves

FS = 500.0  # Hz
SECONDS = 10.0
# A wave lasts from this many sigmas before its peak to as many after it: on LUDB's T waves the
# width at half height is 0.5 of the annotated duration, that of a Gaussian cut at 2.4 sigma 0.49.
REACH = 2.4

RHYTHMS = (  # by turns, so that the first few records show every one
    "Sinus rhythm",
    "Sinus bradycardia",
    "Sinus rhythm",
    "Atrial fibrillation",
    "Sinus rhythm",
    "Sinus tachycardia",
    "Sinus rhythm",
    "Sinus arrhythmia",
    "Sinus rhythm",
    "Sinus rhythm",
)
MEAN_RR = {  # median and spread (of the logarithm) over patients, s
    "Sinus rhythm": (0.86, 0.11),
    "Sinus bradycardia": (1.12, 0.07),
    "Sinus tachycardia": (0.54, 0.05),
    "Sinus arrhythmia": (0.88, 0.08),
    "Atrial fibrillation": (0.72, 0.15),
}


@dataclass(frozen=True)
class Bump:
    """An asymmetric Gaussian of a wave: peak after R (s), sigmas before and after it (s), mV."""

    kind: str
    delay: float
    before: float
    after: float
    amplitude: float

    def at(self, lag: np.ndarray) -> np.ndarray:
        """Its height, mV, at times after its peak, s."""
        sigma = np.where(lag < 0, self.before, self.after)
        return self.amplitude * np.exp(-0.5 * (lag / sigma) ** 2)


def load_synthetic(n_records: int = 200, seed: int = 0) -> Records:
    """Synthetic ten-second records of lead V6 at 500 Hz with their true waves.

    Rhythms are normal, slow, fast and irregular; T waves also inverted, biphasic and absent, P
    waves inverted and absent, QRS complexes negative. RR intervals vary with respiration and at
    random, amplitudes with respiration; baseline wander and noise are added. Waves that the
    record's ends cut are drawn and not annotated.

    Record i depends on seed and i alone.
    Returns signals (n_records, 5000) in mV. Raises ValueError for fewer than one record.
    """
    if n_records < 1:
        raise ValueError(f"n_records is {n_records}: ask for one record at least.")
    signals, waves, findings = [], [], []
    for i in range(n_records):
        rng = np.random.default_rng([seed, i])
        rhythm = RHYTHMS[i % len(RHYTHMS)]
        bumps, found = _patient(rng, rhythm)
        signal, rows = _record(rng, rhythm, bumps)
        signals.append(signal)
        waves.append(as_waves(rows))
        findings.append(found)
    rhythms = tuple(RHYTHMS[i % len(RHYTHMS)] for i in range(n_records))
    return Records(
        signals=np.array(signals, np.float32),
        fs=FS,
        ids=tuple(f"s{i + 1}" for i in range(n_records)),
        lead="v6",
        source=f"synthetic (seed {seed})",
        waves=tuple(waves),
        rhythms=rhythms,
        diagnoses=tuple(findings),
        healthy=np.array(
            [
                rhythm == "Sinus rhythm" and not found
                for rhythm, found in zip(rhythms, findings, strict=True)
            ]
        ),
    )


def _patient(rng: np.random.Generator, rhythm: str) -> tuple[list[Bump], tuple[str, ...]]:
    """One patient's waves at an RR interval of 1 s, and the findings that they amount to."""
    found = []
    height = float(np.clip(rng.lognormal(np.log(1.0), 0.5), 0.35, 5.0))
    width = rng.lognormal(np.log(0.0095), 0.15)
    q, s = rng.uniform(0.02, 0.15), rng.uniform(0.05, 0.35)
    sign = 1.0
    if rng.random() < 0.04:
        sign = -1.0
        found.append("Negative QRS complex")
    qrs = [
        Bump("qrs", 0.0, width, width, sign * height),
        Bump("qrs", -2.3 * width, 0.8 * width, 0.8 * width, -sign * q * height),
        Bump("qrs", 2.5 * width, 0.9 * width, 1.1 * width, -sign * s * height),
    ]

    delay = float(np.clip(rng.normal(0.275, 0.033), 0.2, 0.37))
    duration = rng.lognormal(np.log(0.185), 0.17)
    rise = rng.uniform(0.52, 0.64)  # T waves rise more slowly than they fall
    t = Bump(
        "t",
        delay,
        rise * duration / REACH,
        (1 - rise) * duration / REACH,
        float(np.clip(rng.lognormal(np.log(0.25), 0.45), 0.07, 0.9)) * height**0.3,
    )
    draw = rng.random()
    if draw < 0.05:
        ts = []
        found.append("No T wave")
    elif draw < 0.20:
        ts = [replace(t, amplitude=-t.amplitude)]
        found.append("Inverted T wave")
    elif draw < 0.28:
        half = replace(t, before=t.before / 2, after=t.after / 2)
        ts = [
            replace(half, delay=delay - 0.25 * duration, amplitude=-0.6 * t.amplitude),
            replace(half, delay=delay + 0.20 * duration),
        ]
        found.append("Biphasic T wave")
    else:
        ts = [t]

    duration = rng.lognormal(np.log(0.1), 0.12)
    p = Bump(
        "p",
        -float(np.clip(rng.normal(0.15, 0.02), 0.11, 0.22)),
        0.5 * duration / REACH,
        0.5 * duration / REACH,
        float(np.clip(rng.lognormal(np.log(0.08), 0.35), 0.03, 0.25)),
    )
    draw = rng.random()
    if rhythm == "Atrial fibrillation":
        ps = []
    elif draw < 0.04:
        ps = []
        found.append("No P wave")
    elif draw < 0.08:
        ps = [replace(p, amplitude=-p.amplitude)]
        found.append("Inverted P wave")
    else:
        ps = [p]
    return ps + qrs + ts, tuple(found)


def _r_peaks(rng: np.random.Generator, rhythm: str, breath: tuple[float, float]) -> np.ndarray:
    """Times of R peaks, s, from before the record's start to after its end."""
    median, spread = MEAN_RR[rhythm]
    mean = rng.lognormal(np.log(median), spread)
    swing = rng.uniform(0.12, 0.22) if rhythm == "Sinus arrhythmia" else rng.uniform(0.01, 0.04)
    irregular = rhythm == "Atrial fibrillation"
    jitter = rng.uniform(0.15, 0.28) if irregular else rng.uniform(0.004, 0.015)
    times = [-2.0 - rng.uniform() * mean]
    while times[-1] < SECONDS + 2:
        rr = mean * (1 + swing * np.sin(2 * np.pi * breath[0] * times[-1] + breath[1]))
        times.append(times[-1] + max(0.3, rr * (1 + jitter * rng.standard_normal())))
    return np.array(times)


def _record(
    rng: np.random.Generator, rhythm: str, bumps: list[Bump]
) -> tuple[np.ndarray, list[tuple[str, int, int, int]]]:
    """One record's signal, (samples,) mV, and its whole waves as rows for as_waves."""
    time = np.arange(round(SECONDS * FS)) / FS
    breath = rng.uniform(0.18, 0.32), rng.uniform(0, 2 * np.pi)  # Hz, rad
    r_peaks = _r_peaks(rng, rhythm, breath)
    depth = rng.uniform(0.01, 0.07)
    # The phase: cycle k runs from k at its R peak to k + 1 at the next.
    cycles = np.arange(len(r_peaks))
    phase = np.interp(time, r_peaks, cycles)
    signal = np.zeros_like(time)
    rows = []
    for k in range(1, len(r_peaks) - 1):
        gain = 1 + depth * np.sin(2 * np.pi * breath[0] * r_peaks[k] + breath[1])
        for kind in ("p", "qrs", "t"):
            group = [bump for bump in bumps if bump.kind == kind]
            if not group:
                continue
            # A cycle's own length turns seconds into phase. T waves come later and last longer
            # in long cycles, as the square root of RR (Bazett); P and QRS do not stretch.
            rr = r_peaks[k] - r_peaks[k - 1] if kind == "p" else r_peaks[k + 1] - r_peaks[k]
            stretch = np.sqrt(rr) if kind == "t" else 1.0
            lag = (phase - k) * rr / stretch  # s, at an RR interval of 1 s
            near = np.abs(lag) < 1
            wave = sum(bump.at(lag[near] - bump.delay) for bump in group)
            signal[near] += gain * wave
            edges = [
                min(bump.delay - REACH * bump.before for bump in group),
                max(bump.delay + REACH * bump.after for bump in group),
            ]
            onset, offset = (
                round(FS * np.interp(k + edge * stretch / rr, cycles, r_peaks)) for edge in edges
            )
            if 0 <= onset and offset < len(time):
                peak = np.flatnonzero(near)[np.argmax(np.abs(wave))]
                rows.append((kind, onset, int(peak), offset))
    return signal + _disturbance(rng, time, rhythm, breath), rows


def _disturbance(
    rng: np.random.Generator, time: np.ndarray, rhythm: str, breath: tuple[float, float]
) -> np.ndarray:
    """Baseline wander, noise, and in fibrillation the atria's own waves, (samples,) mV."""
    wander = rng.uniform(0.01, 0.06) * np.sin(2 * np.pi * breath[0] * time + breath[1] + 1)
    wander += rng.uniform(0.01, 0.08) * np.sin(2 * np.pi * rng.uniform(0.03, 0.1) * time)
    noise = rng.lognormal(np.log(0.006), 0.5) * rng.standard_normal(len(time))
    if rhythm == "Atrial fibrillation":
        turns = np.cumsum(rng.normal(6.0, 8.0, len(time))) / FS
        wander += rng.uniform(0.02, 0.05) * np.sin(2 * np.pi * turns)
    return wander + noise
