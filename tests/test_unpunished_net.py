"""The net of section III: as TensorFlow aligns it, and of the published sizes."""

import pytest
import torch

from ecglib.unpunished_net import code_size, depth, forward, initial, reach, upsample_leaky


def test_transposed_convolution_aligned_as_tensorflow():
    # The gradient of a strided 'SAME' convolution. One sample of 1 and taps 1, 2, 3, 4, stride 3:
    # to 3 samples, 1 pad in all, none before; to 2 samples, 2 pads, one before.
    x, taps = torch.ones(1, 1, 1, 1), torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    assert torch.allclose(upsample_leaky(x, taps, 3, 3), torch.tensor([1.0, 2.0, 3.0]), atol=1e-5)
    assert torch.allclose(upsample_leaky(x, taps, 3, 2), torch.tensor([2.0, 3.0]), atol=1e-5)


@pytest.mark.parametrize(("p", "numbers"), [(3, 2085), (7, 895)])
def test_the_published_codes(p, numbers):
    assert code_size(5000, p) == numbers


@pytest.mark.parametrize("p", [1, 3, 10])
def test_the_net_reaches_no_farther_than_it_says(p):
    samples, at = 3007, 1411
    parameters = [value[None].double().abs() for value in initial(seed=0)]
    farthest = 0
    for seed in range(5):  # a pool passes on one sample of its window: not the same in every signal
        x = torch.rand(1, samples, generator=torch.Generator().manual_seed(seed)).double()
        forward(parameters, x.requires_grad_(), p)[0, at].backward()
        assert x.grad is not None
        inputs = (x.grad[0].abs() > 1e-9 * x.grad.max()).nonzero()[:, 0]
        farthest = max(farthest, at - int(inputs.min()), int(inputs.max()) - at)
    assert 0.85 * reach(p) < farthest <= reach(p)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # reach(3) is 596, and the total stride 12
        (1000, 4900, (1596, 1596 + 2496)),
        (1000, 5000, (1596, 1596 + 3240)),
        (0, 4900, (0, 4248)),
        (1500, 2600, (2600, 2600)),  # nothing lies deep enough
    ],
)
def test_depth_of_a_region(start, end, expected):
    assert depth(5000, 3, start, end) == expected


def test_parameters_are_the_published_ones():
    parameters = list(initial(seed=0))
    counted = [parameter.numel() for parameter in parameters]
    assert counted == [1000, 10, 8000, 10, 2500, 5, 2500, 5, 8000, 10, 1000, 10]
    values = torch.cat([parameter.flatten() for parameter in parameters])
    assert values.abs().max() <= 0.2
    # The variance of a normal cut at two standard deviations is 0.774 of the whole one's.
    assert values.std().item() == pytest.approx(0.1 * 0.774**0.5, rel=0.02)
