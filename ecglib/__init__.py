"""The experiments of an interactive paper: electrocardiograms in convolutional networks.

Four folders, each importing only from those before it: `data` (records and windows), `nets`
(convolutions, networks, training), `experiments` (one module for each, design and evidence
together), `pages` (figures, tables, sliders). Beside them single files: `fits` runs fits and keeps
them, `measures` and `estimates` are what is measured, `claims` and `ledger` what is decided,
`build` makes the book and `bench` times the networks.
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
