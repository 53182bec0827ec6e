"""The work of a training step, counted against what is known by hand."""

import torch

from ecglib.bench.limits import convolution_flops, traffic
from ecglib.nets.autoencoder import ConvAutoencoder


def test_arithmetic_of_the_direct_method_is_table_ones():
    # taps x in x out x length of each convolution, of the decoder's too
    terms = 100 * 30 * 512, 100 * 30 * 15 * 256, 30 * 15 * 15 * 128, 20 * 15 * 5 * 64
    first, *others = [*terms, 20 * 5 * 15 * 64, 30 * 15 * 15 * 128, 100 * 15 * 30 * 256, terms[0]]
    done, direct = convolution_flops(ConvAutoencoder(), 64)
    assert direct == 64 * 2 * (2 * first + 3 * sum(others))
    assert done < direct / 5


def test_operations_are_counted_by_what_they_read_and_write_and_views_are_free():
    x, y = torch.zeros(10, 100), torch.zeros(100, 10)  # 4,000 bytes each
    assert traffic(lambda: x + y.t()) == (3 * 4000, 1)
    assert traffic(lambda: x[:, :50].neg_()) == (2 * 2000, 1)
    assert traffic(lambda: x.view(5, 200).unsqueeze(0)) == (0, 0)
    assert traffic(lambda: torch.cat([x, x]).sum()) == (4 * 4000 + 8000 + 4, 2)
