"""The experiments of an interactive paper: electrocardiograms in convolutional networks."""
