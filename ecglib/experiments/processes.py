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
the beats are moved to irregular times.
"""

import numpy as np
from sklearn.gaussian_process.kernels import (
    RBF,
    ExpSineSquared,
    Kernel,
    Matern,
    RationalQuadratic,
)

LENGTH_S = 5000 / 280 / 500  # the paper's length scale: 1 on a grid of 5000 points over 280; 36 ms
GAUSSIAN = ("squared exponential", "Matérn 3/2", "rational quadratic")
CONTROLS = ("periodic", "phase-randomised", "shuffled beats")

# What of a beat is moved as one: from before the P wave to after the T wave, s either side of the
# R peak, but no more than these shares of the RR intervals before and after it.
BEFORE_S, BEFORE_SHARE = 0.22, 0.3
AFTER_S, AFTER_SHARE = 0.45, 0.55


def trajectory(
    process: str,
    signal: np.ndarray,
    fs: float,
    rng: np.random.Generator,
    r_peaks: np.ndarray,
    length_s: float = LENGTH_S,
) -> np.ndarray:
    """A trajectory of a process with a record's mean and variance, (samples,), in its unit.

    process: one of GAUSSIAN or CONTROLS.
    signal: (samples,) the record. r_peaks: (beats,) its R peaks, rising, in samples; the periodic
        process takes the median RR interval for its period.
    length_s: length scale of the Gaussian processes and, along its cycle, of the periodic one, s.

    Raises ValueError for an unknown process, and for a control of which the record has too few
    R peaks.
    """
    length, samples = length_s * fs, len(signal)
    if process in CONTROLS and len(r_peaks) < 3:
        raise ValueError(
            f'the process "{process}" takes its rhythm from at least 3 R peaks, but the record has '
            f"{len(r_peaks)}; leave the record or the process out."
        )
    match process:
        case "squared exponential":
            values = sample_stationary(RBF(length), samples, rng)
        case "Matérn 3/2":
            values = sample_stationary(Matern(length, nu=1.5), samples, rng)
        case "rational quadratic":
            values = sample_stationary(RationalQuadratic(length, alpha=1.0), samples, rng)
        case "periodic":
            values = _periodic(length, round(np.median(np.diff(r_peaks))), samples, rng)
        case "phase-randomised":
            values = _phase_randomised(signal, rng)
        case "shuffled beats":
            values = _shuffled(signal, fs, rng, r_peaks)
        case _:
            known = ", ".join(GAUSSIAN + CONTROLS)
            raise ValueError(f"unknown process {process!r}: choose one of {known}.")
    return matched(values, signal)


def matched(values: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Shift and scale values (samples,) to a signal's mean and variance."""
    return signal.mean() + (values - values.mean()) * (signal.std() / values.std())


def sample_stationary(
    kernel: Kernel, samples: int, rng: np.random.Generator, circle: int | None = None
) -> np.ndarray:
    """Draw a stationary Gaussian process on the grid 0, 1, ..., (samples,), by FFT.

    The grid is laid on a circle of at least twice its length, round which the covariance is that
    of the shorter way; its eigenvalues are then one Fourier transform (circulant embedding,
    Dietrich and Newsam, SIAM J. Sci. Comput. 18:1088, 1997).

    kernel: a stationary one; its lengths are in samples. circle: for a periodic kernel, its period.

    Raises ValueError for a kernel that no circle up to 64 times the grid can hold.
    """
    for size in [circle] if circle else [samples * 2**k for k in range(1, 7)]:
        lags = np.minimum(np.arange(size), size - np.arange(size))
        covariance = kernel(lags[:, None].astype(float), np.zeros((1, 1)))[:, 0]
        eigenvalues = np.fft.fft(covariance).real
        if eigenvalues.min() > -1e-6 * eigenvalues.max():  # round-off apart
            white = rng.standard_normal((2, size))
            spectrum = np.sqrt(np.maximum(eigenvalues, 0)) * (white[0] + 1j * white[1])
            return np.resize((np.fft.fft(spectrum) / np.sqrt(size)).real, samples)
    raise ValueError(
        f"{kernel} is too long for a grid of {samples} samples; give a shorter length scale."
    )


def _periodic(length: float, period: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    # Near lag 0 this kernel is the squared exponential of that length.
    kernel = ExpSineSquared(length_scale=2 * np.pi * length / period, periodicity=period)
    return sample_stationary(kernel, samples, rng, circle=period)


def _phase_randomised(signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(signal.astype(float))
    free = slice(1, (len(signal) + 1) // 2)  # the mean and, of an even length, the last are real
    turns = rng.uniform(0, 2 * np.pi, len(spectrum[free]))
    spectrum[free] = np.abs(spectrum[free]) * np.exp(1j * turns)
    return np.fft.irfft(spectrum, len(signal))


def beats(r_peaks: np.ndarray, fs: float, samples: int) -> list[tuple[int, int]]:
    """The stretch [start, end) of each whole beat, in samples; stretches never overlap."""
    rr = np.diff(r_peaks)
    before = np.minimum(BEFORE_S * fs, BEFORE_SHARE * np.concatenate([rr[:1], rr])).astype(int)
    after = np.minimum(AFTER_S * fs, AFTER_SHARE * np.concatenate([rr, rr[-1:]])).astype(int)
    spans = zip((r_peaks - before).tolist(), (r_peaks + after).tolist(), strict=True)
    return [(start, end) for start, end in spans if start >= 0 and end <= samples]


def _shuffled(
    signal: np.ndarray, fs: float, rng: np.random.Generator, r_peaks: np.ndarray
) -> np.ndarray:
    """Beats whole, in random order, with random pauses between them, bridged by straight lines."""
    spans = beats(r_peaks, fs, len(signal))
    spans = [spans[i] for i in rng.permutation(len(spans))]
    free = len(signal) - sum(end - start for start, end in spans)
    # Points dropped at random on a line cut it into independent pauses; none is shorter than one
    # sample.
    cuts = np.sort(rng.choice(np.arange(1, free), len(spans), replace=False))
    pauses = np.diff(cuts, prepend=0)
    time, values, now = [], [], 0
    for (start, end), pause in zip(spans, pauses, strict=True):
        now += pause
        time.append(np.arange(now, now + end - start))
        values.append(signal[start:end])
        now += end - start
    return np.interp(np.arange(len(signal)), np.concatenate(time), np.concatenate(values))
