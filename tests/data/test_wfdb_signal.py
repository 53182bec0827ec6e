"""wfdb-python's sample records again in miniature: formats, frames, segments, skew, no length."""

import numpy as np
import pytest
from toy_wfdb import R_PEAKS, checksum, flac, microvolts, write, x

from ecglib.data.wfdb_folder import load_wfdb

FORMATS = {  # and the units of a mV that it has room for
    "8": 100, "16": 1000, "24": 1000, "32": 1000, "61": 1000, "80": 100, "160": 1000, "212": 1000,
    "310": 400, "311": 400,
}  # fmt: skip


def is_x(records, step):
    """Whether the records are x alone, to half a step (mV) of what it was stored with."""
    n = records.signals.shape[1]
    assert np.abs(records.signals[0] - x()[:n]).max() <= 0.51 * step
    assert records.peaks(0, "qrs").tolist() == [peak for peak in R_PEAKS if peak < n]
    assert not [note for note in records.notes if "Not all is well" in note]
    return True


@pytest.mark.parametrize("samples", [5000, 4999, 4998])
@pytest.mark.parametrize("code", FORMATS)
def test_a_format_is_read(tmp_path, code, samples):
    gain = FORMATS[code]
    digital = np.round(x()[:samples] * gain).astype(int)
    path = write(tmp_path, "a", digital, f"{code} {gain}/mV 16 0 0 {{checksum}} 0 V6")
    records = load_wfdb(path)
    assert records.signals.shape == (1, samples)
    assert is_x(records, 1 / gain)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_a_flac_file_is_read(tmp_path, bits):
    digital = np.round(x() * 100).astype(int)
    flac(tmp_path / "a.dat", digital, bits)
    line = f"a.dat {500 + bits} 100/mV 16 0 0 {checksum(digital)} 0 V6"
    (tmp_path / "a.hea").write_text(f"a 1 500 5000\n{line}\n")
    assert is_x(load_wfdb(tmp_path / "a"), 0.01)


def test_several_samples_a_frame_are_of_a_higher_rate(tmp_path):
    """Beside them a signal of one sample a frame, in the same file."""
    frames = np.column_stack([np.arange(1000), microvolts(x()).reshape(1000, 5)])
    (tmp_path / "a.dat").write_bytes(frames.astype("<i2").tobytes())
    (tmp_path / "a.hea").write_text(
        "a 2 100 1000\na.dat 16 1000 16 0 0 0 0 resp\n"
        f"a.dat 16x5 1000 16 0 0 {checksum(microvolts(x()))} 0 V6\n"
    )
    assert is_x(load_wfdb(tmp_path / "a"), 0.001)


def test_skew_is_taken_out_and_the_record_is_so_much_shorter(tmp_path):
    late = np.concatenate([[77] * 12, microvolts(x()), microvolts(x())])[:5000]
    records = load_wfdb(write(tmp_path, "a", late, "16:12 1000 16 0 0 0 0 V6"))
    assert records.signals.shape == (1, 4988)
    assert is_x(records, 0.001)


def test_signals_of_unlike_skew_are_aligned(tmp_path):
    late = np.concatenate([[0] * 12, microvolts(x(11))])
    both = np.column_stack([late[7:5007], late[:5000]])
    (tmp_path / "a.dat").write_bytes(both.astype("<i2").tobytes())
    lines = [f"a.dat 16:{skew} 1000 16 0 0 0 0 {name}" for skew, name in ((5, "V5"), (12, "V6"))]
    (tmp_path / "a.hea").write_text("\n".join(["a 2 500 5000", *lines]))
    for lead in ("v5", "v6"):
        assert is_x(load_wfdb(tmp_path / "a", lead), 0.001)


def test_bytes_before_the_samples_are_passed_over(tmp_path):
    path = write(tmp_path, "a", microvolts(x()), "16+30 1000 16 0 0 {checksum} 0 V6")
    (tmp_path / "a.dat").write_bytes(b"?" * 30 + (tmp_path / "a.dat").read_bytes())
    assert is_x(load_wfdb(path), 0.001)


@pytest.mark.parametrize("record", ["{fs}", "{fs} 0", "{fs}/360(-5.5) {n} 12:00:00 01/02/2003"])
def test_a_record_without_a_length_is_as_long_as_its_file(tmp_path, record):
    assert is_x(load_wfdb(write(tmp_path, "a", microvolts(x()), record=record)), 0.001)


def segments(folder, layout=False, gap=""):
    """x in two segments of 2 and 8 s, with gains of their own, and what is between them."""
    write(folder, "s1", microvolts(x()[:1000]))
    write(folder, "s2", np.round(x()[1000:] * 500).astype(int), "16 500 16 0 0 {checksum} 0 V6")
    lines = ["s1 1000", *([gap] if gap else []), "s2 4000"]
    if layout:
        (folder / "all.hea").write_text("all 2 500 0\n~ 0 1 16 0 0 0 0 V5\n~ 0 1 16 0 0 0 0 V6\n")
        lines = ["all 0", *lines]
    total = sum(int(line.split()[1]) for line in lines)
    (folder / "m.hea").write_text(f"m/{len(lines)} {1 + layout} 500 {total}\n" + "\n".join(lines))


@pytest.mark.parametrize("layout", [False, True])
def test_segments_are_one_record_with_a_gain_each(tmp_path, layout):
    segments(tmp_path, layout)
    records = load_wfdb(tmp_path)
    assert records.ids == ("m",)
    assert is_x(records, 0.002)


@pytest.mark.parametrize("layout", [False, True])
def test_a_gap_in_the_first_ten_seconds_is_no_signal(tmp_path, layout):
    segments(tmp_path, layout, gap="~ 250")
    with pytest.raises(ValueError, match=r"record m has 250 samples without a value \(NaN\)"):
        load_wfdb(tmp_path)
    (tmp_path / "m.hea").unlink()
    segments(tmp_path, layout)
    text = (tmp_path / "m.hea").read_text()
    n = len(text.splitlines()) - 1
    (tmp_path / "m.hea").write_text(text.replace(f"m/{n}", f"m/{n + 1}").replace("5000", "5250"))
    with open(tmp_path / "m.hea", "a") as file:
        file.write("\n~ 250\n")
    assert is_x(load_wfdb(tmp_path), 0.002)


RATES = [100, 128, 250, 257, 360, 500, 999.56, 1000]


@pytest.mark.parametrize("fs", RATES)
def test_any_rate_comes_out_at_500_hz(tmp_path, fs):
    n = int(10 * fs) - 2  # and not quite 10 s
    signal = x(11, fs)[:n]
    records = load_wfdb(write(tmp_path, "a", microvolts(signal), record=f"{fs} {n}"))
    assert 5000 - 2 * 500 / fs - 1 <= records.signals.shape[1] <= 5000
    at = records.peaks(0, "qrs")
    assert np.abs(at - R_PEAKS).max() <= max(1, 250 / fs)
    inner = slice(50, -50)
    error = records.signals[0, inner] - x()[: records.signals.shape[1]][inner]
    assert np.abs(error).max() < (0.02 if fs >= 250 else 0.15)
