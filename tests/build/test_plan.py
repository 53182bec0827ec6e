"""What a build runs and where, on a toy book and for this one."""

import pytest
from conftest import ROOT
from toy_book import toy_book

from ecglib.build import notebooks, plan
from ecglib.build.plan import Plan, chapter_run, make_plan, quick_parameters, read_parameters


@pytest.fixture(autouse=True)
def any_folder_holds_records(monkeypatch):
    """What is in a data set is looked at elsewhere: tests/faults/test_own_folders.py."""
    monkeypatch.setattr(plan.data, "check", lambda dataset, lead: None)


@pytest.fixture
def toy(tmp_path):
    return toy_book(tmp_path / "toy")


def plan_of(toy, scale="quick", dataset=None, **parameters) -> Plan:
    return make_plan(scale, dataset, None, "cpu", parameters, toy)


@pytest.mark.parametrize(
    ("scale", "dataset", "folder"),
    [
        ("quick", None, "_build/quick/book"),
        ("quick", "ludb", "_build/quick-ludb/book"),
        ("paper", None, "."),
        ("paper", "ludb", "."),
        ("paper", "synthetic", "_build/paper-synthetic/book"),
    ],
)
def test_data_sets_that_go_by_a_word_have_plain_folders(toy, scale, dataset, folder):
    assert plan_of(toy, scale, dataset).place == toy / folder


def test_no_two_builds_share_a_folder(toy, tmp_path):
    names = ("a/data", "b/data", "a b", "a-b", "c/ludb")
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    plans = [plan_of(toy, scale, word) for scale in ("quick", "paper") for word in plan.WORDS]
    plans += [plan_of(toy, "paper", str(tmp_path / name)) for name in names]
    plans += [plan_of(toy, "paper", "ludb", **given) for given in ({"lead": "i"}, {"lead": "ii"})]
    plans += [plan_of(toy, "quick", None, seeds=[1]), plan_of(toy, "quick", None, seeds=[2])]
    plans += [plan_of(toy, "paper", str(tmp_path / "a/data"), lead="i")]
    assert len({p.place for p in plans}) == len({p.site for p in plans}) == len(plans)
    assert [p.in_place for p in plans].count(True) == 1, "only LUDB at the paper's scale as it is"


def test_a_path_is_not_ludb_whatever_its_name(toy, tmp_path, monkeypatch):
    (tmp_path / "ludb").mkdir()
    monkeypatch.chdir(tmp_path)
    by_path = plan_of(toy, "paper", "./ludb")
    assert not by_path.in_place and by_path.label == "records of ludb"
    assert plan_of(toy, "paper", "ludb").in_place, "the word is the data set"


def test_a_run_says_what_differs_and_no_path_of_this_machine(toy, tmp_path):
    (tmp_path / "mine").mkdir()
    run = chapter_run(plan_of(toy, "quick", str(tmp_path / "mine"), lead="i"), "01-one")
    assert run.parameters["dataset"] == str(tmp_path / "mine")
    changed = {"seeds": [7], "lead": "i", "device": "cpu"}
    assert run.record == {"scale": "quick", "dataset": "records of mine", "parameters": changed}
    assert "was run on records of mine at quick scale, with `seeds = [7]`" in run.banner
    assert "those\nof LUDB at the paper's scale" in run.banner
    assert chapter_run(plan_of(toy, "paper"), "01-one").banner is None


def test_a_parameter_from_outside_wins_and_goes_to_the_chapters_that_have_it(toy):
    one = toy / "chapters/01-one.ipynb"
    one.write_text(one.read_text().replace("seeds = [0, 1]", "seeds = [0, 1]\\nsteps = 9"))
    given = plan_of(toy, seeds=[5], steps=2)
    assert chapter_run(given, "01-one").parameters["seeds"] == [5], "and not quick.yml's"
    assert chapter_run(given, "01-one").parameters["steps"] == 2
    assert "steps" not in chapter_run(given, "02-two").parameters
    assert "; other chapters with `steps = 2`." in chapter_run(given, "02-two").banner
    with pytest.raises(ValueError, match="no chosen chapter has a parameter 'steps'"):
        make_plan("quick", None, ["02"], "cpu", {"steps": 2}, toy)


def test_parameters_are_read_as_a_notebook_writes_them_or_as_text():
    given = ["seeds=[0, 1]", "lead=ii", "n=None", "rate=1e-3", "equation=a=b", "answer=no"]
    assert read_parameters(given) == {
        "seeds": [0, 1],
        "lead": "ii",
        "n": None,
        "rate": 0.001,
        "equation": "a=b",
        "answer": "no",
    }


def test_text_for_a_parameter_that_is_none_is_refused(toy):
    with pytest.raises(ValueError, match=r"seeds is text, '\[0', where the chapters have \[0, 1\]"):
        plan_of(toy, **read_parameters(["seeds=[0"]))


def test_synthetic_records_have_one_lead(toy):
    with pytest.raises(ValueError, match=r"synthetic records are of lead v6, not 'ii': leave"):
        plan_of(toy, lead="ii")
    assert plan_of(toy, lead="V6").parameters == {"lead": "V6"}


@pytest.mark.parametrize("text", ["seeds", "=1", "a b=1"])
def test_what_is_no_parameter_is_said(text):
    with pytest.raises(ValueError, match="is no parameter: write NAME=VALUE"):
        read_parameters([text])


def test_quick_parameters_are_those_of_the_book_around(toy, monkeypatch):
    monkeypatch.chdir(toy / "chapters")
    expected = {"scale": "quick", "dataset": "synthetic", "seeds": [7]}
    assert plan.quick("01-one") == plan.quick("01") == expected
    with pytest.raises(ValueError, match="no chapter '03'"):
        plan.quick("03")


def test_pages_are_those_of_the_contents_in_its_order_wherever_they_stand_in_it(toy):
    toc = "format: jb-book\nroot: chapters/index\nparts:\n- chapters:\n  - file: chapters/02-two\n"
    (toy / "_toc.yml").write_text(f"{toc}    sections: [{{file: chapters/01-one.ipynb}}]\n")
    assert plan.pages(toy) == (["02-two", "01-one"], ["index"])


def test_quick_scale_has_an_entry_for_each_chapter():
    given = make_plan("quick", None, None, "cpu", {}, ROOT)
    for name in given.numbered:
        known = notebooks.parameters(notebooks.read(ROOT / "chapters" / f"{name}.ipynb"))
        assert {"dataset", "lead", "device", "scale", "seeds"} <= set(known), name
        assert set(quick_parameters(ROOT, name)) <= set(known), name
