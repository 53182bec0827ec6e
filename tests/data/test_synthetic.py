import numpy as np
import pytest
from scipy.signal import find_peaks

from ecglib.data.synthetic import controlled_beats, load_synthetic
from ecglib.experiments.survey import heart_rates, irregularity, per_record


@pytest.fixture(scope="module")
def records():
    return load_synthetic(200)


def of(records, i, kind):
    return records.waves[i][records.waves[i]["kind"] == kind]


def test_two_hundred_different_records_of_ten_seconds(records):
    assert (records.signals.shape, records.fs) == ((200, 5000), 500)
    assert records.signals.dtype == np.float32
    assert len(set(records.ids)) == len({signal.tobytes() for signal in records.signals}) == 200


def test_a_record_depends_on_seed_and_place_alone(records):
    few = load_synthetic(3)
    assert np.array_equal(few.signals, records.signals[:3])
    assert all(np.array_equal(a, b) for a, b in zip(few.waves, records.waves, strict=False))
    assert not np.array_equal(load_synthetic(3, seed=1).signals, few.signals)


def test_no_records_are_refused():
    with pytest.raises(ValueError, match="n_records is 0"):
        load_synthetic(0)


def test_waves_lie_in_the_record_and_in_order(records):
    for waves in records.waves:
        assert (waves["onset"] >= 0).all()
        assert (waves["onset"] < waves["peak"]).all()
        assert (waves["peak"] < waves["offset"]).all()
        assert (waves["offset"] < 5000).all()
        assert (np.diff(waves["peak"]) > 0).all()


def test_the_annotated_r_peak_is_the_largest_deflection_of_its_complex(records):
    off = []
    for i in range(len(records)):
        for onset, peak, offset in of(records, i, "qrs")[["onset", "peak", "offset"]]:
            piece = records.signals[i, onset : offset + 1]
            off.append(onset + np.argmax(np.abs(piece - np.median(piece))) - peak)
    assert np.mean(np.abs(off) <= 2) > 0.98


def test_t_peaks_are_where_the_signal_peaks(records):
    distances = []
    for i in range(len(records)):
        if "Biphasic T wave" in records.diagnoses[i]:
            continue
        sign = -1 if "Inverted T wave" in records.diagnoses[i] else 1
        for wave in of(records, i, "t"):
            piece = sign * records.signals[i, wave["onset"] : wave["offset"] + 1]
            smooth = np.convolve(piece, np.ones(9) / 9, "same")[9:-9]
            distances.append(wave["onset"] + 9 + np.argmax(smooth) - wave["peak"])
    assert np.median(np.abs(distances)) <= 3
    assert np.mean(np.abs(distances) <= 15) > 0.95


def test_onsets_and_offsets_bound_the_wave(records):
    """Of a T wave's energy over its neighbourhood next to nothing is outside its bounds."""
    beats = controlled_beats([100], [160])
    onset, offset = beats.t_peak[0] - 40, beats.t_peak[0] + 40
    later = beats.signals[0, 280:]
    inside = later[int(onset) - 280 : int(offset) - 279]
    assert np.sum(inside**2) / np.sum(later**2) > 0.99


@pytest.mark.parametrize(
    ("measure", "ludb", "within"),
    [
        ("P", 100, 0.1),
        ("QRS", 90, 0.1),
        ("T", 180, 0.1),
        ("RR", 900, 0.05),
        ("R-T", 268, 0.05),
        ("amplitude", 1.7, 0.15),
    ],
)
def test_durations_delays_and_amplitudes_are_like_lead_v6(records, measure, ludb, within):
    assert np.nanmedian(per_record(records)[measure]) == pytest.approx(ludb, rel=within)


def test_delays_and_amplitudes_spread_as_in_lead_v6(records):
    measured = per_record(records)
    assert np.nanpercentile(measured["R-T"], [5, 95]) == pytest.approx([218, 336], rel=0.1)
    assert measured["amplitude"].min() > 0.4 and measured["amplitude"].max() < 9


def test_every_rhythm_is_what_it_says(records):
    spread, rate = {}, {}
    for rhythm in set(records.rhythms):
        chosen = records.subset(np.array(records.rhythms) == rhythm)
        spread[rhythm] = np.median(irregularity(chosen))
        rate[rhythm] = np.median(heart_rates(chosen))
    assert rate["Sinus bradycardia"] < 60 < rate["Sinus rhythm"] < 100
    assert rate["Sinus tachycardia"] > 100
    assert spread["Sinus rhythm"] < 0.05 < spread["Sinus arrhythmia"] < 0.15
    assert spread["Atrial fibrillation"] > 0.15


def test_findings_are_what_they_say(records):
    seen = set()
    for i, found in enumerate(records.diagnoses):
        seen.update(found)
        t_peaks, sample = records.peaks(i, "t"), records.signals[i]
        assert (len(t_peaks) == 0) == ("No T wave" in found)
        if "Inverted T wave" in found or not found:
            level = np.median(sample)
            heights = np.median(sample[t_peaks]) - level
            assert (heights < 0) == ("Inverted T wave" in found)
        absent = "No P wave" in found or records.rhythms[i] == "Atrial fibrillation"
        assert (len(records.peaks(i, "p")) == 0) == absent
    assert seen == {
        "No T wave",
        "Inverted T wave",
        "Biphasic T wave",
        "No P wave",
        "Inverted P wave",
        "Wide QRS complex",
        "Negative QRS complex",
    }


def test_some_records_are_healthy(records):
    assert 40 < records.healthy.sum() < 160


def test_controlled_beats_have_their_t_peak_where_they_say():
    beats = controlled_beats(np.arange(0, 301, 50), (80.0, 160.0))
    assert beats.signals.shape == (14, 512) and beats.signals.dtype == np.float32
    assert beats.width_ms[:2].tolist() == [80, 160]
    for signal, t_peak in zip(beats.signals, beats.t_peak, strict=True):
        assert np.argmax(signal) == 256
        peaks, _ = find_peaks(signal[280:], height=0.1)
        assert len(peaks) == 1
        assert abs(280 + peaks[0] - t_peak) <= 1
        assert signal[280 + peaks[0]] == pytest.approx(0.3, abs=0.005)


def test_controlled_beats_are_alike_but_for_the_t_wave():
    beats = controlled_beats([0, 300], (160.0,))
    assert np.abs(beats.signals[0, :250] - beats.signals[1, :250]).max() < 0.001
    assert beats.t_peak[1] - beats.t_peak[0] == 150


def test_a_width_is_the_time_above_a_small_share_of_the_height():
    (signal,) = controlled_beats([150], [160]).signals
    above = np.flatnonzero(signal[290:] > 0.3 * np.exp(-0.5 * 2.5**2))
    assert np.ptp(above) * 2 == pytest.approx(160, abs=4)


@pytest.mark.parametrize(("displacement", "width"), [(300, 200), (0, 240), (0, 0), (-60, 100)])
def test_a_t_wave_without_room_is_refused(displacement, width):
    with pytest.raises(ValueError, match=f"T wave of {width} ms displaced by {displacement} ms"):
        controlled_beats([displacement], [width])
