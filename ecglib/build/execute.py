"""One chapter, run by papermill in a process of its own: `python -m ecglib.build.execute`.

Reads a request (JSON) from standard input and prints what happens, one JSON object a line:
{"cells": n, "of": n} after every code cell, then {"done": true} or {"cell": n, "error": text,
"traceback": text}. Whoever started it can be gone: then printing fails, and the run with it.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import papermill
from papermill.engines import NBClientEngine, papermill_engines

from ecglib.build import notebooks


class ReportingEngine(NBClientEngine):
    """papermill's engine, which says after each code cell how many are done."""

    last = ""  # source of the cell that ran last

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        """Run all cells; see the base class."""
        code = [k for k, cell in enumerate(nb_man.nb.cells) if cell.cell_type == "code"]
        complete = nb_man.cell_complete

        def report(cell: Any, cell_index: int, **given: Any) -> None:
            complete(cell, cell_index, **given)
            cls.last = cell.source
            if cell_index in code:
                _say(cells=code.index(cell_index) + 1, of=len(code))

        nb_man.cell_complete = report
        super().execute_managed_notebook(nb_man, kernel_name, **options)


def main() -> None:
    """Run the notebook of the request; what it leaves is normalised before it is moved."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    request = json.load(sys.stdin)
    source, target = Path(request["source"]), Path(request["target"])
    scratch = target.with_name(f".{target.stem}.running.ipynb")
    papermill_engines.register("reporting", ReportingEngine)
    try:
        papermill.execute_notebook(
            source,
            scratch,
            parameters=request["parameters"],
            engine_name="reporting",
            kernel_name="python3",
            language="python",
            cwd=request["folder"],
            progress_bar=False,
            execution_timeout=request["cell_timeout_s"],
        )
        notebook = notebooks.read(scratch)
        for number, error in notebooks.errors(notebook):
            return _say(cell=number, error=error, traceback="")
        keep = request["keep_injected"]
        notebooks.write(notebooks.normalise(notebook, keep, **request["record"]), target)
        _say(done=True)
    except papermill.PapermillExecutionError as error:
        _say(cell=_failed(source), error=f"{error.ename}: {error.evalue}", traceback=str(error))
    except Exception as error:  # a cell out of time, a dead kernel
        _say(cell=_failed(source), error=f"{type(error).__name__}: {error}", traceback="")
    finally:
        scratch.unlink(missing_ok=True)


def _failed(source: Path) -> int | None:
    """The number, from 1, that the cell which ran last has in the chapter's file."""
    cells = [cell.source for cell in notebooks.read(source).cells]
    return cells.index(ReportingEngine.last) + 1 if ReportingEngine.last in cells else None


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
