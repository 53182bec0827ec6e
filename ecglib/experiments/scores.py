"""Scores of paths: one number for each network and each pair of signals, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecglib.estimates import Estimate, Statistic, bootstrap, resampled, weighted_mean


@dataclass(frozen=True)
class Scores:
    """What was measured on the paths of several networks between the same pairs of signals.

    values: by the measure's name, (nets, pairs) each; paths that need no network have one row.
    patients: (pairs, 2) labels that intervals are resampled over.
    """

    values: Mapping[str, np.ndarray]
    patients: np.ndarray

    @classmethod
    def of_nets(cls, rows: Sequence[Mapping[str, np.ndarray]], patients: np.ndarray) -> "Scores":
        """Scores of all networks from those of each, (pairs,) by the measure's name."""
        return cls({name: np.stack([row[name] for row in rows]) for name in rows[0]}, patients)

    def __getitem__(self, measure: str) -> np.ndarray:
        """One measure, (nets, pairs)."""
        return self.values[measure]

    def where(self, pairs: np.ndarray) -> "Scores":
        """The scores of some pairs: their indices, or a boolean for each pair."""
        chosen = {measure: x[:, pairs] for measure, x in self.values.items()}
        return Scores(chosen, self.patients[pairs])

    def less(self, other: "Scores") -> "Scores":
        """Each network's scores less those of another set of paths between the same pairs.

        other: of as many networks, or of one, which is then subtracted from every network's.
        """
        differences = {measure: x - other[measure] for measure, x in self.values.items()}
        return Scores(differences, self.patients)

    def estimate(
        self,
        measure: str,
        statistic: Statistic = weighted_mean,
        unit: str = "",
        resamples: int = 1000,
    ) -> Estimate:
        """A measure over all pairs and networks, with its interval over both."""
        return bootstrap(self[measure], self.patients, statistic, unit, resamples)

    def against(
        self,
        other: "Scores",
        measure: str,
        compare: Callable[[float, float], float],
        statistic: Statistic = weighted_mean,
        unit: str = "",
        resamples: int = 1000,
    ) -> Estimate:
        """`compare` of the statistic here and of that of other networks on the same pairs.

        The networks of either side are drawn among themselves, the pairs for both alike, so what
        the two share cancels.
        """
        ours, theirs = self[measure], other[measure]
        n = len(ours)
        return resampled(
            lambda weights: compare(statistic(ours, weights[:n]), statistic(theirs, weights[n:])),
            self.patients,
            (n, len(theirs)),
            unit,
            resamples,
        )
