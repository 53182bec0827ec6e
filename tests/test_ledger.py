"""Results on disk: whole or not at all, and what the ledger reads from them."""

import json

import numpy as np
import pytest

from ecglib.claims import CLAIMS
from ecglib.estimates import Estimate
from ecglib.ledger import Ledger, find_book, ledger_rows, read_results

LOW = Estimate(0.2, 0.1, 0.3, 12, "ratio")
NULL = Estimate(0.9, 0.8, np.inf, 12, "ratio")
UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0, "ratio")


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A ledger as a build makes it: its results go to tmp_path."""
    monkeypatch.setenv("ECGLIB_RESULTS", str(tmp_path))
    given = {"scale": "quick", "dataset": "synthetic", "device": "cpu"}
    return Ledger("02-interpolation", **given, seeds=[0, 1])


def test_what_was_written_is_read_back(ledger, tmp_path):
    assert ledger.decide("C2", power_ratio=LOW, null=NULL, oracle=UNKNOWN) == "holds"
    ledger.more["loss"] = [1.0, 0.5]
    path = ledger.write()
    results = read_results(tmp_path)
    assert path.name == "02-interpolation.json" and list(results) == ["02-interpolation"]
    content = results["02-interpolation"]
    assert (content["scale"], content["device"], content["seeds"]) == ("quick", "cpu", [0, 1])
    assert content["loss"] == [1.0, 0.5] and content["wall_s"] >= 0
    assert 20 < content["peak_memory_mib"] < 100_000
    entry = content["claims"]["C2"]
    assert entry["rule"] == CLAIMS["C2"].rule and entry["verdict"] == "holds"
    assert Estimate.from_dict(entry["estimate"]) == LOW
    assert Estimate.from_dict(entry["evidence"]["null"]) == NULL
    assert np.isnan(Estimate.from_dict(entry["evidence"]["oracle"]).low)


def test_the_file_is_json_that_any_reader_takes(ledger):
    ledger.decide("C2", power_ratio=LOW, null=NULL, oracle=UNKNOWN)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads(ledger.write().read_text(), parse_constant=refuse)


def test_outside_a_build_results_go_elsewhere_and_the_reader_is_told(
    ledger, tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("ECGLIB_RESULTS")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    book = tmp_path / "book"
    (book / "chapters" / "results").mkdir(parents=True)
    (book / "_config.yml").touch()
    (book / "chapters" / "quick.yml").touch()
    monkeypatch.chdir(book / "chapters")
    path = ledger.write()
    assert read_results() == {} and path.is_relative_to(tmp_path / "scratch")
    assert json.loads(path.read_text())["chapter"] == "02-interpolation"
    said = capsys.readouterr().out
    assert str(path) in said and said.count("\n") == 1


def test_the_book_is_found_from_inside_it_and_from_anywhere(tmp_path, monkeypatch):
    inner = tmp_path / "book" / "chapters" / "results"
    inner.mkdir(parents=True)
    (tmp_path / "book" / "_config.yml").touch()
    (inner.parent / "quick.yml").touch()
    (tmp_path / "_config.yml").touch()  # of another book
    (tmp_path / "chapters").mkdir()
    monkeypatch.chdir(inner)
    assert find_book() == tmp_path / "book"
    monkeypatch.chdir(tmp_path)
    assert (find_book() / "ecglib" / "ledger.py").is_file()  # where the package lies


def test_estimates_are_written_wherever_they_stand(ledger, tmp_path):
    ledger.more["by_length"] = {"36.0": {"inside": LOW}}
    content = json.loads(ledger.write().read_text())
    assert Estimate.from_dict(content["by_length"]["36.0"]["inside"]) == LOW


@pytest.mark.parametrize("unfit", [np.nan, np.arange(3), object()])
def test_what_json_cannot_hold_leaves_the_old_file_and_no_other(ledger, tmp_path, unfit):
    ledger.write()
    ledger.decide("C2", power_ratio=LOW)
    path = ledger.write()
    before = path.read_bytes()
    assert set(read_results(tmp_path)["02-interpolation"]["claims"]) == {"C2"}
    ledger.more["unfit"] = unfit
    with pytest.raises(ValueError, match=r"^unfit cannot be written to the results"):
        ledger.write()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_evidence_with_names_that_are_not_words():
    ledger = Ledger("06-processes", device="cpu")
    kernels = ("squared exponential", "periodic")
    evidence = {f"inside/{k}": Estimate(0.0, -0.05, 0.05, 35) for k in kernels}
    assert ledger.decide("C11", **evidence) == "holds"
    assert ledger.claims["C11"]["estimate"] == evidence["inside/squared exponential"].as_dict()


def test_a_claim_without_its_headline_is_not_entered(ledger):
    with pytest.raises(KeyError, match="power_ratio"):
        ledger.decide("C2", ratio=LOW)
    assert ledger.claims == {}


def test_a_claim_is_decided_by_its_own_chapter(ledger):
    with pytest.raises(ValueError, match="C6 is decided by 03-one-cycle, not 02-interpolation"):
        ledger.decide("C6", far_violations=LOW)


def test_a_missing_folder_of_results_is_said_and_an_empty_one_is_none(tmp_path):
    assert read_results(tmp_path) == {}
    with pytest.raises(FileNotFoundError, match=r"no folder of results .*gone; build the book"):
        read_results(tmp_path / "gone")


def test_the_ledger_has_a_row_for_each_claim_with_or_without_results(ledger, tmp_path):
    ledger.decide("C2", power_ratio=LOW, null=NULL)
    ledger.write()
    empty, some = ledger_rows({}), ledger_rows(read_results(tmp_path))
    assert [row["id"] for row in empty] == [row["id"] for row in some] == list(CLAIMS)
    assert {row["verdict"] for row in empty} == {"not run"}
    assert all(row["estimate"] is None for row in empty)
    (row,) = (row for row in some if row["verdict"] != "not run")
    assert (row["estimate"], row["null"], row["oracle"]) == (LOW, NULL, None)
    assert (row["id"], row["verdict"], row["chapter"]) == ("C2", "holds", "02-interpolation")


def test_results_of_another_chapter_do_not_fill_a_claims_row(ledger):
    ledger.decide("C2", power_ratio=LOW)
    rows = ledger_rows({"03-one-cycle": {"claims": ledger.claims}})
    assert {row["verdict"] for row in rows} == {"not run"}
