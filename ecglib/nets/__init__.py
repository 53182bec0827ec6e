"""Networks: convolutions by FFT, the autoencoder of section II, the networks of section III."""
