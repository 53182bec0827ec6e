"""The experiments of an interactive paper: electrocardiograms in convolutional networks.

The modules from the ground up; each imports only from its own line and those above it.

records: records, files
sources: ludb_files, ludb, morphology, synthetic, wfdb_folder, sources
signals: windows, survey, processes
fitting: cache, cluster, workers
networks: fft_plan, fft_blocks, fftconv, pooling, autoencoder, training
networks of section III: unpunished_net, unpunished, plain_unpunished
measures: measures, estimates, paths
experiments: interpolation, beats, controlled_set, t_waves, variations, regions
evidence: path_evidence, beat_evidence, variation_evidence, region_evidence, factorial
ledger: verdicts, claims, ledger
pages: figures, data_figures, path_figures, region_figures, prose, front, costs
controls: widgets, sliders, mask_slider
running: notebooks, execute, runner, book_plan, book
benchmark: arithmetic, bench_timing, bench, bench_report
"""

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
