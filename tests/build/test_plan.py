"""What a build runs and where, on a toy book and for this one."""

import pytest
from conftest import ROOT
from toy_book import toy_book

from ecglib.build import notebooks
from ecglib.build.plan import make_plan, quick_parameters


@pytest.mark.parametrize(
    ("scale", "dataset", "folder"),
    [
        ("quick", None, "_build/quick/book"),
        ("quick", "ludb", "_build/quick-ludb/book"),
        ("paper", None, "."),
        ("paper", "synthetic", "_build/paper-synthetic/book"),
        ("paper", "{root}", "_build/paper-toy/book"),
    ],
)
def test_only_the_paper_s_scale_on_ludb_runs_in_place(tmp_path, scale, dataset, folder):
    toy = toy_book(tmp_path / "toy")
    dataset = dataset and dataset.format(root=toy)
    assert make_plan(scale, dataset, None, "cpu", toy).place == toy / folder


def test_quick_scale_has_an_entry_for_each_chapter():
    plan = make_plan("quick", None, None, "cpu", ROOT)
    for name in plan.numbered:
        given = quick_parameters(ROOT, name)
        chapter = notebooks.read(ROOT / "chapters" / f"{name}.ipynb")
        notebooks.check_parameters(name, chapter, given)
        required = {"dataset", "lead", "device", "scale", "seeds"}
        assert required <= set(notebooks.parameters(chapter)), name
