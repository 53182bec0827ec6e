"""Records that are not LUDB's: written here with wfdb, most at 360 Hz."""

import warnings

import numpy as np
import pytest
import wfdb

from ecglib.data.synthetic import load_synthetic
from ecglib.data.wfdb_folder import load_wfdb

FS = 360


@pytest.fixture(scope="module")
def model():
    return load_synthetic(4, seed=3)


def write(folder, name, signal, leads=("V5", "V6"), units="mV", fmt="16"):
    """Write `signal`, (samples,) in `units` at 360 Hz, as the second lead of a record."""
    wfdb.wrsamp(
        name,
        fs=FS,
        units=[units] * 2,
        sig_name=list(leads),
        p_signal=np.column_stack([np.zeros(len(signal)), signal]),
        fmt=[fmt] * 2,
        adc_gain=[1000.0] * 2,
        baseline=[0] * 2,
        write_dir=str(folder),
    )


def annotate(folder, name, extension, samples, symbols):
    wfdb.wrann(name, extension, np.array(samples), symbols, fs=FS, write_dir=str(folder))


def at(model, record, seconds=10.0):
    """A synthetic record's signal, (samples,) mV at 360 Hz."""
    time = np.arange(round(seconds * FS)) / FS
    return np.interp(time, np.arange(5000) / 500, model.signals[record])


def f1(found, true, within):
    near = np.abs(np.subtract.outer(found, true)) <= within
    return 2 * min(near.any(0).sum(), near.any(1).sum()) / (len(found) + len(true))


def test_a_record_at_360_hz_comes_out_at_500(model, tmp_path):
    write(tmp_path, "mine", at(model, 0))
    records = load_wfdb(tmp_path / "mine", "v6")
    assert (records.fs, records.signals.shape) == (500, (1, 5000))
    assert records.signals.dtype == np.float32
    assert (records.ids, records.lead, records.source) == (("mine",), "v6", "mine")
    assert not records.healthy.any() and records.rhythms == ("",)
    difference = records.signals[0, 50:-50] - model.signals[0, 50:-50]
    assert np.sqrt(np.mean(difference**2)) < 0.03
    assert np.corrcoef(records.signals[0], model.signals[0])[0, 1] > 0.99


@pytest.mark.parametrize("ending", ["", ".hea", ".dat"])
def test_a_record_is_named_with_or_without_an_extension(model, tmp_path, ending):
    write(tmp_path, "mine", at(model, 0))
    assert load_wfdb(f"{tmp_path / 'mine'}{ending}").ids == ("mine",)


def test_r_peaks_are_detected_where_nothing_is_annotated(model, tmp_path, capsys):
    for record in range(4):
        write(tmp_path, f"r{record}", at(model, record))
    records = load_wfdb(tmp_path)
    for record in range(4):
        true, found = model.peaks(record, "qrs"), records.peaks(record, "qrs")
        assert f1(found, true, within=10) > 0.9
        assert set(records.waves[record]["kind"]) == {"qrs"}
        assert (records.waves[record]["onset"] == -1).all()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("extension", ["atr", "qrs", "V"])
def test_annotation_is_read_and_moved_to_500_hz(model, tmp_path, extension):
    leads = ("V5", "V") if extension == "V" else ("V5", "V6")
    write(tmp_path, "mine", at(model, 0), leads=leads)
    marks = [36, 350, 360, 371, 720, 3599]
    annotate(tmp_path, "mine", extension, marks, ["+", "(", "N", ")", "V", "N"])
    waves = load_wfdb(tmp_path / "mine", leads[1]).waves[0]
    assert waves.tolist() == [("qrs", 486, 500, 515), ("qrs", -1, 1000, -1), ("qrs", -1, 4999, -1)]


def test_the_leads_own_annotation_goes_before_the_records(model, tmp_path):
    write(tmp_path, "mine", at(model, 0), leads=("V5", "V"))
    annotate(tmp_path, "mine", "v", [720], ["N"])
    annotate(tmp_path, "mine", "atr", [1080], ["N"])
    assert load_wfdb(tmp_path, "v").peaks(0, "qrs").tolist() == [1000]


def test_only_the_first_ten_seconds_are_taken(model, tmp_path):
    write(tmp_path, "long", np.tile(at(model, 0), 3))
    hours_later = 8_589_935  # times 500 it is more than 32 bits hold
    annotate(tmp_path, "long", "atr", [360, 5000, hours_later], ["N"] * 3)
    with pytest.warns(UserWarning, match="long: 1 of its annotated waves are outside it"):
        records = load_wfdb(tmp_path / "long")
    assert records.signals.shape == (1, 5000)
    assert records.peaks(0, "qrs").tolist() == [500]


def test_what_was_done_is_noted_and_only_what_is_doubtful_warned_of(model, tmp_path):
    write(tmp_path, "mine", at(model, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        records = load_wfdb(tmp_path / "mine")
    assert records.notes == (
        "1 of 1 records are resampled to 500 Hz, from 360 Hz.",
        "1 of 1 records have no annotation (v6, atr or qrs): their R peaks are detected.",
    )


def test_a_folder_is_cut_to_its_shortest_record_and_says_so(model, tmp_path):
    write(tmp_path, "r1", at(model, 0))
    write(tmp_path, "r2", at(model, 1, seconds=6.0))
    with pytest.warns(UserWarning, match="all are cut to the shortest's 6 s"):
        records = load_wfdb(tmp_path)
    assert records.signals.shape == (2, 3000)
    assert all((waves["peak"] < 3000).all() for waves in records.waves)


def test_records_come_in_the_order_of_their_numbers_from_all_subfolders(model, tmp_path):
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(("r10", "r2", "r1")):
        write(tmp_path, name, at(model, i))
    write(tmp_path / "sub", "a", at(model, 3))
    records = load_wfdb(tmp_path)
    assert records.ids == ("r1", "r2", "r10", "sub/a")
    assert records.source == tmp_path.name


def test_units_are_converted(model, tmp_path):
    write(tmp_path, "mine", at(model, 0) * 1000, units="uV", fmt="32")
    records = load_wfdb(tmp_path / "mine")
    assert np.ptp(records.signals) == pytest.approx(np.ptp(at(model, 0)), rel=0.05)


def test_a_record_in_segments_is_one_record(model, tmp_path):
    signal = at(model, 0)
    write(tmp_path, "s1", signal[:1800])
    write(tmp_path, "s2", signal[1800:])
    (tmp_path / "whole.hea").write_text("whole/2 2 360 3600\ns1 1800\ns2 1800\n")
    records = load_wfdb(tmp_path)
    assert records.ids == ("whole",)
    assert np.corrcoef(records.signals[0], model.signals[0])[0, 1] > 0.99


def spoil(folder, name, kind, model):
    signal = at(model, 0)
    if kind == "nan":
        signal[100:103] = np.nan
    elif kind == "short":
        signal = signal[: 3 * FS]
    elif kind == "flat":
        signal[:] = 0.5
    leads = ("I", "II") if kind == "lead" else ("V5", "V6")
    write(folder, name, signal, leads, units="mmHg" if kind == "unit" else "mV")
    header = folder / f"{name}.hea"
    if kind == "outside":
        header.write_text(header.read_text().replace(f"{name}.dat", "../elsewhere.dat"))
    elif kind == "absolute":
        header.write_text(header.read_text().replace(f"{name}.dat", "/etc/hostname"))
    elif kind == "segment":
        header.write_text(f"{name}/1 2 360 3600\n../elsewhere 3600\n")
    elif kind == "missing":
        (folder / f"{name}.dat").unlink()
    elif kind == "truncated":
        (folder / f"{name}.dat").write_bytes(b"1234567")
    elif kind == "garbled":
        header.write_text("what is this\n")
    elif kind == "empty":
        header.write_text("")
    elif kind == "beatless":
        annotate(folder, name, "atr", [10], ["+"])


FAULTS = {
    "nan": r"record bad has 3 samples without a value \(NaN\)",
    "short": "record bad is too short: 3 s, where 4 s are needed",
    "flat": "record bad is flat",
    "lead": 'record bad has no lead "v6": its leads are I, II',
    "unit": 'record bad has its lead V6 in "mmHg", not in volts',
    "outside": r'record bad is refused: its header names "\.\./elsewhere\.dat"',
    "absolute": 'record bad is refused: its header names "/etc/hostname"',
    "segment": r'record bad is refused: its header names "\.\./elsewhere"',
    "missing": r"record bad cannot be read \(FileNotFoundError",
    "truncated": "record bad cannot be read",
    "garbled": "record bad cannot be read",
    "empty": "record bad cannot be read",
    "beatless": "record bad has no R peak",
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_wrong_with_a_record_is_said_and_a_folder_goes_on_without_it(model, tmp_path, kind):
    spoil(tmp_path, "bad", kind, model)
    with pytest.raises(ValueError, match=FAULTS[kind]) as error:
        load_wfdb(tmp_path / "bad")
    write(tmp_path, "good", at(model, 0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        assert load_wfdb(tmp_path).ids == ("good",)
    (warning,) = [str(w.message) for w in caught if w.category is UserWarning]
    assert "1 of 2 records are left out: bad " in warning
    assert "\n" not in f"{error.value}{warning}"


def test_a_folder_with_nothing_fit_is_an_error(model, tmp_path):
    spoil(tmp_path, "bad", "flat", model)
    spoil(tmp_path, "worse", "nan", model)
    with pytest.raises(ValueError, match="of 2 records none can be used, record bad is flat"):
        load_wfdb(tmp_path)


def test_many_left_out_are_counted(model, tmp_path):
    write(tmp_path, "good", at(model, 0))
    for i in range(13):
        spoil(tmp_path, f"bad{i}", "short", model)
    with pytest.warns(UserWarning, match=r"13 of 14 records are left out: bad0 .*; and 3 more\."):
        load_wfdb(tmp_path)


def test_no_record_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no WFDB record"):
        load_wfdb(tmp_path)
    with pytest.raises(FileNotFoundError, match='no data set "ludbb": give "ludb", "synthetic"'):
        load_wfdb("ludbb")
