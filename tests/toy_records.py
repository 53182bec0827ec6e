"""Records built by hand, for tests."""

import numpy as np

from ecglib.data.records import Records, as_waves


def records_by_hand(signals, waves=None, fs=500.0, rhythms=None):
    """Records of these signals, (records, samples), and waves as rows for `as_waves`."""
    n = len(signals)
    return Records(
        signals=np.asarray(signals, np.float32),
        fs=float(fs),
        ids=tuple(str(i) for i in range(n)),
        lead="v6",
        source="by hand",
        waves=tuple(as_waves(rows) for rows in waves or [[]] * n),
        rhythms=rhythms or ("",) * n,
        diagnoses=((),) * n,
    )
