"""The command line: `python -m ecglib COMMAND`."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ecglib.build import BuildError
from ecglib.places import whole_folders, whole_path

app = typer.Typer(
    help="Electrocardiograms in convolutional networks: the experiments and the book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def fetch(
    root: Annotated[
        str | None, typer.Option(help="Folder to put LUDB in; by default the user's cache.")
    ] = None,
) -> None:
    """Download LUDB from PhysioNet, verify every file, and say where it is."""
    from ecglib.data.ludb import fetch as fetch_ludb

    typer.echo(fetch_ludb(None if root is None else whole_path(root, "--root")))


@app.command()
def build(
    scale: Annotated[
        str, typer.Option(help="quick (minutes) or paper (all that the paper asks for).")
    ] = "quick",
    dataset: Annotated[
        str | None,
        typer.Option(
            help="synthetic, ludb, or the path of a WFDB record or of a folder of them (./ludb "
            "where it is called so). [default: synthetic at quick scale, ludb at the paper's]"
        ),
    ] = None,
    chapters: Annotated[
        str | None, typer.Option(help="Chapters to run, such as 02,05. [default: all]")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="Lead to take, such as ii; the same as -p lead=NAME.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            metavar="NAME=VALUE",
            help="Set a parameter of the chapters that have it, such as steps=100 or "
            "seeds=[0,1]; may be repeated.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto (CUDA where there is one), cpu or cuda.")] = (
        "auto"
    ),
    jobs: Annotated[
        int | None, typer.Option(help="Worker processes. [default: one a core]")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that shall do the fits.")
    ] = None,
) -> None:
    """Run the chapters, then build the book.

    The paper's scale on LUDB, with no parameter set, runs the notebooks in chapters/ in place and
    builds _build/html; anything else runs a copy, under _build/quick or in another folder of its
    own.
    """
    from ecglib.build.book import build as build_book
    from ecglib.build.plan import read_parameters

    chosen = [part.strip() for part in chapters.split(",")] if chapters is not None else None
    parameters = read_parameters(parameter or [])
    if lead is not None:
        if "lead" in parameters:
            raise ValueError("lead is given twice, by --lead and by -p: give it once.")
        parameters["lead"] = lead
    typer.echo(build_book(scale, dataset, chosen, device, jobs, cluster, parameters))


@app.command()
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    results: Annotated[
        str | None,
        typer.Option(help="Folder of the chapters' results. [default: chapters/results]"),
    ] = None,
) -> None:
    """Print the ledger: each of the paper's claims, what was measured, and the verdict."""
    from ecglib.estimates import Estimate
    from ecglib.ledger import ledger_rows, read_results

    if results is not None:
        whole_path(results, "--results")
    rows = ledger_rows(read_results(results))
    if as_json:
        typer.echo(json.dumps(rows, indent=1, default=Estimate.as_dict))
        return
    for row in rows:
        figures = "  ".join(
            f"{name} {row[name]}" for name in ("estimate", "null", "oracle") if row[name]
        )
        typer.echo(f"{row['id']:<4}{row['section']:<8}{row['verdict']:<15}{row['statement']}")
        if figures:
            typer.echo(f"{'':27}{figures}")


@app.command()
def bench(
    as_json: Annotated[
        Path | None, typer.Option("--json", help="File to write the figures to as well.")
    ] = None,
) -> None:
    """Time the convolutions, the training steps and the ensembles on this machine."""
    if as_json is not None:  # said now, and not when the benchmark has run
        if not as_json.parent.is_dir():
            raise ValueError(f"--json is {as_json}, but there is no folder {as_json.parent}.")
        if as_json.is_dir():
            raise ValueError(f"--json is {as_json}, a folder: give the name of a file.")
    from ecglib.bench.rows import main as run_bench

    run_bench(as_json)


@app.command()
def gpu(
    minutes: Annotated[
        float, typer.Option(help="Time for all of it; what does not fit in is named.")
    ] = 10,
) -> None:
    """On a machine with CUDA: its tests, the benchmark, the chapters, set beside the CPU's."""
    from ecglib.build.gpu import prove

    typer.echo(prove(minutes))


def main() -> None:
    """Run a command; what a user can mend ends in one line and exit status 1."""
    try:
        os.environ.update(whole_folders(os.environ))
        app()
    except (ValueError, OSError, BuildError) as error:
        typer.echo(f"ecglib: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
