"""How a signal is cut for the FFT: whatever is chosen can hold the convolution."""

from hypothesis import given
from hypothesis import strategies as st

from ecglib.fft_plan import good_size, plan


def smooth(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1


@given(st.integers(1, 5000))
def test_a_good_size_is_the_least_of_its_kind(least):
    size = good_size(least)
    assert size == next(n for n in range(least, size + 1) if n % 8 == 0 and smooth(n))


@given(
    length=st.integers(1, 3000),
    taps=st.integers(1, 300),
    place=st.floats(0, 1),
    stride=st.integers(1, 8),
    batch=st.integers(1, 64),
    channels=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_blocks_cover_the_signal_and_hold_the_overlaps(
    length, taps, place, stride, batch, channels
):
    left = round(place * (taps - 1))
    before, after = -(-left // stride), -(-(taps - 1 - left) // stride)
    p = plan(length, taps, left, stride, batch, *channels)
    assert (p.blocks - 1) * p.hop < length <= p.blocks * p.hop
    if p.blocks == 1 and p.lead == 0:
        assert p.size >= length + max(before, after)
    else:
        assert p.lead == before
        assert p.size == p.hop + before + after
        assert p.hop > before + after  # a block overlaps none but the next


def test_a_batch_takes_larger_blocks_than_a_single_signal():
    single, batch = (plan(512, 80, 39, 1, count, 10, 10) for count in (1, 64))
    assert single.size < batch.size
