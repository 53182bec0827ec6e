"""The command line, as a user calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from toy_book import toy_book

from ecglib.claims import CLAIMS


def ecglib(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ecglib", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_the_commands():
    done = ecglib("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("fetch", "build", "claims", "bench"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "--scale", "big"], "there is no scale 'big'"),
        (["build", "--dataset", "mitdb"], "there is no data set 'mitdb'"),
        (["build", "--chapters", "99"], "there is no chapter '99'"),
        (["build", "-p", "steps"], "'steps' is no parameter: write NAME=VALUE"),
        (["build", "-p", "sedes=[1]", "--lead", "i"], "no chosen chapter has a parameter 'sedes'"),
        (["claims", "--results", "nowhere"], "there is no folder of results nowhere"),
        (["fetch", "--root", "."], "holds something that is not LUDB"),
    ],
)
def test_what_a_user_can_mend_is_one_line_without_traceback(tmp_path, arguments, says):
    done = ecglib(*arguments, cwd=toy_book(tmp_path / "toy"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert says in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_unknown_option_is_an_error():
    assert ecglib("build", "--sacle", "quick").returncode == 2


def test_claims_prints_a_row_for_each_claim(tmp_path):
    assert ecglib("claims", "--results", str(tmp_path)).stdout.count("not run") == len(CLAIMS)
    rows = json.loads(ecglib("claims", "--json", "--results", str(tmp_path)).stdout)
    assert [row["id"] for row in rows] == list(CLAIMS)
