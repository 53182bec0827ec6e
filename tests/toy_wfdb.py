"""WFDB records written byte by byte, for tests: what a header says and what a file holds."""

import re

import numpy as np
import soundfile

FS = 500
R_PEAKS = [250, 650, 1050, 1450, 1850, 2250, 2650, 3050, 3450, 3850, 4250, 4650]
# Of each beat: delay (s), size (mV), width (s).
WAVES = ((-0.16, 0.12, 0.025), (0, 1.0, 0.012), (0.03, -0.13, 0.008), (0.25, 0.3, 0.05))


def x(seconds=10.0, fs=FS):
    """An ECG of Gaussian waves, (samples,) mV: R of 1 mV every 0.8 s from 0.5 s on."""
    time = np.arange(round(seconds * fs)) / fs
    into_beat = (time - 0.5 + 0.4) % 0.8 - 0.4  # from -0.4 to 0.4 s
    return sum(
        size * np.exp(-0.5 * ((into_beat - delay) / width) ** 2) for delay, size, width in WAVES
    )


def noisy(seed, seconds=10.0, fs=FS):
    """x with a rate and a noise of its own, so that no two are alike."""
    random = np.random.default_rng(seed)
    return x(seconds, fs) + 0.03 * random.standard_normal(round(seconds * fs))


def microvolts(signal):
    return np.round(1000 * np.asarray(signal)).astype(int)


def checksum(digital):
    return (int(np.sum(digital)) + 2**15) % 2**16 - 2**15


def write(folder, name, digital, line="16 1000(0)/mV 16 0 0 {checksum} 0 V6", record="{fs} {n}"):
    """A record of one signal: digital, (samples,), stored as `line` and `record` say."""
    line = line.format(checksum=checksum(digital))
    record = record.format(fs=FS, n=len(digital))
    (folder / f"{name}.dat").parent.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.dat").write_bytes(ENCODED[re.match(r"\d+", line)[0]](digital))
    stem = name.rpartition("/")[2]
    (folder / f"{name}.hea").write_bytes(f"{stem} 1 {record}\n{stem}.dat {line}\n".encode())
    return folder / name


def _pairs(samples):
    """Format 212: two samples in three bytes."""
    a, b = (np.pad(samples, (0, len(samples) % 2)) & 0xFFF).reshape(-1, 2).T
    return np.stack([a & 255, (a >> 8) | (b >> 8) << 4, b & 255], 1).astype("u1").tobytes()


def _triplets(samples):
    """The samples in threes, each of 10 bits, as signal(5) has them for formats 310 and 311."""
    return (np.pad(samples, (0, -len(samples) % 3)) & 0x3FF).reshape(-1, 3).T


def _310(samples):
    a, b, c = _triplets(samples)
    words = [(a & 0x7F) << 1 | (a >> 7) << 8 | (c & 0x1F) << 11]
    words.append((b & 0x7F) << 1 | (b >> 7) << 8 | (c >> 5) << 11)
    return np.stack(words, 1).astype("<u2").tobytes()


def _311(samples):
    a, b, c = _triplets(samples)
    return (a | b << 10 | c << 20).astype("<u4").tobytes()


def _24(samples):
    return samples.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()


def flac(path, samples, bits):
    """A FLAC file of one channel; soundfile takes samples at the top of their word."""
    wide = samples.astype("i4") << (32 - bits)
    subtype = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}[bits]
    soundfile.write(path, wide, FS, format="FLAC", subtype=subtype)


ENCODED = {
    "8": lambda d: np.diff(d, prepend=0).astype("i1").tobytes(),
    "16": lambda d: d.astype("<i2").tobytes(),
    "24": _24,
    "32": lambda d: d.astype("<i4").tobytes(),
    "61": lambda d: d.astype(">i2").tobytes(),
    "80": lambda d: (d + 128).astype("u1").tobytes(),
    "160": lambda d: (d + 32768).astype("<u2").tobytes(),
    "212": _pairs,
    "310": _310,
    "311": _311,
}
