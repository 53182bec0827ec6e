"""What a reader may change by editing one notebook, or claims.py: done on a copy, and built."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT

from ecglib.build import notebooks
from ecglib.build.workspace import SHARED

FEW = {"n_records": 12, "seeds": [0], "steps": 3, "n_pairs": 6, "frames": 5}
LEFT_OUT = ["filters doubled", "latent 100", "more pooling", "input noise"]
TINY = {
    "02-interpolation": FEW | {"slider_pairs": 2},
    "04-variations": FEW | {"base_seeds": [0, 1], "controlled_steps": 3, "leave_out": LEFT_OUT},
    "06-processes": {
        "n_records": 3,
        "steps": 3,
        "length_scales_ms": [18.0],
        "length_records": 2,
    },
}
NARROW = """\
from torch import nn


class Narrow(nn.Module):
    def __init__(self, length):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(length, 16), nn.ReLU())
        self.decoder = nn.Linear(16, length)

    def encode(self, signals):
        return self.encoder(signals)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, signals):
        return self.decode(self.encode(signals))


network, net = Narrow, {}"""
NEW_CLAIM = """

@claim(
    id="C99",
    section="II-A",
    chapter="02-interpolation",
    statement="A reader's claim of their own.",
    headline="explained",
    measure="share of variance explained",
    rule="holds: some of it",
)
def _(e: Evidence) -> str:
    return graded(holds=above(e["explained"], -1e9), in_part=False)
"""


class Copy:
    """A copy of the repository, to edit and to build."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        for name in (*SHARED, "chapters", "ecglib"):
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, folder / name)
        quick = folder / "chapters/quick.yml"
        quick.write_text(yaml.safe_dump(yaml.safe_load(quick.read_text()) | TINY))

    def edit(self, chapter: str, old: str, new: str) -> None:
        """Replace `old`, which stands in exactly one cell of a notebook, by `new`."""
        path = self.folder / "chapters" / f"{chapter}.ipynb"
        notebook = notebooks.read(path)
        cells = [cell for cell in notebook.cells if old in cell.source]
        assert len(cells) == 1, f"chapter {chapter} has {len(cells)} cells with {old!r}"
        assert cells[0].source.count(old) == 1, f"{old!r} stands twice in its cell"
        cells[0].source = cells[0].source.replace(old, new)
        notebooks.write(notebook, path)

    def ecglib(self, *arguments: str) -> str:
        """What `python -m ecglib` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "ecglib", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def build(self, chapters: str) -> Path:
        """Build chapters with a parameter from outside; the folder of what was run."""
        options = ("--jobs", "2", "-p", "steps=2", "--chapters")
        html = Path(self.ecglib("build", *options, chapters).strip()).parent
        return html.parent / "book" / "chapters"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("edits") / "copy")


def evidence(chapters: Path, chapter: str, claim: str) -> dict[str, dict]:
    results = json.loads((chapters / f"results/{chapter}.json").read_text())
    return results["claims"][claim]["evidence"]


def printed(chapters: Path, chapter: str) -> str:
    """All that a chapter's cells print and show, as text."""
    cells = notebooks.read(chapters / f"{chapter}.ipynb").cells
    return json.dumps([cell.get("outputs") for cell in cells])


def test_a_network_a_variation_a_kernel_and_a_claim_of_one_s_own(copy):
    copy.edit("02-interpolation", "network, net = ConvAutoencoder, {}", NARROW)
    copy.edit(
        "02-interpolation",
        "power_ratio = reconstruction",
        'ledger.decide("C99", explained=c1["explained_test"])\npower_ratio = reconstruction',
    )
    copy.edit(
        "04-variations",
        '    "dropout": Variation(',
        '    "tiny code": Variation("a code of 3 numbers", "C8", {"latent": 3}),\n'
        '    "dropout": Variation(',
    )
    copy.edit(
        "06-processes",
        "processes.RATIONAL_QUADRATIC)",
        "processes.RATIONAL_QUADRATIC,\n"
        '    processes.gaussian("exponential", lambda lag, length: np.exp(-lag / length)))',
    )
    with (copy.folder / "ecglib/claims.py").open("a") as rules:
        rules.write(NEW_CLAIM)

    chapters = copy.build("02,04,06")

    assert "Narrow(" in printed(chapters, "02-interpolation")
    assert "wrong_count/tiny code" in evidence(chapters, "04-variations", "C8")
    assert "a code of 3 numbers" in printed(chapters, "04-variations")
    assert "exponential" in " ".join(evidence(chapters, "06-processes", "C12"))
    claims = copy.ecglib("claims", "--results", str(chapters / "results")).splitlines()
    assert any(line.startswith("C99") and "holds" in line for line in claims)
    first = (chapters.parents[1] / "html/chapters/index.html").read_text()
    rows = [row.get_text() for row in BeautifulSoup(first, "html.parser").select("table tr")]
    assert any("C99" in row and "holds" in row for row in rows)


def test_other_arguments_of_the_network_and_a_parameter_from_outside(copy):
    shutil.copy2(ROOT / "chapters/02-interpolation.ipynb", copy.folder / "chapters")
    copy.edit("02-interpolation", "ConvAutoencoder, {}", 'ConvAutoencoder, {"latent": 7}')
    chapters = copy.build("02")
    chapter = notebooks.read(chapters / "02-interpolation.ipynb")
    assert chapter.metadata.ecglib.parameters.steps == 2
    assert "`steps = 2`" in chapter.cells[0].source
    assert "| dense | 7 |" in printed(chapters, "02-interpolation")
