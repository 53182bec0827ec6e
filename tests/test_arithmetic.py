"""Operations counted, against those counted by hand."""

from ecglib.arithmetic import convolution_flops
from ecglib.autoencoder import ConvAutoencoder


def test_arithmetic_of_the_direct_method_is_table_ones():
    # taps x in x out x length of each convolution, of the decoder's too
    terms = 100 * 30 * 512, 100 * 30 * 15 * 256, 30 * 15 * 15 * 128, 20 * 15 * 5 * 64
    first, *others = [*terms, 20 * 5 * 15 * 64, 30 * 15 * 15 * 128, 100 * 15 * 30 * 256, terms[0]]
    done, direct = convolution_flops(ConvAutoencoder(), 64)
    assert direct == 64 * 2 * (2 * first + 3 * sum(others))
    assert done < direct / 5
