"""Own records: few, short, without a rhythm, without marks, with odd names; and what is said then.

Each table holds (name, what is given, what is right).
"""

import html
import json
import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import papermill
import pytest
import wfdb
import yaml
from markdown_it import MarkdownIt
from toy_records import records_by_hand

from ecglib.data.records import FS, Unsuited
from ecglib.data.synthetic import load_synthetic
from ecglib.data.windows import Windows, beat_windows
from ecglib.estimates import Estimate, bootstrap, change_point
from ecglib.experiments import one_cycle, region_errors, suited, survey, t_waves, variations
from ecglib.experiments.interpolation import four_seconds, patient_pairs, score_paths
from ecglib.experiments.paths import latent_path
from ecglib.experiments.processes import CONTROLS
from ecglib.experiments.reconstruction import mean_explained, peaks_found, power_ratio
from ecglib.experiments.regions import Condition, fit_conditions, prepare_study, region_of
from ecglib.pages import data_figures, intervals, path_figures, region_figures, tables
from ecglib.pages.reading import filled
from ecglib.pages.style import nothing_to_draw
from ecglib.pages.widgets import frame_explorer, png


def ecg(seconds=10.0, rr=0.8, first=0.5, fs=FS):
    """An ECG of 1 mV, R peaks every `rr` seconds from `first` on, and its R peaks, samples."""
    time = np.arange(round(seconds * fs)) / fs
    at = np.arange(first, seconds, rr)
    signal = sum(np.exp(-0.5 * ((time - r) / 0.012) ** 2) for r in at)
    # Never quite flat between its waves.
    signal = (
        signal
        + 0.01 * np.sin(50 * time)
        + sum(0.3 * np.exp(-0.5 * ((time - r - 0.28) / 0.04) ** 2) for r in at)
    )
    return signal, np.round(at * fs).astype(int)


def marked_r_only(n, seconds=10.0, first=0.5):
    """Records of a patient each that are marked at their R peaks alone."""
    made = [ecg(seconds, 0.7 + 0.02 * (i % 10), first) for i in range(n)]
    signals, peaks = zip(*made, strict=True)
    return records_by_hand(signals, [[("qrs", -1, r, -1) for r in found] for found in peaks])


def study_of(records, cycles=4.0, steps=2):
    return prepare_study(records, None, longest_cycles=cycles, steps=steps, seed=0, device="cpu")


SILENT = records_by_hand(np.zeros((8, 5000)))
AT_THE_EDGE = records_by_hand(np.ones((8, 5000)), [[("qrs", -1, 20, -1)]] * 8)
ROOT = Path(__file__).resolve().parents[2]
EIGHT = "at least 8 records, of a patient each, are needed"

# What the first data cell of a chapter is given, and the sentence that it raises.
UNSUITED = [
    ("02 and 04: one record", lambda: four_seconds(marked_r_only(1)), f"{EIGHT}.* there is 1\\."),
    ("02: three records", lambda: four_seconds(marked_r_only(3)), f"{EIGHT}.* there are 3\\."),
    ("02: seven records", lambda: four_seconds(marked_r_only(7)), f"{EIGHT}.* there are 7\\."),
    ("03: one record", lambda: one_cycle.beats_of(marked_r_only(1)), EIGHT),
    ("03: five records", lambda: one_cycle.beats_of(marked_r_only(5)), f"{EIGHT}.* there are 5\\."),
    ("02: 3.5 s", lambda: four_seconds(marked_r_only(8, 3.5)), "at least 4 s .* these have 3.5 s"),
    ("02: no beat", lambda: four_seconds(SILENT), "8 records 8 have none, the first is 0"),
    ("03: no beat", lambda: one_cycle.beats_of(SILENT), "no R peak has a whole window of 1.02 s"),
    (
        "03: beats at the edge",
        lambda: one_cycle.beats_of(AT_THE_EDGE),
        "no R peak has a whole window of 1.02 s .* 8 records",
    ),
    (
        "05 to 07: no room for the cycles",
        lambda: study_of(marked_r_only(1), 13.0),
        "room for 13 of its cycles in 90% .* 10 s",
    ),
    ("05 to 07: no rhythm", lambda: study_of(SILENT), "3 R peaks.* of the 8 of by hand"),
    ("05 to 07: short", lambda: study_of(marked_r_only(9, 3.0)), "the 9 of by hand, each of 3 s"),
]


@pytest.mark.parametrize(("given", "said"), [c[1:] for c in UNSUITED], ids=[c[0] for c in UNSUITED])
def test_records_that_cannot_do_a_chapter_are_said_to_be_unsuited(given, said):
    with pytest.raises(Unsuited, match=said) as raised:
        given()
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


def test_one_test_patient_with_whole_beats_is_not_enough():
    signals = np.zeros((3, 512))
    alone = Windows(signals, 500.0, np.zeros(3, int), np.zeros(3, int), (np.array([]),) * 3)
    two = Windows(signals, 500.0, np.arange(3), np.zeros(3, int), (np.array([]),) * 3)
    with pytest.raises(Unsuited, match=r"at least 2 test records .* 0\.51 s .* there is 1\."):
        suited.need_beats(two, alone)


# Seconds, and what of them is not punished where it is from 2 to 9.8 s in ten; samples at 500 Hz.
LENGTHS = [(10.0, (1000, 4900)), (9.0, (900, 4410)), (7.3, (730, 3577)), (4.0, (400, 1960))]


@pytest.mark.parametrize(("seconds", "region"), LENGTHS)
def test_the_region_is_the_same_share_of_a_record_of_any_length(seconds, region):
    study = study_of(marked_r_only(1, seconds), cycles=2.0)
    assert region_of(study, Condition(), 0) == region
    conditions = [
        Condition(p=7),
        Condition(p=10, cycles=0.25),
        *(Condition(process=process, region=(500, 2000)) for process in CONTROLS),
    ]
    for outcome in fit_conditions(study, conditions).values():
        assert outcome.reconstructions.shape == (1, round(seconds * 500))
        assert np.isfinite(outcome.inside).all() and np.isfinite(outcome.outside).all()


# Where a record is flat, s; chapters 05 and 06 use it, chapter 07, which observes half a cycle.
FLAT = [
    ("nowhere", (0, 0), True, True),
    ("the first half second", (0, 0.5), True, False),
    ("the last half second", (9.5, 10), True, False),
    ("the whole region", (1.95, 9.85), False, False),
    ("outside the region", (0, 2), True, False),
    ("outside the region, both ends", (-0.3, 2), False, False),
]


@pytest.mark.parametrize(
    ("flat", "by_region", "by_cycles"), [c[1:] for c in FLAT], ids=[c[0] for c in FLAT]
)
def test_a_record_that_is_flat_where_an_error_is_measured_is_passed_over(
    flat, by_region, by_cycles
):
    whole, (signal, _) = ecg(rr=0.9)[0], ecg(rr=0.6)
    start, end = (round(at * FS) for at in flat)
    signal[np.arange(start, end)] = 0.0
    records = records_by_hand([whole, signal])
    options = {"longest_cycles": 4.0, "steps": 2, "seed": 0, "device": "cpu"}
    study = prepare_study(records, None, **options)
    assert study.ids == (("0", "1") if by_region else ("0",))
    study = prepare_study(records, None, shortest_cycles=0.5, **options)
    assert study.ids == (("0", "1") if by_cycles else ("0",))
    assert len(suited.limits_of_left_out(study.left_out)) == (not by_cycles)


# Records (or pairs) behind an estimate, and whether it has an interval.
ONE_PAIR = np.array([[0, 1]])
INTERVALS = [
    ("none", bootstrap(np.zeros(0)), False),
    ("no pair", bootstrap(np.zeros((2, 0)), np.zeros((0, 2), int)), False),
    ("one record", bootstrap([0.5]), False),
    ("one record, three networks", bootstrap([[0.4], [0.5], [0.6]]), False),
    ("many windows of one record", bootstrap(np.arange(9.0), np.zeros(9, int)), False),
    ("one pair", bootstrap([0.5], ONE_PAIR), False),
    ("many beats of one pair", bootstrap(np.arange(4.0), np.tile(ONE_PAIR, (4, 1))), False),
    ("the same pair either way", bootstrap([0.1, 0.9], np.array([[0, 1], [1, 0]])), False),
    ("one record's bend", change_point([0.5, 1, 2, 4], np.array([[4.0, 2, 1, 1]])), False),
    ("two records", bootstrap([0.4, 0.6]), True),
    ("two records that are equal", bootstrap([0.5, 0.5]), True),
    ("three pairs", bootstrap([0.1, 0.2, 0.3], np.array([[0, 1], [0, 2], [1, 2]])), True),
]


@pytest.mark.parametrize(
    ("estimate", "known"), [c[1:] for c in INTERVALS], ids=[c[0] for c in INTERVALS]
)
def test_an_interval_over_one_record_or_pair_is_not_defined(estimate, known):
    assert np.isfinite([estimate.low, estimate.high]).all() == known == estimate.known


UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0)
SAID = [
    (UNKNOWN, "not defined"),
    (Estimate(0.5, np.nan, np.nan, 1), "0.50 (interval not defined)"),
    (Estimate(np.inf, 0.5, np.inf, 9), "beyond the range (0.50 to beyond the range)"),
    (np.nan, "not defined"),
]


@pytest.mark.parametrize(("value", "text"), SAID)
def test_what_is_not_defined_is_said_so_in_the_text(value, text):
    assert tables.phrase(value) == text


class Same:
    """A network that changes nothing."""

    def encode(self, x):
        return x

    decode = __call__ = encode


def no_pairs():
    """The pairs of beats whose T waves are not annotated: none."""
    records = marked_r_only(8)
    return records, one_cycle.stratified_pairs(beat_windows(records), per_bin=9)


def test_without_t_waves_what_needs_them_is_not_defined_and_nothing_breaks():
    records, pairs = no_pairs()
    assert len(pairs) == len(pairs.nearest(0.5)) == 0 and np.isnan(pairs.apart).all()
    assert one_cycle.beat_paths(Same(), pairs.nearest(0.5), 9) == {}
    assert latent_path(Same(), pairs.first, pairs.second, 9).shape == (0, 9, 512)
    scores = t_waves.t_scores_by_path([Same()], pairs, 9)
    found = t_waves.near_waves(scores, pairs) | t_waves.switch(scores, pairs)
    found |= t_waves.distance_to_real([Same()], pairs, np.ones((3, 512)), 9)
    assert not any(estimate.known for estimate in found.values())
    assert t_waves.by_bin(scores, pairs, "violations") == {}
    (said,) = suited.limits_of_pairs(records, pairs, "the rest is.")
    assert said == "None of these records has an annotated T wave: the rest is."


def test_without_t_waves_t_peaks_are_not_scored_and_r_peaks_are():
    test = four_seconds(marked_r_only(10)).test
    found = peaks_found(test, [test.signals])
    assert found["r_sensitivity"].value == found["r_ppv"].value == 1
    assert tables.phrase(found["t_sensitivity"]) == tables.phrase(found["t_ppv"]) == "not defined"


def test_with_all_waves_nothing_is_said():
    records = load_synthetic(8)
    assert suited.limits_of_annotation(records, "x") == suited.limits_of_number(8, "record") == []
    assert suited.limits_of_pairs(records, [1], "x") == [] and tables.remarks((), []) is None


def words(fig):
    return " ".join(text.get_text() for ax in fig.axes for text in ax.texts)


def test_figures_of_nothing_say_so():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fig in (
            intervals.dot_plot({}, "by hand"),
            path_figures.frames_over_each_other({}, 500, (0, 9), "by hand"),
            data_figures.cycle(records_by_hand(np.ones((1, 900)))),
        ):
            assert "Nothing to draw: " in words(fig)
            png(fig)
    assert "Nothing of this could be measured" in tables.table([]).data


def test_figures_of_one_record_have_dots_and_no_intervals():
    outcomes = fit_conditions(study_of(marked_r_only(1)), [Condition(), Condition(p=7)])
    errors = region_errors.errors_by_setting(list(outcomes.values()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png(region_figures.error_curves([12, 28], {"ECG": errors}, "stride", "by hand"))
        estimate = region_errors.mean_errors(outcomes[Condition()])["inside"]
        png(region_figures.factorial_cells({"all": estimate}, "all", "by hand"))
        one = np.array([0.5])
        row = region_errors.comparison_row(one, 2 * one)
    assert row["difference"].value == 0.5 and not row["difference"].known
    assert np.isnan(row["rank correlation"]) and np.isnan(row["rank test p"])


def test_equal_or_flat_signals_are_compared_without_a_division_by_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flat = np.zeros((2, 512), np.float32)
        assert np.isnan(mean_explained([Same()], flat, np.arange(2)).value)
        windows = Windows(flat, 128.0, np.arange(2), np.zeros(2, int), (np.array([]),) * 2)
        assert np.isnan(power_ratio(windows, [flat]).value)
        scores = score_paths(np.zeros((1, 3, 512)))
        assert scores["violating_pairs"] == [0] and np.isfinite(scores["periodicity_ratio"]).all()
        equal = records_by_hand([ecg()[0]] * 3, [[("qrs", -1, r, -1) for r in ecg()[1]]] * 3)
        assert survey.irregularity(equal) == pytest.approx(np.zeros(3), abs=1e-9)
        row = region_errors.comparison_row(np.ones(3), np.ones(3))
    assert row["difference"].value == row["rank correlation"] == 0


def test_one_record_alone_is_surveyed_and_its_figures_fit_json():
    records = marked_r_only(1)
    unequal = survey.share_of_unequal_counts(records)
    assert survey.rounded(unequal, 4) is None and survey.rounded(0.12345, 2) == 0.12
    json.dumps(survey.rhythm_rows(records) + survey.wave_rows(records), allow_nan=False)
    assert survey.from_regular_to_irregular(records, 8).tolist() == [0]
    assert [row["duration, ms"] for row in survey.wave_rows(records)] == ["not annotated"] * 3


def test_a_record_without_beats_has_no_heart_rate():
    fig = data_figures.strips([(records_by_hand(np.eye(1, 900)), 0)])
    titles = [fig.axes[0].get_title(place) for place in ("left", "center")]
    assert "Record 0: rhythm not known, heart rate not known" in titles


def test_eight_records_have_one_pair_and_its_share_is_not_called_certain():
    data = four_seconds(marked_r_only(8))
    assert len(patient_pairs(data.middle, 300)) == 1
    undefined, large = Estimate(np.nan, np.nan, np.nan, 1), Estimate(-0.4, -0.5, -0.3, 9)
    found = {"wrong_count": {"a": undefined, "b": large}, "far_violations": {"a": large}}
    assert variations.architecture(found)["largest_effect"] == large
    left = variations.regularisation({"wrong_count": {"a": undefined, "b": large}})
    assert left["least_left"] == large


SHOWN = [(999, 35, "counted from 0: give 0 to 34"), (-1, 35, "give 0 to 34"), (1, 1, "give 0\\.")]


@pytest.mark.parametrize(("shown", "n", "said"), SHOWN)
def test_a_record_to_show_that_is_not_there_is_named(shown, n, said):
    with pytest.raises(ValueError, match=f"shown is {shown}, but {n} records .*{said}"):
        suited.place(shown, n)
    assert suited.place(0, n) == 0


# Texts that a record's name, rhythm or source may be.
ODD = [
    "<img src=x onerror=alert(1)>",
    "a|b",
    "a\\|b",
    "a$b_{",
    "$x$ and $\\frac{",
    "*bold* _it_ ~~no~~ `code`",
    "[link](javascript:alert(1))",
    "&lt; &amp;",
    "a\nb",
    "a\\",
]


def shown_by(markdown):
    return MarkdownIt("gfm-like", {"linkify": False}).render(markdown)


@pytest.mark.parametrize("text", ODD)
def test_a_text_in_a_table_or_a_note_is_shown_as_it_is(text):
    right = html.escape(" ".join(text.split()))
    page = shown_by(tables.table([{"record": text, text: 1}]).data)
    assert page.count("<td>") == 2 and f"<td>{right}</td>" in page and f"<th>{right}</th>" in page
    assert f"<li>{right}</li>" in shown_by(tables.remarks([text]).data)
    for tag in ("<img", "<a ", "<em>", "<strong>", "<code>", "<s>"):
        assert tag not in page


@pytest.mark.parametrize("text", ODD)
def test_a_text_in_the_prose_of_a_live_notebook_is_shown_as_it_is(text, monkeypatch):
    monkeypatch.setattr(tables, "display", lambda *_, **__: None)
    tables.say(name=text)
    page = shown_by(filled("Record {glue:text}`name`."))
    assert page.strip() == f"<p>Record {html.escape(' '.join(text.split()))}.</p>"


def test_a_text_in_a_figure_is_shown_as_it_is():
    # What is no formula cannot fail as one when it is drawn.
    records = replace(marked_r_only(len(ODD)), ids=tuple(ODD), source=ODD[4])
    outcome = fit_conditions(study_of(records.subset([4])), [Condition()])[Condition()]
    estimate = {"net": Estimate(0.5, 0.4, 0.6, 9)}
    rows = np.ones((len(ODD), 9))
    for fig in (
        data_figures.strips([(records, i) for i in range(len(ODD))]),
        data_figures.cycle(records),
        data_figures.distributions([records]),
        region_figures.mask_frame(outcome, 500, ODD[4]),
        region_figures.trajectories({text: outcome.signals[0] for text in ODD}, 500, ODD[4]),
        intervals.dot_plot(dict.fromkeys(ODD, estimate), ODD[4]),
        path_figures.reconstructions(rows, rows, 500, ODD, ODD[4]),
        *(nothing_to_draw(text, text) for text in ODD),
    ):
        png(fig)


@pytest.mark.parametrize("text", ODD)
def test_a_text_in_a_slider_s_alternative_text_is_no_markup(text):
    figure = intervals.dot_plot({"a": {"net": Estimate(0.5, 0.4, 0.6, 9)}}, "by hand")
    box = frame_explorer({text: [png(figure)]}, text, ["0"], text, {text: [text]}, list)
    picture = box.children[2].children[0].children[0].value
    assert picture.count("<") == 1 and picture.startswith("<img class=")


CHAPTERS = ("01-data", "02-interpolation", "03-one-cycle", "04-variations")
CHAPTERS += ("05-unpunished", "06-processes", "07-mask-size")
SETS = [("25 records", 25, CHAPTERS), ("one record", 1, ("01-data", *CHAPTERS[4:]))]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "run"), [c[1:] for c in SETS], ids=[c[0] for c in SETS])
def test_every_chapter_does_what_it_can_with_unmarked_records(n, run, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    shutil.copytree(ROOT / "chapters", tmp_path / "book")
    data = tmp_path / "records"
    data.mkdir()
    for i in range(n):
        signal = ecg(rr=0.7 + 0.01 * i)[0][:, None]
        wfdb.wrsamp(f"r{i}", 500, ["mV"], ["II"], signal, fmt=["16"], write_dir=str(data))
    quick = yaml.safe_load((ROOT / "chapters" / "quick.yml").read_text())
    small = {"steps": 20, "controlled_steps": 20, "n_pairs": 10, "pairs_per_bin": 5, "frames": 9}
    for chapter in CHAPTERS:
        given = {**quick[chapter], "dataset": str(data), "lead": "ii", "device": "cpu"}
        given |= {name: value for name, value in small.items() if name in given}
        paths = str(tmp_path / "book" / f"{chapter}.ipynb"), str(tmp_path / f"{chapter}.ipynb")
        options = {"cwd": str(tmp_path / "book"), "kernel_name": "python3", "progress_bar": False}
        if chapter in run:
            papermill.execute_notebook(*paths, parameters=given, **options)
        else:
            with pytest.raises(papermill.PapermillExecutionError) as raised:
                papermill.execute_notebook(*paths, parameters=given, **options)
            assert raised.value.ename == "Unsuited"
            assert "at least 8 records" in raised.value.evalue
    results = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("results/*.json")}
    assert sorted(results) == sorted(run)
    verdicts = {k: v["verdict"] for r in results.values() for k, v in r["claims"].items()}
    if n == 1:
        assert set(verdicts.values()) == {"not measured"}
    else:
        assert verdicts["C1"] == verdicts["C5"] == "not measured"
        assert "not measured" not in {verdicts[c] for c in ("C2", "C3", "C6", "C10", "C11", "C16")}
