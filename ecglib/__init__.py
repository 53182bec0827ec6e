"""Data and models of "Problems of representation of electrocardiograms in convolutional neural networks"."""
