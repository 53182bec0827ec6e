"""The waves of one synthetic patient: shapes, places and sizes, drawn to be like lead V6's."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

# A wave lasts from so many sigmas before its peak to as many after it. LUDB's annotators have
# the width at half height at 0.43 of a T wave's duration and 0.56 of a P wave's (V6, medians);
# a Gaussian cut at 2.5 sigmas has 0.47.
REACH = 2.5


@dataclass(frozen=True)
class Bump:
    """An asymmetric Gaussian: its peak after the R peak (s), sigmas before and after it (s), mV."""

    kind: str
    delay: float
    before: float
    after: float
    amplitude: float

    def at(self, lag: np.ndarray) -> np.ndarray:
        """Its height, mV, at times after the R peak, s (same shape)."""
        from_peak = lag - self.delay
        sigma = np.where(from_peak < 0, self.before, self.after)
        return self.amplitude * np.exp(-0.5 * (from_peak / sigma) ** 2)


def edges(bumps: Iterable[Bump]) -> tuple[float, float]:
    """Onset and offset after the R peak, s, of the wave that these bumps make up."""
    return (
        min(bump.delay - REACH * bump.before for bump in bumps),
        max(bump.delay + REACH * bump.after for bump in bumps),
    )


def patient(
    rng: np.random.Generator, fibrillating: bool = False
) -> tuple[list[Bump], tuple[str, ...]]:
    """One patient's waves at an RR interval of 1 s, and the findings they amount to.

    The numbers are set so that over patients durations, delays and amplitudes spread about as
    they do on LUDB's lead V6; chapter 01 shows both.
    """
    height = _lognormal(rng, 1.25, 0.4, 0.4, 5.0)
    parts = (_qrs(rng, height), _t(rng, height), ([], ()) if fibrillating else _p(rng))
    return (
        [bump for bumps, _ in parts for bump in bumps],
        tuple(finding for _, findings in parts for finding in findings),
    )


def _lognormal(rng: np.random.Generator, median: float, spread: float, *limits: float) -> float:
    return float(np.clip(rng.lognormal(np.log(median), spread), *limits or (0, np.inf)))


def _qrs(rng: np.random.Generator, height: float) -> tuple[list[Bump], tuple[str, ...]]:
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
        Bump("qrs", 0.0, width, width, height),
        Bump("qrs", -2.3 * width, 0.8 * width, 0.8 * width, -q * height),
        Bump("qrs", 2.5 * width, 0.9 * width, 1.0 * width, -s * height),
    ], tuple(findings)


def _t(rng: np.random.Generator, height: float) -> tuple[list[Bump], tuple[str, ...]]:
    delay = float(np.clip(rng.normal(0.285, 0.028), 0.21, 0.37))
    duration = _lognormal(rng, 0.193, 0.14)
    rise = rng.uniform(0.5, 0.62)  # most T waves rise more slowly than they fall
    before, after = rise * duration / REACH, (1 - rise) * duration / REACH
    amplitude = _lognormal(rng, 0.22, 0.5, 0.06, 0.9) * height**0.3
    wave = Bump("t", delay, before, after, amplitude)
    draw = rng.random()
    if draw < 0.03:
        return [], ("No T wave",)
    if draw < 0.14:
        return [replace(wave, amplitude=-amplitude)], ("Inverted T wave",)
    if draw < 0.20:
        half = replace(wave, before=before / 2, after=after / 2)
        return [
            replace(half, delay=delay - duration / 4, amplitude=-0.6 * amplitude),
            replace(half, delay=delay + duration / 5),
        ], ("Biphasic T wave",)
    return [wave], ()


def _p(rng: np.random.Generator) -> tuple[list[Bump], tuple[str, ...]]:
    sigma = _lognormal(rng, 0.1, 0.14) / 2 / REACH
    delay = -float(np.clip(rng.normal(0.145, 0.02), 0.11, 0.2))
    wave = Bump("p", delay, sigma, sigma, _lognormal(rng, 0.065, 0.35, 0.025, 0.2))
    draw = rng.random()
    if draw < 0.03:
        return [], ("No P wave",)
    if draw < 0.06:
        return [replace(wave, amplitude=-wave.amplitude)], ("Inverted P wave",)
    return [wave], ()
