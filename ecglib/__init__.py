"""The experiments of an interactive paper: electrocardiograms in convolutional networks."""

from ecglib.autoencoder import ConvAutoencoder
from ecglib.fftconv import FFTConv1d
from ecglib.ludb import load_ludb
from ecglib.records import Records
from ecglib.synthetic import load_synthetic
from ecglib.wfdb_folder import load_wfdb

__all__ = [
    "ConvAutoencoder",
    "FFTConv1d",
    "Records",
    "load_ludb",
    "load_synthetic",
    "load_wfdb",
]
