"""The benchmark as a printed table and as a JSON file."""

import json
import os
from pathlib import Path
from typing import Any

from ecglib.bench import bench
from ecglib.files import write_whole

__all__ = ["main"]


def main(json_path: str | os.PathLike | None = None) -> None:
    """Print the benchmark as a table, row by row, and write it to a JSON file if one is named."""
    rows: list[dict[str, Any]] = []
    for row in bench():
        if not rows:
            print(f"{row['machine']}; device {row['device']}; threads {row['threads']}")
            print(f"{'':20}{'baseline':>12}{'ours':>12}  {'unit':<12}{'ratio':>7}")
        figures = f"{row['baseline']:12.3f}{row['ours']:12.3f}  {row['unit']:<12}"
        growth = f"  grows as size^{row['exponent']:.2f}" if "exponent" in row else ""
        print(f"{row['name']:20}{figures}{row['ratio']:7.2f}{growth}", flush=True)
        rows.append(row)
    if json_path is not None:
        write_whole(Path(json_path), json.dumps(rows, indent=1) + "\n")
