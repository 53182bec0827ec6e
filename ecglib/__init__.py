"""The experiments of an interactive paper: electrocardiograms in convolutional networks.

Four folders, each importing only from those before it: `data` (records and windows), `nets`
(convolutions, networks, training), `experiments` (their designs, and the evidence that decides the
claims), `pages` (figures, tables, sliders). Beside them single files: `fits` and `cache` run and
keep fits, `measures`, `wave_course` (both on `peaks` and `bands`) and `estimates` are what is
measured, `claims` and `ledger` what is decided. `build` makes the book, and `bench` times networks
and measures.
"""

import importlib
from typing import Any

_PUBLIC = {
    "ConvAutoencoder": "nets.autoencoder",
    "FFTConv1d": "nets.fftconv",
    "Records": "data.records",
    "load": "data",
    "load_ludb": "data.ludb",
    "load_synthetic": "data.synthetic",
    "load_wfdb": "data.wfdb_folder",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `--help` need not wait for PyTorch."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
