"""The words in which rules are written, on intervals that touch their bounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecglib.estimates import Estimate
from ecglib.verdicts import above, below, within


@given(st.floats(-5, 5), st.floats(0, 5), st.floats(-5, 5))
def test_an_interval_is_above_below_or_astride_a_bound(low, length, bound):
    estimate = Estimate(low + length / 2, low, low + length, 40)
    astride = estimate.low <= bound <= estimate.high
    assert [above(estimate, bound), below(estimate, bound), astride].count(True) == 1
    margin = abs(bound)
    assert within(estimate, margin) == (above(estimate, -margin) and below(estimate, margin))


def test_an_interval_that_is_not_known_meets_no_bound():
    unknown = Estimate(np.nan, np.nan, np.nan, 0)
    assert not (within(unknown, 1) or above(unknown, -1) or below(unknown, 1))
