"""A net that changes nothing, to compare paths and scores with."""

import torch
from torch import nn


class Identity(nn.Module):
    """A net whose code is the signal: its latent paths are cross-fades."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, signals):
        return signals

    def decode(self, code):
        return code

    def forward(self, signals):
        return signals
