"""Signals to compare an electrocardiogram with, each of its record's mean and variance (III).

The paper compares with Gaussian processes. They differ from an electrocardiogram in more than the
missing cycle, so three controls stand beside them, each of which keeps what the others break:

================== ============== ============= =========================================
process            repeats        on a period   and
================== ============== ============= =========================================
Gaussian process   nothing        no            smooth, every stretch new
periodic           one cycle      exactly       smooth as the Gaussian process
phase-randomised   no shape       as the ECG    the ECG's amplitude spectrum, so its
                                                autocorrelation and rhythm, but no waves
shuffled beats     the ECG's own  no            beats whole, at times like those of
                                                atrial fibrillation
================== ============== ============= =========================================

Merely permuting the order of the RR intervals would leave a regular rhythm regular, which is why
the beats are moved to irregular times. One more Gaussian process is one more line, as
`gaussian("exponential", lambda lag, length: np.exp(-lag / length))`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LENGTH_S = 5000 / 280 / 500  # the paper's length scale: 1 on a grid of 5000 points over 280; 36 ms

# What of a beat is moved as one: from before the P wave to after the T wave, s either side of the
# R peak, but no more than these shares of the RR intervals before and after it.
BEFORE_S, BEFORE_SHARE = 0.22, 0.3
AFTER_S, AFTER_SHARE = 0.45, 0.55


@dataclass(frozen=True)
class Original:
    """The record in whose place a process is drawn.

    signal: (samples,), any unit. fs: Hz. r_peaks: (beats,), rising, in samples.
    """

    signal: np.ndarray
    fs: float
    r_peaks: np.ndarray


@dataclass(frozen=True)
class Process:
    """A signal that can be drawn in the place of a record.

    name: in figures and tables; each name has random numbers of its own.
    draw: from a record, a length scale in s and a random generator to values (samples,) of any
        mean and variance.
    """

    name: str
    draw: Callable[[Original, float, np.random.Generator], np.ndarray]


def trajectory(
    process: Process, original: Original, length_s: float, rng: np.random.Generator
) -> np.ndarray:
    """A trajectory of a process with a record's mean and variance, (samples,), in its unit.

    Raises ValueError for a process that does not draw as many finite values, not all equal, as the
    record has samples, and for one that asks for more R peaks than the record has.
    """
    signal = original.signal
    if process == ECG:  # not even round-off comes between
        return signal
    values = np.asarray(process.draw(original, length_s, rng))
    if values.shape != signal.shape or not np.isfinite(values).all() or np.ptp(values) == 0:
        raise ValueError(
            f'the process "{process.name}" drew values of shape {values.shape} for a record of '
            f"shape {signal.shape}, or values not finite or all equal; mend its function draw."
        )
    return signal.mean() + (values - values.mean()) * (signal.std() / values.std())


def gaussian(name: str, covariance: Callable[[np.ndarray, float], np.ndarray]) -> Process:
    """A stationary Gaussian process.

    covariance: from lags (n,), in samples and not negative, and a length scale in samples, to the
        covariance at each lag (n,), 1 at lag 0.
    """

    def draw(original: Original, length_s: float, rng: np.random.Generator) -> np.ndarray:
        length = length_s * original.fs
        return sample_stationary(lambda lag: covariance(lag, length), len(original.signal), rng)

    return Process(name, draw)


def squared_exponential(lag: np.ndarray, length: float) -> np.ndarray:
    """Covariance of the published process, infinitely smooth; lag and length in one unit."""
    return np.exp(-0.5 * (lag / length) ** 2)


def matern(lag: np.ndarray, length: float) -> np.ndarray:
    """Matérn covariance of order 3/2: differentiable once."""
    scaled = lag / length * np.sqrt(3)
    return (1 + scaled) * np.exp(-scaled)


def rational_quadratic(lag: np.ndarray, length: float) -> np.ndarray:
    """Rational quadratic covariance of order 1: a mixture of slow and fast."""
    return 1 / (1 + lag**2 / (2 * length**2))


def periodic(lag: np.ndarray, length: float, period: float) -> np.ndarray:
    """Periodic covariance; near lag 0 it is the squared exponential of that length."""
    turn = np.pi / period
    return np.exp(-2 * (np.sin(turn * lag) / (2 * np.pi * length / period)) ** 2)


def sample_stationary(
    covariance: Callable[[np.ndarray], np.ndarray], samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw a stationary Gaussian process on the grid 0, 1, ..., (samples,), by FFT.

    The grid is laid on a circle of at least twice its length, round which the covariance, from lags
    (n,) in samples to (n,), is that of the shorter way (circulant embedding, Dietrich and Newsam,
    SIAM J. Sci. Comput. 18:1088, 1997).

    Raises ValueError for a covariance that no circle up to 64 times the grid can hold.
    """
    for size in [samples * 2**k for k in range(1, 7)]:
        eigenvalues = np.fft.fft(covariance(_lags(size))).real
        if eigenvalues.min() > -1e-6 * eigenvalues.max():  # round-off apart
            return _sample_circle(eigenvalues, rng)[:samples]
    raise ValueError(
        f"this covariance is too long for a grid of {samples} samples, or not positive definite; "
        "give a shorter length scale or another covariance."
    )


def _lags(size: int) -> np.ndarray:
    """(size,) how far each place of a circle is from its first, the shorter way."""
    places = np.arange(size, dtype=float)
    return np.minimum(places, size - places)


def _sample_circle(eigenvalues: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a Gaussian process on a circle, (size,), from its covariance's Fourier transform."""
    white = rng.standard_normal((2, len(eigenvalues)))
    spectrum = np.sqrt(np.maximum(eigenvalues, 0)) * (white[0] + 1j * white[1])
    return (np.fft.fft(spectrum) / np.sqrt(len(eigenvalues))).real


def _periodic(original: Original, length_s: float, rng: np.random.Generator) -> np.ndarray:
    """A random smooth cycle, repeated every median RR interval."""
    _need_rhythm("periodic", original)
    period = round(np.median(np.diff(original.r_peaks)))
    eigenvalues = np.fft.fft(periodic(_lags(period), length_s * original.fs, period)).real
    return np.resize(_sample_circle(eigenvalues, rng), len(original.signal))


def _phase_randomised(original: Original, _: float, rng: np.random.Generator) -> np.ndarray:
    """The signal's amplitude spectrum with random phases."""
    samples = len(original.signal)
    spectrum = np.fft.rfft(original.signal.astype(float))
    free = slice(1, (samples + 1) // 2)  # the mean and, of an even length, the last are real
    turns = rng.uniform(0, 2 * np.pi, len(spectrum[free]))
    spectrum[free] = np.abs(spectrum[free]) * np.exp(1j * turns)
    return np.fft.irfft(spectrum, samples)


def _shuffled_beats(original: Original, _: float, rng: np.random.Generator) -> np.ndarray:
    """Beats whole, in random order, with random pauses between them, bridged by straight lines."""
    _need_rhythm("shuffled beats", original)
    signal, spans = original.signal, beats(original)
    spans = [spans[i] for i in rng.permutation(len(spans))]
    lengths = [end - start for start, end in spans]
    # Points dropped at random on the line that the beats leave free cut it into independent pauses;
    # none is shorter than one sample.
    free = np.arange(1, len(signal) - sum(lengths))
    cuts = np.sort(rng.choice(free, len(spans), replace=False))
    places = cuts + np.cumsum([0, *lengths[:-1]])
    time = [place + np.arange(length) for place, length in zip(places, lengths, strict=True)]
    values = [signal[start:end] for start, end in spans]
    return np.interp(np.arange(len(signal)), np.concatenate(time), np.concatenate(values))


def beats(original: Original) -> list[tuple[int, int]]:
    """The stretch [start, end) of each whole beat, in samples; stretches never overlap."""
    r_peaks, fs = original.r_peaks, original.fs
    rr = np.diff(r_peaks)
    before = np.minimum(BEFORE_S * fs, BEFORE_SHARE * np.concatenate([rr[:1], rr])).astype(int)
    after = np.minimum(AFTER_S * fs, AFTER_SHARE * np.concatenate([rr, rr[-1:]])).astype(int)
    spans = zip((r_peaks - before).tolist(), (r_peaks + after).tolist(), strict=True)
    return [(start, end) for start, end in spans if start >= 0 and end <= len(original.signal)]


def _need_rhythm(name: str, original: Original) -> None:
    if len(original.r_peaks) < 3:
        raise ValueError(
            f'the process "{name}" takes its rhythm from at least 3 R peaks, but the record has '
            f"{len(original.r_peaks)}; leave the record or the process out."
        )


ECG = Process("ECG", lambda original, *_: original.signal)  # what the others are compared with

SQUARED_EXPONENTIAL = gaussian("squared exponential", squared_exponential)
MATERN = gaussian("Matérn 3/2", matern)
RATIONAL_QUADRATIC = gaussian("rational quadratic", rational_quadratic)

PERIODIC = Process("periodic", _periodic)
PHASE_RANDOMISED = Process("phase-randomised", _phase_randomised)
SHUFFLED_BEATS = Process("shuffled beats", _shuffled_beats)
CONTROLS = (PERIODIC, PHASE_RANDOMISED, SHUFFLED_BEATS)
