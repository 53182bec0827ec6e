"""The campaign: faults by area, each with its right outcome; at its end the counts."""

from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of each area (file) how many faults have their right outcome, and how many have not."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            path = Path(report.nodeid.partition("::")[0])
            if path.parent.name == HERE.name:
                counts[path.stem.removeprefix("test_"), outcome] += 1
    if not counts:
        return
    terminalreporter.section("faults")
    for area in sorted({area for area, _ in counts}):
        right, wrong = counts[area, "passed"], counts[area, "failed"]
        terminalreporter.write_line(f"{area}: {right} right, {wrong} wrong")
    right, wrong = (sum(n for (_, o), n in counts.items() if o == x) for x in ("passed", "failed"))
    terminalreporter.write_line(f"all: {right} right, {wrong} wrong")
