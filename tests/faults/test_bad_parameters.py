"""Values that a parameter cannot have: each is refused in one sentence before anything runs."""

import ast
import math
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from ecglib.build import notebooks
from ecglib.build.contents import own_parameters, pages, quick_parameters
from ecglib.build.plan import make_plan, read_parameters
from ecglib.parameters import COMMON, RULES, BadParameter, check

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = pages(ROOT)[0]
OWN = {name: own_parameters(ROOT, name) for name in CHAPTERS}

NEVER = (-1, 10**30, "", " ", math.nan, math.inf, True, 1j, b"1", {}, [[]], [None], [math.nan])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_parameter_has_a_rule_that_its_own_values_meet(chapter):
    assert set(OWN[chapter]) == set(COMMON | RULES[chapter])
    check(chapter, OWN[chapter])
    check(chapter, OWN[chapter] | quick_parameters(ROOT, chapter))


@pytest.mark.parametrize(("chapter", "name"), [(c, name) for c in CHAPTERS for name in OWN[c]])
def test_nonsense_is_refused_by_the_name_of_the_parameter(chapter, name):
    for value in NEVER:
        with pytest.raises(BadParameter) as caught:
            check(chapter, OWN[chapter] | {name: value})
        said = str(caught.value)
        assert said.startswith(f"{name} is ") and said.endswith(f"(chapter {chapter}).")
        assert "it must be " in said and "\n" not in said


# (chapter, what is changed, the sentence, or None where the value is right)
CASES = [
    ("01", {"n_shown": 0}, "n_shown is 0: it must be a whole number from 2 to 50"),
    ("01", {"n_shown": 1}, "n_shown is 1"),  # the most and the least regular are two
    ("01", {"n_shown": 999}, "n_shown is 999"),
    ("01", {"n_shown": 8.0}, "n_shown is 8.0"),
    ("01", {"n_shown": 2}, None),
    ("01", {"n_shown": 50}, None),
    ("01", {"compare_s": 0}, "compare_s is 0: it must be a number from 0.1 to 10"),
    ("01", {"compare_s": 10.5}, "compare_s is 10.5"),
    ("01", {"compare_s": "5"}, "compare_s is '5'"),
    ("01", {"compare_s": 10}, None),
    ("01", {"device": "tpu"}, 'device is \'tpu\': it must be "auto", "cpu" or "cuda"'),
    ("01", {"scale": "big"}, 'scale is \'big\': it must be "quick" or "paper"'),
    ("01", {"lead": None}, 'lead is None: it must be the name of a lead, such as "v6"'),
    ("01", {"dataset": 3}, 'dataset is 3: it must be "ludb", "synthetic", or the path'),
    ("02", {"seeds": []}, "seeds is []: it must be a non-empty list of different values, each a"),
    ("02", {"seeds": [0, 0]}, "seeds is [0, 0]"),
    ("02", {"seeds": [-1]}, "seeds is [-1]"),
    ("02", {"seeds": [0.0]}, "seeds is [0.0]"),
    ("02", {"seeds": [True]}, "seeds is [True]"),
    ("02", {"seeds": ["0"]}, "seeds is ['0']"),
    ("02", {"seeds": [2**32]}, "seeds is [4294967296]"),
    ("02", {"seeds": 0}, "seeds is 0"),
    ("02", {"seeds": "01"}, "seeds is '01'"),
    ("02", {"seeds": {0: 1}}, "seeds is {0: 1}"),
    ("02", {"seeds": (0, 2**32 - 1)}, None),
    ("02", {"n_records": 0}, "n_records is 0: it must be None or a whole number from 8 to 1000000"),
    ("02", {"n_records": 7}, "n_records is 7"),  # two of them for the test, of which one is left
    ("02", {"n_records": 8}, None),
    ("02", {"n_records": "all"}, "n_records is 'all'"),
    ("02", {"steps": 0}, "steps is 0: it must be a whole number from 1 to 10000000"),
    ("02", {"steps": 3.0}, "steps is 3.0"),
    ("02", {"steps": None}, "steps is None"),
    ("02", {"steps": [1]}, "steps is [1]"),
    ("02", {"batch": 0}, "batch is 0"),
    ("02", {"learning_rate": 0}, "learning_rate is 0: it must be a number above 0, at most 1"),
    ("02", {"learning_rate": 1.5}, "learning_rate is 1.5"),
    ("02", {"learning_rate": 1}, None),
    ("02", {"n_pairs": 0}, "n_pairs is 0"),
    ("02", {"frames": 0}, "frames is 0: it must be a whole number from 3 to 1000"),
    ("02", {"frames": 2}, "frames is 2"),
    ("02", {"frames": 3}, None),
    ("02", {"slider_pairs": 1}, "slider_pairs is 1"),
    ("02", {"n_pairs": 3}, "slider_pairs is 4 where n_pairs is 3: it must be at most n_pairs"),
    ("02", {"n_pairs": 3, "slider_pairs": 3}, None),
    ("02", {"mine": object()}, None),
    ("03", {"published_seeds": []}, "published_seeds is []"),
    ("03", {"controlled_steps": 0}, "controlled_steps is 0"),
    ("03", {"pairs_per_bin": 0}, "pairs_per_bin is 0"),
    ("03", {"slider_pairs": 0}, "slider_pairs is 0: it must be a whole number from 1 to 5"),
    ("03", {"slider_pairs": 6}, "slider_pairs is 6"),
    ("03", {"slider_pairs": 5}, None),
    ("04", {"base_seeds": [1, 1]}, "base_seeds is [1, 1]"),
    ("04", {"leave_out": None}, "leave_out is None: it must be a list of different values"),
    ("04", {"leave_out": "dropout"}, "leave_out is 'dropout'"),
    ("04", {"leave_out": ["base"]}, 'a variation other than "base" and "no regulariser"'),
    ("04", {"leave_out": ["no regulariser"]}, "leave_out is ['no regulariser']"),
    ("04", {"leave_out": ["dropout", "dropout"]}, "leave_out is ['dropout', 'dropout']"),
    ("04", {"leave_out": ["of my own"]}, None),
    ("05", {"n_records": 0}, "n_records is 0: it must be None or a whole number from 1"),
    ("05", {"n_records": None}, None),
    ("05", {"longest_cycles": 0}, "longest_cycles is 0: it must be a number from 0.1 to 45"),
    ("05", {"longest_cycles": 100}, "longest_cycles is 100"),
    ("05", {"pools": [1, 2]}, "each a whole number from 1 to 10, among them 3, 7"),
    ("05", {"pools": [3]}, "pools is [3]"),
    ("05", {"pools": [7, 3]}, "pools is [7, 3]: it must be a list of values, rising"),
    ("05", {"pools": [0, 3, 7]}, "pools is [0, 3, 7]"),
    ("05", {"pools": [3, 7, 11]}, "pools is [3, 7, 11]"),
    ("05", {"pools": [3, 7, 7]}, "pools is [3, 7, 7]"),
    ("05", {"pools": []}, "pools is []"),
    ("05", {"pools": [3, 7]}, None),
    ("05", {"shown": 35}, "shown is 35 where n_records is 35: it must be below n_records"),
    ("05", {"shown": 999}, "shown is 999 where n_records is 35"),
    ("05", {"shown": 34}, None),
    ("05", {"shown": 40, "n_records": None}, None),
    ("06", {"length_scales_ms": [0]}, "length_scales_ms is [0]"),
    ("06", {"length_scales_ms": [18.0, 18.0]}, "length_scales_ms is [18.0, 18.0]"),
    ("06", {"length_scales_ms": [1e5]}, "length_scales_ms is [100000.0]"),
    ("06", {"length_scales_ms": 18.0}, "length_scales_ms is 18.0"),
    ("06", {"length_scales_ms": []}, None),
    ("06", {"length_records": 0}, "length_records is 0"),
    ("06", {"small_region": [2000, 500]}, "small_region is [2000, 500]: it must be two whole"),
    ("06", {"small_region": [500, 500]}, "small_region is [500, 500]"),
    ("06", {"small_region": [500]}, "small_region is [500]"),
    ("06", {"small_region": [500.0, 2000.0]}, "small_region is [500.0, 2000.0]"),
    ("06", {"small_region": [-10, 2000]}, "small_region is [-10, 2000]"),
    ("06", {"small_region": [500, 5001]}, "small_region is [500, 5001]"),
    ("06", {"small_region": [0, 5000]}, "small_region is [0, 5000]"),
    ("06", {"small_region": [0, 50]}, None),
    ("07", {"cycles": [0.5, 2.0, 4.0, 6.0]}, "rising, each a number from 0.1 to 45, among them"),
    ("07", {"cycles": [0.5, 1.0, 2.0]}, "it must be a list of at least 4 values, rising"),
    ("07", {"cycles": [2.0, 1.0, 0.5, 0.25]}, "cycles is [2.0, 1.0, 0.5, 0.25]"),
    ("07", {"cycles": [0.5, 1.0, 1.0, 2.0]}, "cycles is [0.5, 1.0, 1.0, 2.0]"),
    ("07", {"cycles": [0.0, 0.5, 1.0, 2.0]}, "cycles is [0.0, 0.5, 1.0, 2.0]"),
    ("07", {"cycles": [0.5, 1, 2, 46]}, "cycles is [0.5, 1, 2, 46]"),
    ("07", {"cycles": [0.5, 1, 2, 3]}, None),
    ("07", {"end_cycles": []}, "end_cycles is []"),
    ("07", {"end_cycles": [0.5, 3.0]}, "it must be some of cycles"),
    ("07", {"end_cycles": [1.0]}, None),
    ("07", {"slider_records": 0}, "slider_records is 0"),
]


@pytest.mark.parametrize(("number", "changed", "sentence"), CASES)
def test_a_value_is_refused_with_a_sentence_or_taken(number, changed, sentence):
    (chapter,) = (name for name in CHAPTERS if name.startswith(number))
    if sentence is None:
        check(chapter, OWN[chapter] | changed)
        return
    with pytest.raises(BadParameter) as caught:
        check(chapter, OWN[chapter] | changed)
    assert sentence in str(caught.value)


# (scale, chapters, what the command line gives, the sentence): with what quick.yml says
FROM_OUTSIDE = [
    ("quick", ["02"], ["n_records=-1"], r"n_records is -1: it must be None or .*02-interpolation"),
    ("quick", None, ["seeds=[]"], r"seeds is \[\]: .*01-data"),
    ("quick", ["05"], ["shown=4"], r"shown is 4 where n_records is 4: it must be below"),
    ("quick", ["07"], ["cycles=[0.5,1.0,2.0,3.0]"], None),
    ("quick", ["07"], ["cycles=[0.25,1.0,2.0,3.0]"], r"cycles is \[0.25, 1.0, 2.0, 3.0\]"),
    ("quick", ["02"], ["seeds=(0,1)"], None),
    ("quick", ["02"], ["seeds=[1e999]"], r"seeds is \[1e999\], which is not a number, a text"),
    ("quick", ["02"], ["seeds={0}"], r"seeds is \{0\}, which is not a number, a text"),
    ("quick", ["02"], ["seeds=" + 500 * "["], r"seeds is text"),
    ("quick", ["02"], ["steps=" + 5000 * "9"], r"steps is text"),
    ("quick", ["02"], ["steps=1", "steps=2"], r"steps is given twice"),
    ("quick", ["02"], ["lead=1"], r"lead is 1: it must be the name of a lead"),
    ("paper", ["05"], ["shown=35"], r"shown is 35 where n_records is 35"),
    ("paper", ["02", "05"], ["pools=[1]"], r"pools is \[1\]: .*05-unpunished"),
]


@pytest.mark.parametrize(("scale", "chapters", "given", "sentence"), FROM_OUTSIDE)
def test_a_build_checks_all_its_chapters_before_it_runs_any(scale, chapters, given, sentence):
    def plan():
        return make_plan(scale, "synthetic", chapters, "cpu", read_parameters(given), ROOT)

    if sentence is None:
        assert plan().numbered
    else:
        with pytest.raises(ValueError, match=sentence):
            plan()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_checks_its_parameters_before_it_does_anything(chapter):
    cells = notebooks.read(ROOT / "chapters" / f"{chapter}.ipynb").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    statements = ast.parse(code[1]).body
    first = next(s for s in statements if not isinstance(s, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == f"check('{chapter}', globals())"


def test_a_live_reader_sees_one_sentence(capsys):
    shell = InteractiveShell()
    code = 'from ecglib.parameters import check; check("01-data", {"n_shown": 0})'
    assert isinstance(shell.run_cell(code).error_in_exec, BadParameter)
    shown = capsys.readouterr().out
    assert shown.strip().startswith("BadParameter: n_shown is 0") and shown.count("\n") == 1
