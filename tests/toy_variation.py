"""Scores of made-up networks, whose violations are known."""

import numpy as np

from ecglib.experiments.variations import VariationScores

PATIENTS = np.array([(i, j) for i in range(20) for j in range(i)])
DISPLACEMENT = np.random.default_rng(1).permutation(np.linspace(0, 300, len(PATIENTS)))


def scores_of(share, threshold, nets=3):
    """Networks that violate in this share of pairs, and whose T waves switch at a threshold, ms."""
    violated = np.zeros(len(PATIENTS))
    violated[
        np.random.default_rng(0).permutation(len(PATIENTS))[: round(share * len(PATIENTS))]
    ] = 1
    violated = np.tile(violated, (nets, 1))
    return VariationScores(
        explained={},
        wrong_count=violated,
        far_violations=violated,
        controlled=np.tile((threshold < DISPLACEMENT).astype(float), (nets, 1)),
        patients=dict.fromkeys(("C3", "C6", "d*"), PATIENTS),
        displacement_ms=DISPLACEMENT,
    )
